"""What lies in a memory that is no answer, or a memory that is closed, never breaks a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cacheback import AsyncCachedOpenAI, CachedOpenAI, SemanticCache
from cacheback.models import Answer
from cacheback.testing import ScriptedUpstream

ASKED: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
NO_COMPLETIONS: list[dict[str, Any]] = [
    {"object": "x"},
    {"choices": []},
    {"choices": None},
    {"choices": [1]},
    {"choices": [{"index": 0}]},
    {"choices": [{"message": {"tool_calls": [1]}}]},
]


def replace_answer(cache: SemanticCache, answer: Answer) -> None:
    """Let the only entry have this answer."""
    (entry,) = cache.entries()
    cache.populate(entry.question, answer, scope=cache.store.scope_parts(entry.scope))


@pytest.mark.parametrize("raw", NO_COMPLETIONS, ids=str)
def test_json_that_is_no_completion_is_not_believed(
    client: CachedOpenAI, upstream: ScriptedUpstream, raw: dict[str, Any]
) -> None:
    client.chat.completions.create(**ASKED)
    replace_answer(client.cache, Answer("Paris.", format="openai.chat", raw=raw))
    whole = client.chat.completions.create(**ASKED)
    assert whole.choices[0].message.content == "Paris."
    chunks = list(client.chat.completions.create(**ASKED, stream=True))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said == "Paris."
    assert upstream.calls == 1


@pytest.mark.parametrize(
    "vector", [None, [], [1.0, "x"], "", "not base64!", "AAAA", {"a": 1}], ids=str
)
@pytest.mark.parametrize("form", ["float", "base64"])
def test_what_cannot_be_told_is_asked_for(
    client: CachedOpenAI, upstream: ScriptedUpstream, vector: Any, form: Any
) -> None:
    asked: dict[str, Any] = {"model": "m", "input": "hello", "encoding_format": form}
    first = client.embeddings.create(**asked)
    answer = Answer("", format="openai.embeddings", raw={"embedding": vector})
    replace_answer(client.cache, answer)
    assert client.embeddings.create(**asked).data == first.data
    assert upstream.calls == 2
    assert client.cache.stats().faults == {"wire_failed": 1}


async def test_also_on_an_event_loop(upstream: ScriptedUpstream, cache: SemanticCache) -> None:
    async with AsyncCachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="x") as client:
        first = await client.embeddings.create(model="m", input="hello")
        replace_answer(cache, Answer("", format="openai.embeddings", raw={"embedding": "x"}))
        assert (await client.embeddings.create(model="m", input="hello")).data == first.data
    assert upstream.calls == 2


def test_a_client_of_a_closed_cache_is_a_plain_one(
    make_client: Callable[..., CachedOpenAI],
    make_cache: Callable[..., SemanticCache],
    upstream: ScriptedUpstream,
) -> None:
    cache = make_cache()
    client = make_client(cache=cache, max_retries=0)
    client.chat.completions.create(**ASKED)
    cache.close()
    answered = client.chat.completions.create(**ASKED)
    assert answered.choices
    assert not hasattr(answered, "cacheback_hit")
    assert list(client.chat.completions.create(**ASKED, stream=True))
    assert client.embeddings.create(model="m", input="hello").data
    assert upstream.calls == 4


async def test_also_asynchronously(upstream: ScriptedUpstream, cache: SemanticCache) -> None:
    async with AsyncCachedOpenAI(
        cache=cache, base_url=upstream.openai_url, api_key="x", max_retries=0
    ) as client:
        cache.close()
        assert (await client.chat.completions.create(**ASKED)).choices
    assert upstream.calls == 1


def test_a_rule_that_makes_no_json_is_a_miss(
    make_client: Callable[..., CachedOpenAI],
    make_cache: Callable[..., SemanticCache],
    upstream: ScriptedUpstream,
) -> None:
    client = make_client(cache=make_cache(scope={"model": lambda model: {model}}))
    for _ in range(2):
        assert client.chat.completions.create(**ASKED).choices
    assert upstream.calls == 2
    assert client.cache.stats().faults == {"scope_failed": 2}


def test_whoever_reads_such_a_memory_directly_gets_its_text(cache: SemanticCache) -> None:
    spoilt = Answer("Paris.", format="openai.chat", raw={"choices": []})
    cache.populate("What is the capital of France?", spoilt)
    for question in ("What is the capital of France?", "capital of France?"):
        hit = cache.lookup(question)
        assert hit is not None
        assert hit.answer == Answer("Paris.", format="openai.chat")
