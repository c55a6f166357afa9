"""LangChain's own suites: the cache twice (exact, by meaning), and two cached chat models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumpd
from langchain_core.outputs import Generation
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests.cache import AsyncCacheTestSuite, SyncCacheTestSuite
from langchain_tests.integration_tests.embeddings import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests, EmbeddingsUnitTests

from cacheback import SemanticCache
from langchain_cacheback import CachebackCache, CachebackEmbeddings, cached

REWORDED = {"Sample prompt for testing.": "A sample prompt for testing"}


class Reworded(CachebackCache):
    """Asks for what was stored in other words."""

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        return super().lookup(REWORDED.get(prompt, prompt), llm_string)

    async def alookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        return await super().alookup(REWORDED.get(prompt, prompt), llm_string)


class TestExact(SyncCacheTestSuite):
    @pytest.fixture
    def cache(self) -> CachebackCache:
        return CachebackCache(cache_dir=":memory:")


class TestExactAsync(AsyncCacheTestSuite):
    @pytest.fixture
    async def cache(self) -> CachebackCache:
        return CachebackCache(cache_dir=":memory:")


class TestByMeaning(SyncCacheTestSuite):
    @pytest.fixture
    def cache(self) -> Iterator[CachebackCache]:
        cache = Reworded(cache_dir=":memory:")
        yield cache
        assert not cache.cache.stats().hits.get("exact")

    def test_the_suite_is_answered_by_meaning(self, cache: CachebackCache) -> None:
        self.test_cache_hit(cache)
        assert cache.cache.stats().hits == {"semantic": 1}


class TestByMeaningAsync(AsyncCacheTestSuite):
    @pytest.fixture
    async def cache(self) -> AsyncIterator[CachebackCache]:
        cache = Reworded(cache_dir=":memory:")
        yield cache
        assert not cache.cache.stats().hits.get("exact")


class CachedModelTests(ChatModelUnitTests):
    """The suite for a cached model, which is dumped as the model itself is."""

    own_class: Any
    key: str

    @pytest.fixture(autouse=True)
    def _key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(self.key, "k")

    @classmethod
    @cache
    def cached_class(cls) -> type[BaseChatModel]:
        model = cls.own_class(model="m", api_key="k")
        found: type[BaseChatModel] = type(cached(model, SemanticCache(":memory:")))
        return found

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return self.cached_class()

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {self.key: "k"},
            {"model": self.chat_model_params["model"]},
            {self.key.lower(): "k"},
        )

    @pytest.fixture
    def snapshot(self) -> Callable[..., Any]:
        fields = {**self.standard_chat_model_params, **self.chat_model_params}
        return lambda name: {"serialized": dumpd(self.own_class(**fields))}[name]


class TestCachedOpenAI(CachedModelTests):
    own_class = ChatOpenAI
    key = "OPENAI_API_KEY"

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "gpt-4o-mini", "api_key": "k"}


class TestCachedAnthropic(CachedModelTests):
    own_class = ChatAnthropic
    key = "ANTHROPIC_API_KEY"

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "claude-opus-5", "api_key": "k"}


class TestEmbeddings(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return CachebackEmbeddings


class TestEmbeddingsAsked(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return CachebackEmbeddings
