"""What is blocked, through the clients of either SDK: the same tests for both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from cacheback import Answer, BlockedError, Reason, SemanticCache, Tier, info, options, wrap
from cacheback.testing import ScriptedUpstream

SWALLOW = "What is the airspeed of an unladen swallow?"
SHORT = "airspeed of swallows"
OTHER = "what do swallows eat"


class MineError(Exception):
    """Of the user's own."""


class NegativeClients:
    """Subclasses give `sdk`, the clients' classes, their keywords and how they are asked."""

    sdk: Any
    sync_client: Any
    async_client: Any
    plain_client: Any

    @staticmethod
    def keywords(upstream: ScriptedUpstream) -> dict[str, Any]:
        raise NotImplementedError

    @staticmethod
    def ask(client: Any, question: str = SHORT, **rest: Any) -> Any:
        raise NotImplementedError

    @staticmethod
    def text_of(reply: Any) -> str:
        """Of a reply, or of the events of a stream that were gathered."""
        raise NotImplementedError

    @pytest.fixture
    async def make(
        self, upstream: ScriptedUpstream, make_cache: Callable[..., Any]
    ) -> AsyncIterator[Any]:
        """A client, and an async one, of a cache with a blocked pattern."""
        made: list[tuple[Any, Any]] = []

        def make(**settings: Any) -> tuple[Any, Any]:
            cache = make_cache(**settings)
            cache.negative.add(SWALLOW, "bridge")
            given = {**self.keywords(upstream), "cache": cache}
            made.append((self.sync_client(**given), self.async_client(**given)))
            return made[-1]

        yield make
        for client, aclient in made:
            client.close()
            await aclient.close()

    @pytest.mark.parametrize("stream", [False, True])
    async def test_it_is_an_error_of_ours_and_of_the_sdk_at_once(
        self, make: Any, upstream: ScriptedUpstream, stream: bool
    ) -> None:
        client, aclient = make()
        for kind in (BlockedError, self.sdk.PermissionDeniedError):
            with pytest.raises(kind, match="bridge") as raised:
                self.ask(client, stream=stream)
            assert raised.value.match.entry.pattern == SWALLOW
            assert raised.value.status_code == 403
            assert raised.value.response.headers["x-cacheback-tier"] == "negative"
            assert raised.value.response.headers["x-cacheback-reason"] == "blocked"
            with pytest.raises(kind):
                await self.ask(aclient, stream=stream)
        assert not upstream.requests
        assert client.cache.stats().blocked == {"raised": 4}
        assert self.text_of(self.ask(client, OTHER))

    @pytest.mark.parametrize("mode", ["refresh", "bypass", "only-if-cached"])
    def test_no_mode_goes_past_it(self, make: Any, upstream: ScriptedUpstream, mode: Any) -> None:
        client, _ = make()
        with pytest.raises(BlockedError):
            self.ask(options(client, mode=mode))
        assert not upstream.requests

    def test_what_is_in_memory_is_blocked_too(self, make: Any, upstream: ScriptedUpstream) -> None:
        client, _ = make()
        (entry,) = client.cache.negative.list()
        client.cache.negative.remove(entry.id)
        assert not self.ask(client).cacheback_hit
        assert self.ask(client).cacheback_hit
        client.cache.negative.add(SWALLOW)
        with pytest.raises(BlockedError):
            self.ask(client)
        assert len(upstream.requests) == 1

    async def test_skip_asks_upstream_and_stores_nothing(
        self, make: Any, upstream: ScriptedUpstream
    ) -> None:
        client, aclient = make(on_negative_hit="skip")
        for reply in (self.ask(client), self.ask(client), await self.ask(aclient)):
            told = info(reply)
            assert told is not None
            assert (told.tier, told.reason) == (Tier.UPSTREAM, Reason.BLOCKED)
            assert not reply.cacheback_hit
        assert self.text_of(list(self.ask(client, stream=True)))
        assert len(upstream.requests) == 4
        assert client.cache.stats().entries == 0

    @pytest.mark.parametrize("given", ["No swallows.", Answer("No swallows.")])
    async def test_an_answer_given_instead_looks_like_the_real_thing(
        self, make: Any, upstream: ScriptedUpstream, given: Any
    ) -> None:
        client, aclient = make(on_negative_hit=lambda *_: given)
        for reply in (self.ask(client), await self.ask(aclient)):
            assert self.text_of(reply) == "No swallows."
            told = info(reply)
            assert told is not None
            assert (told.tier, told.reason, told.detail) == (
                Tier.NEGATIVE,
                Reason.BLOCKED,
                "bridge",
            )
            assert told.entry is None
        assert self.text_of(list(self.ask(client, stream=True))) == "No swallows."
        events = [one async for one in await self.ask(aclient, stream=True)]
        assert self.text_of(events) == "No swallows."
        assert not upstream.requests
        assert client.cache.stats().entries == 0

    async def test_a_coroutine_function_decides_for_async_clients(
        self, make: Any, upstream: ScriptedUpstream
    ) -> None:
        async def decide(*_: Any) -> str:
            return "No swallows."

        client, aclient = make(on_negative_hit=decide)
        assert self.text_of(await self.ask(aclient)) == "No swallows."
        with pytest.raises(ValueError, match="coroutine"):
            self.ask(client)
        assert not upstream.requests

    @pytest.mark.parametrize("stream", [False, True])
    async def test_what_the_function_raises_is_raised_as_it_is_and_once(
        self, make: Any, upstream: ScriptedUpstream, stream: bool
    ) -> None:
        mine, asked = MineError("no"), []

        def decide(*given: Any) -> None:
            asked.append(given)
            raise mine

        client, aclient = make(on_negative_hit=decide)
        with pytest.raises(MineError) as raised:
            self.ask(client, stream=stream)
        assert raised.value is mine
        with pytest.raises(MineError):
            await self.ask(aclient, stream=stream)
        assert len(asked) == 2
        assert not upstream.requests

    def test_what_the_function_lets_pass_is_answered_and_stored(self, make: Any) -> None:
        client, _ = make(on_negative_hit=lambda *_: None)
        assert not self.ask(client).cacheback_hit
        assert self.ask(client).cacheback_hit

    def test_a_wrapped_client_gets_the_sdk_s_own_error(
        self, upstream: ScriptedUpstream, cache: SemanticCache
    ) -> None:
        cache.negative.add(SWALLOW, "bridge")
        with (
            self.plain_client(**self.keywords(upstream)) as plain,
            pytest.raises(self.sdk.PermissionDeniedError, match="bridge"),
        ):
            self.ask(wrap(plain, cache=cache))
        assert not upstream.requests

    def test_a_wrapped_client_tells_of_what_the_function_raised(
        self, upstream: ScriptedUpstream, make_cache: Callable[..., Any]
    ) -> None:
        def decide(*_: Any) -> None:
            raise MineError("not here")

        cache = make_cache(on_negative_hit=decide)
        cache.negative.add(SWALLOW)
        with (
            self.plain_client(**self.keywords(upstream)) as plain,
            pytest.raises(self.sdk.PermissionDeniedError, match="not here"),
        ):
            self.ask(wrap(plain, cache=cache))
        assert not upstream.requests

    def test_a_client_of_one_s_own_settings_has_the_list(
        self, upstream: ScriptedUpstream, embedder: Any
    ) -> None:
        given = self.keywords(upstream)
        with self.sync_client(cache_dir=":memory:", embedder=embedder, **given) as client:
            client.cache.negative.add(SWALLOW)
            with pytest.raises(BlockedError):
                self.ask(client)
