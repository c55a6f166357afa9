"""Other clouds and other endpoints of the Anthropic SDK pass through wrapped clients untouched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cacheback import CachedAnthropic, SemanticCache, options, wrap
from cacheback.testing import ScriptedUpstream
from cacheback.testing.loopback import Call, LoopbackServer, Send

anthropic = pytest.importorskip("anthropic")

ASKED: dict[str, Any] = {
    "model": "claude-test",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
# What a signature is made of: it changes with every second.
SIGNED = ("authorization", "x-amz-date")


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """A provider that gives back what came: no cloud's dialect is known to it."""
    with ScriptedUpstream(echo=True) as upstream:
        yield upstream


def bedrock(url: str) -> Any:
    return anthropic.AnthropicBedrock(aws_region="us-east-1", api_key="key", base_url=url)


def async_bedrock(url: str) -> Any:
    return anthropic.AsyncAnthropicBedrock(aws_region="us-east-1", api_key="key", base_url=url)


def signed_bedrock(url: str) -> Any:
    pytest.importorskip("boto3", reason="it signs requests, in the SDK's extra `bedrock`")
    return anthropic.AnthropicBedrock(
        aws_region="us-east-1", aws_access_key="AKIA", aws_secret_key="secret", base_url=url
    )


def signed_mantle(url: str) -> Any:
    """It speaks as Anthropic does, and signs what it says."""
    pytest.importorskip("boto3", reason="it signs requests, in the SDK's extra `bedrock`")
    return anthropic.AnthropicBedrockMantle(
        aws_region="us-east-1", aws_access_key="AKIA", aws_secret_key="secret", base_url=url
    )


def vertex(url: str) -> Any:
    return anthropic.AnthropicVertex(
        region="us-east5", project_id="project", access_token="token", base_url=url
    )


def async_vertex(url: str) -> Any:
    return anthropic.AsyncAnthropicVertex(
        region="us-east5", project_id="project", access_token="token", base_url=url
    )


def steady(call: Call) -> dict[str, Any]:
    """All of a request that is the same whenever it is made."""
    headers = {k: v for k, v in call.headers.items() if k not in SIGNED}
    return {"line": (call.method, call.path), "headers": headers, "body": call.body}


@pytest.mark.parametrize("make", [bedrock, signed_bedrock, signed_mantle, vertex])
def test_other_clouds(
    cache: SemanticCache, upstream: ScriptedUpstream, make: Callable[[str], Any]
) -> None:
    with make(upstream.url) as plain:
        twin = wrap(plain, cache=cache)
        assert type(twin) is type(plain)
        told = [client.messages.create(**ASKED) for client in (plain, twin, twin)]
        told += [client.beta.messages.create(**ASKED) for client in (plain, twin)]
    first, *others, beta, beta_twin = upstream.requests
    assert [steady(one) for one in others] == [steady(first)] * 2
    assert steady(beta_twin) == steady(beta)
    assert not [one for one in told if hasattr(one, "cacheback_hit")]
    assert not cache.entries()


@pytest.mark.parametrize("make", [signed_bedrock, signed_mantle])
def test_what_a_signature_covers_is_not_taken_away(
    cache: SemanticCache, upstream: ScriptedUpstream, make: Callable[[str], Any]
) -> None:
    with make(upstream.url) as plain:
        asking = options(wrap(plain, cache=cache), mode="refresh")
        with pytest.raises(anthropic.BadRequestError, match="signature"):
            asking.messages.create(**ASKED)
    assert not upstream.calls


@pytest.mark.parametrize("make", [async_bedrock, async_vertex])
async def test_other_clouds_asynchronously(
    cache: SemanticCache, upstream: ScriptedUpstream, make: Callable[[str], Any]
) -> None:
    async with make(upstream.url) as plain:
        for client in (plain, wrap(plain, cache=cache)):
            await client.messages.create(**ASKED)
    first, second = upstream.requests
    assert steady(first) == steady(second)
    assert not cache.entries()


def test_a_binary_stream(cache: SemanticCache) -> None:
    """Bedrock's streams are frames of bytes, not events of text."""
    frames = bytes(range(256)) * 300

    def respond(call: Call, send: Send) -> None:
        paths.append(call.path)
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(frames)}\r\n"
        send(f"{head}content-type: application/vnd.amazon.eventstream\r\n\r\n".encode())
        send(frames)

    paths: list[str] = []
    server = LoopbackServer(respond)
    server.start()
    try:
        with bedrock(f"http://127.0.0.1:{server.port}") as plain:
            for client in (plain, wrap(plain, cache=cache)):
                with client.messages.with_streaming_response.create(
                    **ASKED, stream=True
                ) as response:
                    assert b"".join(response.iter_bytes()) == frames
    finally:
        server.close()
    assert paths == ["/model/claude-test/invoke-with-response-stream"] * 2
    assert not cache.entries()


CALLS: dict[str, Callable[[Any], Any]] = {
    "a list of models": lambda client: client.get("/v1/models", cast_to=str),
    "a count of tokens": lambda client: client.post(
        "/v1/messages/count_tokens", cast_to=str, body={"messages": [], "z": 1.0, "a": None}
    ),
    "a batch": lambda client: client.post(
        "/v1/messages/batches", cast_to=str, body={"requests": [{"params": ASKED}]}
    ),
    "a legacy completion": lambda client: client.post(
        "/v1/complete", cast_to=str, body={"prompt": "\n\nHuman: hello\n\nAssistant:"}
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_other_endpoints(cache: SemanticCache, upstream: ScriptedUpstream, call: str) -> None:
    given: dict[str, Any] = {
        "base_url": upstream.anthropic_url,
        "api_key": "sk",
        # The SDK says the name of the client's class there.
        "default_headers": {"user-agent": "test"},
    }
    with anthropic.Anthropic(**given) as plain, CachedAnthropic(cache=cache, **given) as cached:
        told = [CALLS[call](one) for one in (plain, cached, options(cached, mode="refresh"))]
    assert told[0] == told[1] == told[2]
    first, *others = upstream.requests
    assert [steady(one) for one in others] == [steady(first)] * 2
    assert not cache.entries()
