from __future__ import annotations

from typing import Any

import pytest

from cacheback import CachedOpenAI, InputError, SemanticCache, options, wrap
from cacheback.testing import ScriptedUpstream

openai = pytest.importorskip("openai")

MESSAGES: Any = [{"role": "user", "content": "What is the capital of France?"}]


def ask(client: Any) -> Any:
    return client.chat.completions.create(model="m", messages=MESSAGES)


def test_a_copy_asks_what_it_was_told(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    ask(client)
    assert not ask(options(client, mode="refresh")).cacheback_hit
    assert ask(client).cacheback_hit
    assert upstream.calls == 2


def test_options_add_up(client: CachedOpenAI, clock: Any) -> None:
    twin = options(options(client, tags=["a", "b"]), ttl=60, namespace="shop")
    assert isinstance(twin, CachedOpenAI)
    ask(twin)
    (entry,) = client.cache.entries(tags=["b"], namespace="shop")
    assert entry.expires_at == clock.now + 60


def test_none_of_it_reaches_upstream(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    ask(options(client, threshold=0.5, tags=["a"]))
    assert not [name for name in upstream.requests[0].headers if "cacheback" in name]


@pytest.mark.parametrize(
    "mistake", [{"mode": "off"}, {"ttl": -1}, {"threshold": 2}, {"tags": "a"}, {"tags": ["a,b"]}]
)
def test_a_mistake_is_told_at_once(client: CachedOpenAI, mistake: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        options(client, **mistake)


class TestWrap:
    def test_a_client_that_exists(self, cache: SemanticCache, upstream: ScriptedUpstream) -> None:
        plain = openai.OpenAI(base_url=upstream.openai_url, api_key="x", max_retries=7)
        cached = wrap(plain, cache=cache)
        assert type(cached) is openai.OpenAI
        assert cached.max_retries == 7
        ask(cached)
        assert ask(cached).cacheback_hit
        assert not hasattr(ask(plain), "cacheback_hit")
        assert ask(options(cached, mode="only-if-cached")).cacheback_hit

    def test_its_end_leaves_the_other_be(
        self, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        plain = openai.OpenAI(base_url=upstream.openai_url, api_key="x")
        cached = wrap(plain, cache=cache)
        ask(cached)
        cached.close()
        assert ask(plain).choices
        again = wrap(plain, cache=cache)
        del plain
        assert ask(again).cacheback_hit

    async def test_async(self, cache: SemanticCache, upstream: ScriptedUpstream) -> None:
        async with openai.AsyncOpenAI(base_url=upstream.openai_url, api_key="x") as plain:
            cached = wrap(plain, cache=cache)
            for expected in (False, True):
                reply = await cached.chat.completions.create(model="m", messages=MESSAGES)
                assert reply.cacheback_hit is expected

    def test_what_is_no_client_is_told(self, cache: SemanticCache) -> None:
        with pytest.raises(InputError, match="not a client"):
            wrap(object(), cache=cache)
