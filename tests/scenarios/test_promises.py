"""The promises that need a whole client or several processes to show."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cacheback import CachedOpenAI, Reason, SemanticCache, Tier, blank_volatile, info
from cacheback.testing import ScriptedUpstream

BANK = [
    ("Can I withdraw $50?", "Can I withdraw $500?"),
    ("Is it safe to share my PIN?", "Is it unsafe to share my PIN?"),
    ("How do I enable notifications?", "How do I disable notifications?"),
    ("How do I convert USD to EUR?", "How do I convert EUR to USD?"),
    ("Are you open on Monday?", "Are you open on Sunday?"),
    ("Does it work with Python?", "Does it work with Ruby?"),
    ("Explain interest in one sentence.", "Explain interest in detail."),
    ("Why can I transfer money?", "Why can't I transfer money?"),
]


@pytest.fixture
def client(upstream: ScriptedUpstream, cache: SemanticCache) -> CachedOpenAI:
    return CachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="x")


def ask(client: CachedOpenAI, question: str, **options: Any) -> Any:
    system = options.pop("system", None)
    turns = options.pop("turns", [])
    messages = [*turns, {"role": "user", "content": question}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    options.setdefault("model", "gpt-4o-mini")
    return client.chat.completions.create(messages=messages, **options)


class TestRightAnswers:
    @pytest.mark.parametrize(("one", "other"), BANK)
    def test_a_near_miss_is_never_served_however_low_the_bar(
        self, cache: SemanticCache, one: str, other: str
    ) -> None:
        cache.populate(one, "An answer.")
        (candidate,) = cache.search(other)
        assert candidate.similarity > 0.4
        assert cache.lookup(other, threshold=0.4) is None

    @pytest.mark.parametrize(
        ("known", "asked"),
        [
            ("What is the capital of France?", "capital of France?"),
            ("What is the capital of France?", "what is the capital of france?"),
            ("How do I reset my password?", "How can I reset my password?"),
            ("What's the weather like on Mars?", "What is the weather like on Mars?"),
        ],
    )
    def test_a_paraphrase_is(self, cache: SemanticCache, known: str, asked: str) -> None:
        cache.populate(known, "An answer.")
        hit = cache.lookup(asked)
        assert hit is not None
        assert hit.tier is Tier.SEMANTIC


class TestExactIsExact:
    TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"tools": [TOOL]}, Reason.TOOLS_EXACT_ONLY),
            ({"response_format": {"type": "json_object"}}, Reason.STRUCTURED_EXACT_ONLY),
            ({"n": 2}, Reason.CHOICES_EXACT_ONLY),
            ({"logprobs": True}, Reason.LOGPROBS_EXACT_ONLY),
        ],
    )
    def test_by_meaning_nothing_is_served(
        self, client: CachedOpenAI, options: dict[str, Any], reason: Reason
    ) -> None:
        ask(client, "How do I reset my password?", **options)
        told = info(ask(client, "How can I reset my password?", **options))
        assert told is not None
        assert (told.hit, told.reason) == (False, reason)
        assert ask(client, "How can I reset my password?", **options).cacheback_hit

    def test_and_what_was_stored_so_is_not_found_by_plain_requests(
        self, client: CachedOpenAI
    ) -> None:
        ask(client, "How do I reset my password?", tools=[self.TOOL], tool_choice="none")
        ask(client, "How do I reset my password?", tools=[self.TOOL])
        assert not ask(client, "How can I reset my password?").cacheback_hit


class TestScopeParts:
    DATED = "You are a bank's assistant. It is Monday, 23 November 2026, {}. Session req_{}."

    def test_a_date_in_the_system_prompt_means_no_hit_ever(self, client: CachedOpenAI) -> None:
        ask(client, "How do I reset my password?", system=self.DATED.format("9:01", "0a1b2c3d4e"))
        late = ask(
            client, "How do I reset my password?", system=self.DATED.format("9:02", "9f8e7d6c5b")
        )
        assert not late.cacheback_hit

    def test_unless_it_is_blanked(
        self, make_cache: Callable[..., SemanticCache], upstream: ScriptedUpstream
    ) -> None:
        cache = make_cache(scope={"system": blank_volatile})
        with CachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="x") as client:
            for time, session in (("9:01", "0a1b2c3d4e"), ("9:02", "9f8e7d6c5b")):
                system = self.DATED.format(time, session)
                last = ask(client, "How do I reset my password?", system=system)
        assert last.cacheback_hit

    def test_and_the_miss_is_explained(self, client: CachedOpenAI) -> None:
        ask(client, "How do I reset my password?", system="Today is Monday.")
        (entry,) = client.cache.entries()
        scope = dict(client.cache.store.scope_parts(entry.scope) or {})
        found = client.cache.search(
            "How do I reset my password?", scope={**scope, "system": "Today is Friday."}
        )
        (elsewhere,) = found.elsewhere
        (difference,) = elsewhere.differences
        assert (difference.part, difference.here, difference.there) == (
            "system",
            "Today is Friday.",
            "Today is Monday.",
        )


class TestQuestionsThatLean:
    def turns(self, name: str) -> list[dict[str, str]]:
        return [
            {"role": "user", "content": f"Who is {name}?"},
            {"role": "assistant", "content": f"{name} is a painter."},
        ]

    @pytest.mark.parametrize(
        "question", ["How old is he?", "And in Paris?", "Can you say more about that?"]
    )
    def test_are_only_served_within_the_same_history(
        self,
        make_cache: Callable[..., SemanticCache],
        upstream: ScriptedUpstream,
        question: str,
    ) -> None:
        cache = make_cache(scope={"history": "ignore"})
        with CachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="x") as client:
            ask(client, question, turns=self.turns("Richter"))
            assert not ask(client, question, turns=self.turns("Hockney")).cacheback_hit
            assert ask(client, question, turns=self.turns("Richter")).cacheback_hit
            whole = "Which colours does a rainbow have?"
            ask(client, whole, turns=self.turns("Richter"))
            assert ask(client, whole, turns=self.turns("Hockney")).cacheback_hit


class TestNow:
    @pytest.mark.parametrize(
        "question",
        [
            "What is the latest version of Python?",
            "What is the price of gold?",
            "What is the weather in Berlin?",
            "What happened this week?",
        ],
    )
    def test_tomorrow_is_another_day(self, cache: SemanticCache, clock: Any, question: str) -> None:
        cache.populate(question, "As of now …", ttl=math.inf)
        assert cache.lookup(question)
        clock.advance(86_400)
        assert cache.lookup(question) is None


class TestSeveralProcesses:
    SCRIPT = """
