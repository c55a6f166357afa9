"""`SemanticCache.ask`: for anything that answers questions."""

from __future__ import annotations

import asyncio

import pytest

from cacheback import Answer, InputError, SemanticCache, Tier


class TestAsk:
    def test_called_once_and_then_remembered(self, cache: SemanticCache) -> None:
        calls: list[str] = []

        def call(question: str) -> str:
            calls.append(question)
            return "Paris."

        first = cache.ask("What is the capital of France?", call, tags=["geo"])
        second = cache.ask("capital of France?", call)
        assert (str(first), str(second)) == ("Paris.", "Paris.")
        assert (first.tier, second.tier) == (Tier.UPSTREAM, Tier.SEMANTIC)
        assert calls == ["What is the capital of France?"]
        (entry,) = cache.entries(tags=["geo"])
        assert entry.provenance == "upstream"

    def test_on_an_event_loop(self, cache: SemanticCache) -> None:
        async def call(question: str) -> Answer:
            return Answer(question.upper(), model="m")

        async def ask() -> list[str]:
            return [str(await cache.aask("hi", call)) for _ in range(2)]

        assert asyncio.run(ask()) == ["HI", "HI"]
        assert [entry.answer.model for entry in cache.entries()] == ["m"]

    def test_scope_namespace_ttl_and_threshold(self, cache: SemanticCache) -> None:
        question = "What is the capital of France?"
        cache.ask(question, lambda _: "Paris.", scope={"model": "a"}, namespace="n", ttl=60)
        (entry,) = cache.entries(scope={"model": "a"}, namespace="n")
        assert entry.expires_at == entry.created_at + 60
        again = cache.ask(
            "capital of France?",
            lambda _: "Lyon.",
            scope={"model": "a"},
            namespace="n",
            threshold=0.99,
        )
        assert str(again) == "Lyon."

    def test_an_empty_answer_is_not_kept(self, cache: SemanticCache) -> None:
        assert str(cache.ask("hi", lambda _: " ")) == " "
        assert cache.entries() == []

    def test_what_is_no_answer(self, cache: SemanticCache) -> None:
        with pytest.raises(InputError, match="NoneType"):
            cache.ask("hi", lambda _: None)  # type: ignore[arg-type,return-value]
        with pytest.raises(ZeroDivisionError):
            cache.ask("hi", lambda _: str(1 / 0))
        assert cache.entries() == []
