from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cacheback import (
    Answer,
    ClosedError,
    ConfigurationError,
    EmbedderMismatchError,
    InputError,
    Reason,
    Saved,
    SemanticCache,
    Tier,
    Usage,
)
from cacheback.embedders import BaseEmbedder
from cacheback.models import Shadow

FRANCE = "What is the capital of France?"


class TestLookup:
    def test_the_same_text_is_an_exact_hit(self, cache: SemanticCache) -> None:
        entry = cache.populate(FRANCE, "Paris.", seconds=1.5)
        hit = cache.lookup(FRANCE)
        assert hit is not None
        assert str(hit) == "Paris."
        assert (hit.tier, hit.similarity) == (Tier.EXACT, 1.0)
        assert hit.verdict.reason is Reason.SAME_TEXT
        assert hit.entry == entry
        assert hit.saved.seconds == 1.5

    def test_a_paraphrase_is_a_semantic_hit(self, cache: SemanticCache) -> None:
        cache.populate(FRANCE, "Paris.")
        hit = cache.lookup("capital of France?")
        assert hit is not None
        assert hit.tier is Tier.SEMANTIC
        assert hit.verdict.reason is Reason.ABOVE_THRESHOLD
        assert 0.92 <= hit.similarity < 1

    def test_a_near_miss_is_not_served(self, cache: SemanticCache) -> None:
        cache.populate(FRANCE, "Paris.")
        assert cache.lookup("What is the capital of Finland?", threshold=0.3) is None
        assert cache.stats().misses == {"name_differs": 1}

    def test_nothing_is_found_in_an_empty_cache(self, cache: SemanticCache) -> None:
        assert cache.lookup(FRANCE) is None
        assert cache.stats().misses == {"empty": 1}

    def test_a_whole_answer_comes_back_whole(self, cache: SemanticCache) -> None:
        answer = Answer(
            "Paris.", reasoning="Easy.", usage=Usage(10, 2, 0.5), raw={"choices": [{"a": [1]}]}
        )
        cache.populate(FRANCE, answer)
        hit = cache.lookup(FRANCE)
        assert hit is not None
        assert hit.answer == answer
        assert (hit.saved.tokens, hit.saved.money) == (12, 0.5)

    def test_an_answer_with_a_known_model_is_priced(self, cache: SemanticCache) -> None:
        usage = Usage(1_000_000, 0)
        entry = cache.populate(
            FRANCE, Answer("Paris.", usage=usage, model="gpt-4o-mini", provider="openai")
        )
        assert entry.answer.usage is not None
        assert entry.answer.usage.cost == pytest.approx(0.15)

    def test_another_scope_never_answers(self, cache: SemanticCache) -> None:
        cache.populate(FRANCE, "Paris.", scope={"system": "Be kind."})
        assert cache.lookup(FRANCE) is None
        assert cache.lookup(FRANCE, scope={"system": "Be rude."}) is None
        assert cache.lookup(FRANCE, scope={"system": "Be kind."}) is not None

    def test_namespaces_are_apart(self, cache: SemanticCache) -> None:
        cache.populate(FRANCE, "Paris.", namespace="a")
        assert cache.lookup(FRANCE) is None
        assert cache.lookup(FRANCE, namespace="b") is None
        assert cache.lookup(FRANCE, namespace="a") is not None

    def test_a_disabled_cache_finds_nothing(self, make_cache: Callable[..., Any]) -> None:
        make_cache().populate(FRANCE, "Paris.")
        assert make_cache(cache_enabled=False).lookup(FRANCE) is None

    def test_a_better_answer_replaces_the_first(self, cache: SemanticCache) -> None:
        cache.populate(FRANCE, "Lyon?")
        cache.populate(FRANCE, "Paris.")
        assert str(cache.lookup(FRANCE)) == "Paris."
        assert str(cache.lookup("capital of France?")) == "Paris."
        assert cache.stats().entries == 1