import json, sys
from cacheback import SemanticCache
with SemanticCache(sys.argv[1]) as cache:
    for line in sys.stdin:
        do, *args = json.loads(line)
        result = getattr(cache, do)(*args)
        print(json.dumps(str(result) if do == "lookup" else None), flush=True)
"""

    @pytest.fixture
    def other(self, tmp_path: Path) -> Any:
        """Another process on the same directory, which does what it is told."""
        process = subprocess.Popen(
            [sys.executable, "-c", self.SCRIPT, str(tmp_path / "cache")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        assert process.stdout

        def tell(do: str, *args: Any) -> Any:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps([do, *args]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield tell
        process.communicate()
        assert process.returncode == 0

    def test_see_what_each_other_writes_and_forgets(
        self, make_cache: Callable[..., SemanticCache], other: Any
    ) -> None:
        cache = make_cache(clock=__import__("time").time)
        assert other("lookup", "How do I reset my password?") == "None"
        entry = cache.populate("How do I reset my password?", "Like this.")
        assert other("lookup", "How do I reset my password?") == "Like this."
        assert other("lookup", "How can I reset my password?") == "Like this."
        other("populate", "Who wrote Hamlet?", "Shakespeare.")
        assert str(cache.lookup("Who wrote Hamlet?")) == "Shakespeare."
        cache.delete(entry.id)
        assert other("lookup", "How do I reset my password?") == "None"
        assert other("lookup", "How can I reset my password?") == "None"
        other("clear")
        assert cache.lookup("Who wrote Hamlet?") is None


class TestStrangeText:
    @pytest.mark.parametrize(
        "question", ["\ud800 half a character?", "\x00", "a" * 100_000, "👋", " ", "¿Qué?"]
    )
    def test_never_breaks_a_call(
        self, client: CachedOpenAI, upstream: ScriptedUpstream, question: str
    ) -> None:
        body = json.dumps(
            {"model": "m", "messages": [{"role": "user", "content": question}]}
        ).encode()
        for _ in range(2):
            reply = client._client.post(
                f"{upstream.openai_url}/chat/completions",
                content=body,
                headers={"content-type": "application/json"},
            )
            assert reply.json()["choices"]

    def test_nor_does_json_nested_deeper_than_python_reads(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        nested = "[" * 100_000 + "]" * 100_000
        body = f'{{"model": "m", "x": {nested}, "messages": []}}'.encode()
        reply = client._client.post(f"{upstream.openai_url}/chat/completions", content=body)
        assert reply.status_code == 400  # the provider's own word on it
        assert upstream.calls == 1
