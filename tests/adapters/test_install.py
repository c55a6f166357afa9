"""Where the transport is put: clients with proxies, clients of others, clients that go away."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cacheback import (
    AsyncCachedAzureOpenAI,
    AsyncCachedOpenAI,
    CachedAzureOpenAI,
    CachedOpenAI,
    ConfigurationError,
    SemanticCache,
    wrap,
)
from cacheback.adapters.install import install
from cacheback.testing import Reply, ScriptedUpstream

openai = pytest.importorskip("openai")

MESSAGES: Any = [{"role": "user", "content": "What is the capital of France?"}]
CALL: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}
NOWHERE = "http://provider.invalid/v1"


def hit(reply: Any) -> bool | None:
    """Whether memory answered; None when the cache was not asked."""
    return getattr(reply, "cacheback_hit", None)


def ask(client: Any) -> bool | None:
    return hit(client.chat.completions.create(**CALL))


async def aask(client: Any) -> bool | None:
    return hit(await client.chat.completions.create(**CALL))


class TestProxies:
    @pytest.fixture(autouse=True)
    def proxy(self, monkeypatch: pytest.MonkeyPatch, upstream: ScriptedUpstream) -> None:
        monkeypatch.setenv("HTTP_PROXY", upstream.url)

    async def test_from_the_environment_are_used_and_asked_through_the_cache(
        self, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        async with AsyncCachedOpenAI(cache=cache, base_url=NOWHERE, api_key="x") as client:
            assert [await aask(client) for _ in range(2)] == [False, True]
        assert upstream.requests[0].path == f"{NOWHERE}/chat/completions"

    def test_of_a_wrapped_client(self, cache: SemanticCache, upstream: ScriptedUpstream) -> None:
        with openai.OpenAI(base_url=NOWHERE, api_key="x") as plain:
            twin = wrap(plain, cache=cache)
            assert [ask(twin), ask(twin), ask(plain)] == [False, True, None]
        assert {request.path for request in upstream.requests} == {f"{NOWHERE}/chat/completions"}

    async def test_of_a_wrapped_asynchronous_client(
        self, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        async with openai.AsyncOpenAI(base_url=NOWHERE, api_key="x") as plain:
            twin = wrap(plain, cache=cache)
            assert [await aask(twin), await aask(twin), await aask(plain)] == [False, True, None]
        assert upstream.calls == 2


class TestWhoGoesAway:
    @pytest.fixture
    def options(self, upstream: ScriptedUpstream) -> dict[str, Any]:
        return {"base_url": upstream.openai_url, "api_key": "x"}

    def test_the_original_of_a_wrapped_client(
        self, cache: SemanticCache, options: dict[str, Any]
    ) -> None:
        twin = wrap(openai.OpenAI(**options), cache=cache)
        gc.collect()
        assert ask(twin) is False
        twin.close()

    async def test_the_original_of_a_wrapped_asynchronous_client(
        self, cache: SemanticCache, options: dict[str, Any]
    ) -> None:
        twin = wrap(openai.AsyncOpenAI(**options), cache=cache)
        gc.collect()
        assert await aask(twin) is False
        await twin._client._cacheback_original.aclose()

    def test_the_wrapped_one(self, cache: SemanticCache, options: dict[str, Any]) -> None:
        with openai.OpenAI(**options) as plain:
            assert ask(wrap(plain, cache=cache)) is False
            gc.collect()
            assert ask(plain) is None

    def test_the_first_of_two_copies(
        self, make_client: Callable[..., CachedOpenAI], upstream: ScriptedUpstream
    ) -> None:
        twin = make_client().with_options(max_retries=0)
        gc.collect()
        assert ask(twin) is False
        assert upstream.calls == 1


class TestSharedConnections:
    """Some frameworks give all models of a process the same HTTP client."""

    @pytest.fixture
    def http(self) -> Iterator[Any]:
        with openai.DefaultHttpxClient() as http:
            yield http

    def test_only_who_is_wrapped_asks_the_cache(
        self, cache: SemanticCache, upstream: ScriptedUpstream, http: Any
    ) -> None:
        options: dict[str, Any] = {"base_url": upstream.openai_url, "http_client": http}
        one = openai.OpenAI(**options, api_key="x")
        other = openai.OpenAI(**options, api_key="x")
        twin = wrap(one, cache=cache)
        assert [ask(twin), ask(twin)] == [False, True]
        assert [ask(one), ask(other)] == [None, None]
        twin.close()
        assert ask(other) is None

    def test_two_caches_on_one_http_client_do_not_meet(
        self, make_cache: Callable[..., SemanticCache], upstream: ScriptedUpstream, http: Any
    ) -> None:
        plain = openai.OpenAI(base_url=upstream.openai_url, api_key="x", http_client=http)
        here, there = (wrap(plain, cache=make_cache(":memory:")) for _ in range(2))
        assert [ask(here), ask(there), ask(here), ask(there)] == [False, False, True, True]

    def test_a_client_that_is_wrapped_again_asks_the_new_cache_only(
        self, make_cache: Callable[..., SemanticCache], upstream: ScriptedUpstream, http: Any
    ) -> None:
        plain = openai.OpenAI(base_url=upstream.openai_url, api_key="x", http_client=http)
        first, second = make_cache(":memory:"), make_cache(":memory:")
        assert ask(wrap(wrap(plain, cache=first), cache=second)) is False
        assert not first.entries()
        assert second.entries()


AZURE: dict[str, Any] = {"api_key": "x", "api_version": "2024-10-21"}


class TestAzure:
    @pytest.mark.parametrize(
        ("options", "path"),
        [
            ({}, "/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21"),
            (
                {"azure_deployment": "mine"},
                "/openai/deployments/mine/chat/completions?api-version=2024-10-21",
            ),
        ],
        ids=["by model", "by deployment"],
    )
    async def test_its_addresses(
        self, cache: SemanticCache, upstream: ScriptedUpstream, options: dict[str, Any], path: str
    ) -> None:
        options = {"cache": cache, "azure_endpoint": upstream.url, **AZURE, **options}
        with CachedAzureOpenAI(**options) as client:
            assert isinstance(client, openai.AzureOpenAI)
            assert [ask(client), ask(client)] == [False, True]
        async with AsyncCachedAzureOpenAI(**options) as aclient:
            assert isinstance(aclient, openai.AsyncAzureOpenAI)
            assert await aask(aclient) is True
        assert [request.path for request in upstream.requests] == [path]

    def test_its_newer_addresses(self, cache: SemanticCache, upstream: ScriptedUpstream) -> None:
        with CachedOpenAI(cache=cache, base_url=f"{upstream.url}/openai/v1/", api_key="x") as one:
            assert [ask(one), ask(one)] == [False, True]

    def test_deployments_do_not_meet(
        self, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        for name in ("mine", "yours"):
            with CachedAzureOpenAI(
                cache=cache, azure_endpoint=upstream.url, azure_deployment=name, **AZURE
            ) as client:
                assert ask(client) is False

    async def test_wrapped(self, cache: SemanticCache, upstream: ScriptedUpstream) -> None:
        with openai.AzureOpenAI(azure_endpoint=upstream.url, **AZURE) as plain:
            twin = wrap(plain, cache=cache)
            assert isinstance(twin, openai.AzureOpenAI)
            assert [ask(twin), ask(twin), ask(plain)] == [False, True, None]
        async with openai.AsyncAzureOpenAI(azure_endpoint=upstream.url, **AZURE) as aplain:
            assert await aask(wrap(aplain, cache=cache)) is True


async def test_an_http_client_of_the_older_library(
    cache: SemanticCache, upstream: ScriptedUpstream
) -> None:
    httpx = pytest.importorskip("httpx")
    options: dict[str, Any] = {"cache": cache, "base_url": upstream.openai_url, "api_key": "x"}
    with httpx.Client() as http:
        client = CachedOpenAI(http_client=http, **options)
        assert [ask(client), ask(client)] == [False, True]
        assert list(client.chat.completions.create(stream=True, **CALL))
    async with httpx.AsyncClient() as http:
        aclient = AsyncCachedOpenAI(http_client=http, **options)
        assert await aask(aclient) is True
    assert upstream.calls == 1


def test_what_is_no_http_client_is_told(cache: SemanticCache) -> None:
    with pytest.raises(ConfigurationError, match="httpx"):
        install(object(), cache)


class TestAnswersThatCannotBeRead:
    """Their connections must go back, or one day the pool is empty."""

    GARBLED = Reply(
        body=b"not gzip", headers={"content-encoding": "gzip", "content-type": "application/json"}
    )

    def test_of_a_client(
        self, make_client: Callable[..., CachedOpenAI], upstream: ScriptedUpstream
    ) -> None:
        client = make_client(max_retries=0)
        upstream.script(self.GARBLED)
        with pytest.raises(openai.APIConnectionError):
            ask(client)
        assert not busy(client)
        assert ask(client) is False

    async def test_of_an_asynchronous_client(
        self, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(self.GARBLED)
        async with AsyncCachedOpenAI(
            cache=cache, base_url=upstream.openai_url, api_key="x", max_retries=0
        ) as client:
            with pytest.raises(openai.APIConnectionError):
                await aask(client)
            assert not busy(client)


def busy(client: Any) -> list[Any]:
    """The connections of a client's pool that wait for an answer to be read."""
    pool = client._client._transport.inner._pool
    return [one for one in pool.connections if not (one.is_idle() or one.is_closed())]