def test_what_a_caller_does_to_a_hit_is_its_own(cache: SemanticCache) -> None:
    raw = {"choices": [{"text": "Paris."}]}
    cache.populate(FRANCE, Answer("Paris.", format="mine", raw=raw))
    for question in (FRANCE, "capital of France?"):
        for part in ("answer", "entry"):
            hit: Any = cache.lookup(question)
            assert hit.entry.answer == hit.answer
            answer = hit.answer if part == "answer" else hit.entry.answer
            assert answer.raw == {"choices": [{"text": "Paris."}]}
            answer.raw["choices"][0]["text"] = "Rome."
            answer.raw["choices"].append("more")


class TestBlindness:
    @pytest.mark.parametrize(
        ("question", "reason"),
        [
            (" ".join(["word"] * 300), Reason.TOO_LONG),
            ("Что такое столица Франции?", Reason.UNREADABLE),
        ],
    )
    def test_only_the_exact_tier_serves(
        self, cache: SemanticCache, question: str, reason: Reason
    ) -> None:
        cache.populate(question, "An answer.")
        assert cache.lookup(question) is not None
        assert cache.lookup(question + " Indeed?") is None
        assert cache.stats().misses == {reason: 1}


class TestTime:
    def test_entries_expire(self, cache: SemanticCache, clock: Any) -> None:
        cache.populate(FRANCE, "Paris.", ttl=60)
        clock.advance(59)
        assert cache.lookup(FRANCE)
        clock.advance(1)
        assert cache.lookup(FRANCE) is None
        assert cache.lookup("capital of France?") is None
        assert cache.stats().misses == {"expired": 2}

    def test_the_default_lifetime_is_the_cache_s(
        self, make_cache: Callable[..., Any], clock: Any
    ) -> None:
        cache = make_cache(cache_ttl=10)
        cache.populate(FRANCE, "Paris.")
        cache.populate("Who wrote Hamlet?", "Shakespeare.", ttl=math.inf)
        clock.advance(11)
        assert cache.lookup(FRANCE) is None
        assert cache.lookup("Who wrote Hamlet?")

    def test_age_counts_from_storing(self, cache: SemanticCache, clock: Any) -> None:
        cache.populate(FRANCE, "Paris.")
        clock.advance(7)
        hit = cache.lookup(FRANCE)
        assert hit is not None
        assert hit.age == 7

    def test_yesterday_s_weather_is_no_answer_today(self, cache: SemanticCache, clock: Any) -> None:
        weather = "What is the weather in Berlin today?"
        cache.populate(weather, "Rain.", ttl=math.inf)
        assert cache.lookup(weather)
        clock.advance(86_400)
        assert cache.lookup(weather) is None


class TestForgetting:
    @pytest.fixture
    def two(self, make_cache: Callable[..., Any]) -> tuple[SemanticCache, SemanticCache]:
        """Two caches on one directory that both hold the same entries in memory."""
        one, other = make_cache(), make_cache()
        one.populate(FRANCE, "Paris.", tags=["geography"])
        one.populate("Who wrote Hamlet?", "Shakespeare.", tags=["books"], namespace="n")
        for cache in (one, other):
            assert cache.lookup(FRANCE)
            assert cache.lookup("capital of France?")
        return one, other

    @pytest.mark.parametrize(
        "forget",
        [
            lambda cache: cache.delete(cache.entries(text="capital")[0].id),
            lambda cache: cache.invalidate(tags=["geography"]),
            lambda cache: asyncio.run(cache.ainvalidate(tags=["geography", "x"])),
            lambda cache: asyncio.run(cache.adelete(cache.entries(text="capital")[0].id)),
            lambda cache: cache.clear() - 1,
        ],
    )
    def test_reaches_every_copy(
        self, two: tuple[SemanticCache, SemanticCache], forget: Callable[[SemanticCache], int]
    ) -> None:
        assert forget(two[0]) == 1
        for cache in two:
            assert cache.lookup(FRANCE) is None
            assert cache.lookup("capital of France?") is None
            assert not cache.entries(text="capital")

    def test_by_namespace_and_age(
        self, two: tuple[SemanticCache, SemanticCache], clock: Any
    ) -> None:
        assert two[0].invalidate(namespace="n") == 1
        clock.advance(10)
        two[0].populate("new?", "yes")
        assert two[0].invalidate(older_than=5) == 1
        assert [entry.question for entry in two[1].entries()] == ["new?"]

    def test_everything_must_be_asked_for(self, cache: SemanticCache) -> None:
        with pytest.raises(InputError, match="clear"):
            cache.invalidate()

    def test_eviction_takes_the_least_recently_used(
        self, make_cache: Callable[..., Any], clock: Any
    ) -> None:
        cache = make_cache(cache_max_entries=2)
        for name in ("a", "b", "c"):
            cache.populate(f"question {name}", name)
            clock.advance(1)
        assert cache.lookup("question a")
        clock.advance(1)
        cache.stats()
        assert cache.evict() == 1
        assert cache.lookup("question a")
        assert cache.lookup("question b") is None

    def test_storing_evicts_by_itself(self, make_cache: Callable[..., Any]) -> None:
        cache = make_cache(cache_max_entries=10)
        for i in range(200):
            cache.populate(f"{'word ' * 300}{i}", "long: no need to encode")
        assert cache.stats().entries <= 10 + 64


