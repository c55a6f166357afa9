"""Where a request goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from cacheback import ConfigurationError
from cacheback.proxy.upstreams import Routes, Upstream
from cacheback.testing import ScriptedUpstream

OPENAI = Upstream(name="openai", url="https://api.openai.com/v1")
ANTHROPIC = Upstream(name="anthropic", url="https://api.anthropic.com", speaks="anthropic")
GROQ = Upstream(name="groq", url="https://api.groq.com/openai/v1", models=("llama-", "qwen"))
NEAR = Upstream(name="near", url="http://127.0.0.1:11434/v1/", models=("llama-3.2",))
ROUTES = Routes((OPENAI, ANTHROPIC), (GROQ, NEAR))
VERSION = (b"anthropic-version", b"2023-06-01")


@pytest.mark.parametrize(
    ("path", "headers", "body", "chosen"),
    [
        ("/v1/chat/completions", [], b'{"model": "gpt-4o"}', OPENAI),
        ("/v1/chat/completions", [], b'{"model": "llama-3.1"}', GROQ),
        ("/v1/chat/completions", [], b'{"model": "llama-3.2-1b"}', NEAR),
        ("/v1/chat/completions", [], b'{"model": 1}', OPENAI),
        ("/v1/chat/completions", [], b"[]", OPENAI),
        ("/v1/chat/completions", [], b"{", OPENAI),
        ("/v1/models", [], None, OPENAI),
        ("/v1/models", [VERSION], None, ANTHROPIC),
        ("/v1/messages", [], b'{"model": "llama-3.2"}', ANTHROPIC),
        ("/v1/messages/batches", [], None, ANTHROPIC),
        ("/v1/messagesque", [], None, OPENAI),
        ("/", [], None, OPENAI),
    ],
)
def test_path_header_and_model_decide(
    path: str, headers: list[Any], body: bytes | None, chosen: Upstream
) -> None:
    assert ROUTES.choose(path, headers, body) is chosen


@pytest.mark.parametrize(
    ("upstream", "path", "target"),
    [
        (OPENAI, "/v1/chat/completions", "https://api.openai.com/v1/chat/completions"),
        (OPENAI, "/v1", "https://api.openai.com/v1"),
        (OPENAI, "/v1x", "https://api.openai.com/v1/v1x"),
        (OPENAI, "/health", "https://api.openai.com/v1/health"),
        (ANTHROPIC, "/v1/messages", "https://api.anthropic.com/v1/messages"),
        (GROQ, "/v1/models", "https://api.groq.com/openai/v1/models"),
        (NEAR, "/v1/models", "http://127.0.0.1:11434/v1/models"),
    ],
)
def test_the_version_is_said_once(upstream: Upstream, path: str, target: str) -> None:
    assert upstream.target(path) == target


@pytest.mark.parametrize(
    "url",
    ["api.openai.com", "ftp://x", "https://", "https://x?a=b", "https://a:b@x", "https://x#a"],
)
def test_a_url_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="it must be like"):
        Upstream(name="x", url=url)


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="openai, anthropic"):
        Upstream(name="x", url="https://x", speaks="gemini")  # type: ignore[arg-type]


def test_requests_go_to_the_provider_of_their_model(
    make_proxy: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    with ScriptedUpstream() as other:
        groq = Upstream(name="groq", url=other.openai_url, models=("llama-",))
        proxy = make_proxy(upstreams=(groq,))
        for model in ("llama-3.1", "gpt-4o", "llama-3.1"):
            body = {"model": model, "messages": [{"role": "user", "content": "Hello?"}]}
            httpx2.post(f"{proxy.openai_url}/chat/completions", json=body)
        assert (upstream.calls, other.calls) == (1, 1)
