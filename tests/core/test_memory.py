"""Every copy follows the store, whatever fails; what is acknowledged is served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cacheback import ConfigurationError, SemanticCache
from cacheback.core.memory import Memo
from cacheback.core.ports import Selection
from cacheback.errors import StoreLockedError
from cacheback.models import Answer, Controls
from cacheback.store.sqlite import SQLiteStore


def questions(count: int) -> list[str]:
    return [f"question number {i}" for i in range(count)]


class TestRemovalThatFailsHalfway:
    @pytest.fixture
    def cache(
        self, make_cache: Callable[..., SemanticCache], monkeypatch: pytest.MonkeyPatch
    ) -> SemanticCache:
        """Four expired entries in memory; the store removes two, and then no more."""
        cache = make_cache(cache_ttl=10)
        for question in questions(4):
            cache.populate(question, "an answer", tags=["t"])
        assert isinstance(cache.store, SQLiteStore)
        connections, left = cache.store._connections, [1]
        writing = connections.writing

        def once(**how: Any) -> Any:
            if not left:
                raise StoreLockedError("another process writes")
            left.pop()
            return writing(**how)

        monkeypatch.setattr("cacheback.store.sqlite._PART", 2)
        monkeypatch.setattr(connections, "writing", once)
        return cache

    def test_what_is_gone_is_not_served(self, cache: SemanticCache) -> None:
        with pytest.raises(StoreLockedError):
            cache.invalidate(tags=["t"])
        there = [entry.question for entry in cache.store.select(Selection())]
        assert len(there) == 2
        assert [one for one in questions(4) if cache.lookup(one)] == there

    def test_nor_after_an_eviction(self, cache: SemanticCache, clock: Any) -> None:
        clock.advance(20)
        with pytest.raises(StoreLockedError):
            cache.evict()
        clock.advance(-20)
        there = [entry.question for entry in cache.store.select(Selection())]
        assert len(there) == 2
        assert [one for one in questions(4) if cache.lookup(one)] == there

    def test_also_when_looking_for_changes_fails_too(
        self, cache: SemanticCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> bool:
            raise StoreLockedError("not now")

        with monkeypatch.context() as patch:
            patch.setattr(cache.store, "changed", fail)
            with pytest.raises(StoreLockedError, match="another process"):
                cache.invalidate(tags=["t"])
        assert len([one for one in questions(4) if cache.lookup(one)]) == 2


class TestWhatCannotBeFound:
    def test_a_disabled_cache_refuses_to_store(
        self, make_cache: Callable[..., SemanticCache]
    ) -> None:
        cache = make_cache(cache_enabled=False)
        with pytest.raises(ConfigurationError, match="cache_enabled"):
            cache.populate("question", "answer")
        assert not cache.entries()

    @pytest.mark.parametrize("rule", [lambda _: 1 / 0, lambda _: {1}])
    def test_a_rule_that_fails_is_named(
        self, make_cache: Callable[..., SemanticCache], rule: Callable[[Any], Any]
    ) -> None:
        cache = make_cache(scope={"system": rule})
        with pytest.raises(ConfigurationError, match="rule for 'system' failed") as told:
            cache.populate("question", "answer", scope={"model": "m", "system": "s"})
        assert told.value.__cause__ is not None
        assert not cache.entries()

    def test_a_rule_that_fails_once_only(self, make_cache: Callable[..., SemanticCache]) -> None:
        failures = [ZeroDivisionError()]

        def rule(value: Any) -> Any:
            if failures:
                raise failures.pop()
            return value

        cache = make_cache(scope={"system": rule})
        with pytest.raises(ConfigurationError, match="one of its parts"):
            cache.populate("question", "answer", scope={"system": "s"})

    def test_what_is_to_be_bypassed_is_not_stored(self, cache: SemanticCache) -> None:
        request = cache.request("question", None, Controls(mode="bypass"))
        with pytest.raises(ConfigurationError, match="bypassed"):
            cache.engine.memory.remember([Memo(request, Answer("a"), "manual")])
