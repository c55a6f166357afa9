"""Blocked questions through the proxy: the SDKs' own errors, at once."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest

import cacheback
from cacheback.testing import ScriptedUpstream

MESSAGES: Any = [{"role": "user", "content": "airspeed of swallows"}]
CHAT: Any = {"model": "gpt-4o-mini", "messages": MESSAGES}
CLAUDE: Any = {"model": "claude-opus-5", "max_tokens": 99, "messages": MESSAGES}


@pytest.fixture
def blocking(proxy: Any) -> Any:
    proxy.cache.negative.add("What is the airspeed of an unladen swallow?", "bridge")
    return proxy


@pytest.mark.parametrize("stream", [False, True])
def test_it_is_refused_at_once(blocking: Any, upstream: ScriptedUpstream, stream: bool) -> None:
    with (
        openai.OpenAI(base_url=blocking.openai_url, api_key="sk-a") as client,
        pytest.raises(openai.PermissionDeniedError, match="bridge") as raised,
    ):
        client.chat.completions.create(**CHAT, stream=stream)
    assert raised.value.response.headers["x-cacheback-tier"] == "negative"
    assert raised.value.response.headers["x-cacheback-reason"] == "blocked"
    with (
        anthropic.Anthropic(base_url=blocking.url, api_key="sk-ant") as claude,
        pytest.raises(anthropic.PermissionDeniedError, match="bridge"),
    ):
        claude.messages.create(**CLAUDE, stream=stream)
    assert upstream.calls == 0
    assert blocking.cache.stats().blocked == {"raised": 2}


def test_a_cached_client_of_the_proxy_raises_our_error(blocking: Any, embedder: Any) -> None:
    with (
        cacheback.CachedOpenAI(
            base_url=blocking.openai_url, api_key="sk-a", cache_dir=":memory:", embedder=embedder
        ) as client,
        pytest.raises(cacheback.BlockedError, match="bridge") as raised,
    ):
        client.chat.completions.create(**CHAT)
    assert raised.value.match is None