class TestSearch:
    def test_explains_what_it_would_serve(self, cache: SemanticCache) -> None:
        cache.populate(FRANCE, "Paris.")
        cache.populate("What is the capital of Finland?", "Helsinki.")
        found = cache.search("capital of France?", 2)
        assert found.tier is Tier.SEMANTIC
        first, second = found
        assert first.verdict.reason is Reason.ABOVE_THRESHOLD
        assert second.entry.question.endswith("Finland?")
        assert not second.verdict.serve
        assert cache.stats().lookups == 0

    def test_explains_which_part_of_the_scope_keeps_an_answer_away(
        self, cache: SemanticCache
    ) -> None:
        cache.populate(FRANCE, "Paris.", scope={"system": "Today is Monday.", "model": "m"})
        found = cache.search(FRANCE, scope={"system": "Today is Friday.", "model": "m"})
        assert found.tier is None
        (elsewhere,) = found.elsewhere
        (difference,) = elsewhere.differences
        assert (difference.part, difference.there) == ("system", "Today is Monday.")

    def test_can_look_everywhere(self, cache: SemanticCache) -> None:
        cache.populate(FRANCE, "Paris.", scope={"model": "m"})
        assert not list(cache.search("capital of France?"))
        found = cache.search("capital of France?", everywhere=True)
        assert [one.entry.question for one in found] == [FRANCE]
        assert found.tier is None

    def test_its_twin_says_the_same(self, cache: SemanticCache) -> None:
        cache.populate(FRANCE, "Paris.")
        assert asyncio.run(cache.asearch("capital of France?")) == cache.search(
            "capital of France?"
        )


class TestAsync:
    async def test_twins(self, cache: SemanticCache) -> None:
        entry = await cache.apopulate(FRANCE, "Paris.", tags=["t"])
        for question in (FRANCE, "capital of France?"):
            hit = await cache.alookup(question)
            assert hit is not None
            assert hit.entry == entry
        assert await cache.alookup("Who wrote Hamlet?") is None

    async def test_as_a_context(self, tmp_path: Path) -> None:
        async with SemanticCache(tmp_path / "mine") as cache:
            assert await cache.alookup(FRANCE) is None
        with pytest.raises(ClosedError):
            await cache.alookup(FRANCE)


class TestArguments:
    @pytest.mark.parametrize(
        ("call", "error", "told"),
        [
            (lambda c: c.lookup(None), InputError, "a question is text, not NoneType"),
            (lambda c: c.populate("", "x"), InputError, "empty"),
            (lambda c: c.populate("q", 5), InputError, "text or an Answer, not int"),
            (lambda c: c.populate("q", "a", tags="geo"), InputError, r"tags=\['geo'\]"),
            (lambda c: c.populate("q", "a", ttl=0), InputError, "math.inf"),
            (lambda c: c.populate("q", "a", ttl="7d"), InputError, "math.inf"),
            (lambda c: c.lookup("q", scope={"sytem": "x"}), ConfigurationError, "the parts are"),
            (lambda c: c.lookup("q", scope={"system": {1}}), InputError, "not JSON"),
        ],
    )
    def test_a_mistake_is_told(
        self, cache: SemanticCache, call: Any, error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            call(cache)


class TestScopeRules:
    def test_a_function_that_fails_is_a_miss(self, make_cache: Callable[..., Any]) -> None:
        def fail(_: Any) -> Any:
            raise RuntimeError("mine")

        cache = make_cache(scope={"system": fail})
        assert cache.lookup(FRANCE, scope={"system": "x"}) is None
        assert cache.stats().faults == {"scope_failed": 1}
        cache.populate(FRANCE, "Paris.")
        assert cache.lookup(FRANCE)


class Fixed(BaseEmbedder):
    """Another vector space."""

    name = "fixed"
    dim = 3

    def encode(self, text: str) -> Any:
        import numpy as np

        return np.array([1.0, len(text), 0.0], dtype=np.float32)


class TestLife:
    def test_lives_at_home_unless_told_otherwise(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        with SemanticCache() as cache:
            cache.populate("x" * 600, "An answer.")
        assert (tmp_path / ".cacheback" / "cache.db").exists()

    def test_what_was_stored_is_there_tomorrow(self, make_cache: Callable[..., Any]) -> None:
        first = make_cache()
        first.populate(FRANCE, "Paris.")
        first.lookup(FRANCE)
        first.close()
        second = make_cache()
        assert second.lookup("capital of France?")
        assert second.stats().hits == {"exact": 1, "semantic": 1}

    def test_use_after_close_is_told(self, cache: SemanticCache) -> None:
        cache.close()
        cache.close()
        with pytest.raises(ClosedError, match="new SemanticCache"):
            cache.lookup(FRANCE)

    def test_counts_are_recorded_when_nobody_closes(self, tmp_path: Path, embedder: Any) -> None:
        cache = SemanticCache(tmp_path, embedder=embedder)
        cache.lookup(FRANCE)
        del cache
        with SemanticCache(tmp_path, embedder=embedder) as again:
            assert again.stats().misses == {"empty": 1}

    def test_embedders_do_not_mix(self, make_cache: Callable[..., Any]) -> None:
        make_cache().populate(FRANCE, "Paris.")
        with pytest.raises(EmbedderMismatchError, match="cacheback reembed"):
            make_cache(embedder=Fixed())

    def test_a_cache_in_memory_leaves_nothing_behind(
        self, make_cache: Callable[..., Any], tmp_path: Path
    ) -> None:
        cache = make_cache(":memory:")
        cache.populate(FRANCE, "Paris.")
        assert cache.lookup("capital of France?")
        assert not list(tmp_path.iterdir())

    def test_threads_share_a_cache(self, cache: SemanticCache) -> None:
        def use(i: int) -> None:
            cache.populate(f"question number {i}?", str(i))
            hit = cache.lookup(f"question number {i}?")
            assert hit is not None
            assert str(hit) == str(i)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(use, range(64)))
        assert cache.stats().entries == 64

    def test_shadow_mode_is_counted_apart(self, make_cache: Callable[..., Any]) -> None:
        assert make_cache().stats().shadow == Shadow()
        assert Shadow().hit_rate == 0
        cache = make_cache(mode="shadow")
        cache.populate(FRANCE, Answer("Paris.", usage=Usage(10, 2, 0.5)), seconds=1.5)
        assert cache.lookup(FRANCE) is None
        assert cache.lookup("Who wrote Hamlet?") is None
        stats = cache.stats()
        assert stats.shadow == Shadow({"exact": 1}, 1, Saved(12, 0.5, 1.5))
        assert (stats.shadow.lookups, stats.shadow.hit_rate) == (2, 0.5)
        assert (stats.lookups, stats.hits, stats.saved) == (0, {}, Saved())

    def test_a_forked_child_may_go_on(self, make_cache: Callable[..., Any]) -> None:
        cache = make_cache()
        cache.populate(FRANCE, "Paris.")
        cache.lookup(FRANCE)
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            fine = cache.lookup("capital of France?") is not None
            cache.populate("Who wrote Hamlet?", "Shakespeare.")
            cache.close()
            os._exit(0 if fine else 1)
        _, status = os.waitpid(child, 0)
        assert status == 0
        assert cache.lookup("Who wrote Hamlet?")
        assert cache.stats().hits == {"exact": 2, "semantic": 1}
