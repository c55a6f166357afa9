"""What is not ours to answer passes through a cached client as through the SDK's own."""

from __future__ import annotations

import asyncio
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cacheback import AsyncCachedOpenAI, CachedOpenAI, SemanticCache, options, wrap
from cacheback.testing import Reply, ScriptedUpstream
from cacheback.testing.loopback import Call

openai = pytest.importorskip("openai")

CHAT = "/chat/completions"
JSON_BODY = {"content-type": "application/json"}
# What httpx draws at random to stand between the parts of an upload.
BOUNDARY = re.compile(r"\b[0-9a-f]{32}\b")


def same_on_the_wire(one: Call, other: Call) -> None:
    """Two requests that no server could tell apart."""
    assert told(one) == told(other)


def told(call: Call) -> tuple[str, ...]:
    head = f"{call.method} {call.path} {list(call.headers.items())}"
    return tuple(BOUNDARY.sub("", text) for text in (head, call.body.decode("latin-1")))


CALLS: dict[str, Callable[[Any], Any]] = {
    "a GET": lambda client: client.get("/models?limit=3", cast_to=str),
    "a DELETE": lambda client: client.delete("/files/file-1", cast_to=str),
    "an endpoint that is not ours": lambda client: client.post(
        "/images/generations", cast_to=str, body={"prompt": "a cat", "n": 1.0, "b": [None]}
    ),
    "a count of tokens": lambda client: client.post(
        "/responses/input_tokens", cast_to=str, body={"model": "m", "input": "hello"}
    ),
    "a batch": lambda client: client.batches.create(
        completion_window="24h", endpoint="/v1/chat/completions", input_file_id="file-1"
    ),
    "an upload": lambda client: client.post(
        "/files",
        cast_to=str,
        body={"purpose": "batch"},
        files={"file": ("a.jsonl", io.BytesIO(b'{"a": 1}\n\x00\xff'))},
    ),
    "a body that is no chat": lambda client: client.post(
        CHAT, cast_to=str, body={"messages": "hello", "z": 1.50, "a": "\u00e9"}
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_arrives_as_the_sdk_sent_it(cache: SemanticCache, call: str) -> None:
    with ScriptedUpstream(echo=True) as upstream:
        given: dict[str, Any] = {
            "base_url": upstream.openai_url,
            "api_key": "sk",
            "max_retries": 0,
            # The SDK says the name of the client's class there.
            "default_headers": {"user-agent": "test"},
        }
        with openai.OpenAI(**given) as plain, CachedOpenAI(cache=cache, **given) as cached:
            answers = [
                _answer(CALLS[call], client) for client in (plain, cached, wrap(plain, cache=cache))
            ]
        first, second, third = upstream.requests
    same_on_the_wire(first, second)
    same_on_the_wire(first, third)
    assert answers[0] == answers[1] == answers[2]
    assert not cache.entries()


def _answer(call: Callable[[Any], Any], client: Any) -> Any:
    """What the caller gets: the answer, or the SDK's error."""
    try:
        return BOUNDARY.sub("", str(call(client)))
    except openai.APIStatusError as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"[1, 2]",
        b'{"messages": [}',
        b'{"model":"m" ,  "messages":[]}',
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("path", [CHAT, "/responses", "/completions", "/embeddings"])
def test_a_body_that_nobody_can_read(cache: SemanticCache, path: str, body: bytes) -> None:
    with (
        ScriptedUpstream() as upstream,
        CachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="sk") as client,
    ):
        client._client.post(f"{upstream.openai_url}{path}", content=body)
        (request,) = upstream.requests
    assert request.body == body
    assert not cache.entries()


def test_only_what_is_meant_for_the_cache_is_taken_away(cache: SemanticCache) -> None:
    with (
        ScriptedUpstream(echo=True) as upstream,
        CachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="sk") as client,
    ):
        for one in (client, options(client, mode="refresh", tags=["a"], namespace="shop")):
            one.get("/models", cast_to=str)
        plain, asking = upstream.requests
    same_on_the_wire(plain, asking)


def test_a_body_that_comes_in_pieces(cache: SemanticCache, upstream: ScriptedUpstream) -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    whole = json.dumps(asked).encode()
    with CachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="sk") as client:
        for _ in range(2):
            pieces = iter([whole[:9], whole[9:]])
            client._client.post(
                f"{upstream.openai_url}{CHAT}", content=pieces, headers=JSON_BODY
            ).raise_for_status()
    (request,) = upstream.requests
    assert request.body == whole
    assert request.headers["transfer-encoding"] == "chunked"


def test_an_answer_that_is_no_json_passes_byte_for_byte(
    cache: SemanticCache, upstream: ScriptedUpstream
) -> None:
    odd = Reply(body=b"\x00\x01 not for us", headers={"content-type": "application/x-odd"})
    upstream.script(odd)
    with (
        CachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="sk") as client,
        client.chat.completions.with_streaming_response.create(
            model="m", messages=[{"role": "user", "content": "hello"}]
        ) as response,
    ):
        assert b"".join(response.iter_bytes()) == odd.body
        assert response.headers["content-type"] == "application/x-odd"
    assert not cache.entries()


# --- WebSockets -----------------------------------------------------------------------------------

_QUESTION: Any = {"type": "response.create"}
_ANSWERS = [{"type": "response.done", "said": "one"}, {"type": "response.done", "said": "two"}]


class Sockets:
    """A server that answers every message of a connection with the next of its answers."""

    def __init__(self) -> None:
        from websockets.sync.server import serve

        self.paths: list[str] = []
        self.heard: list[Any] = []
        self._server = serve(self._talk, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()

    def _talk(self, connection: Any) -> None:
        self.paths.append(connection.request.path)
        for answer, message in zip(_ANSWERS, connection, strict=False):
            self.heard.append(json.loads(message))
            connection.send(json.dumps(answer))


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    pytest.importorskip("websockets", reason="the SDKs talk to WebSockets with this package")
    server = Sockets()
    yield server
    server.close()


def connect(client: Any, api: str) -> Any:
    """A connection of one of the SDK's WebSocket APIs."""
    if api == "realtime":
        return client.realtime.connect(model="gpt-realtime")
    if not hasattr(client.responses, "connect"):
        pytest.skip(f"openai {openai.__version__} has no WebSocket for responses")
    return client.responses.connect()


@pytest.mark.parametrize("api", ["realtime", "responses"])
def test_a_websocket_is_none_of_ours(
    cache: SemanticCache, upstream: ScriptedUpstream, sockets: Sockets, api: str
) -> None:
    given: dict[str, Any] = {
        "base_url": upstream.openai_url,
        "websocket_base_url": sockets.url,
        "api_key": "sk",
    }
    said = []
    with openai.OpenAI(**given) as plain, CachedOpenAI(cache=cache, **given) as cached:
        for client in (plain, cached, wrap(plain, cache=cache)):
            with connect(client, api) as connection:
                for _ in _ANSWERS:
                    connection.send(_QUESTION)
                    said.append(connection.recv().said)
    assert said == ["one", "two"] * 3
    assert sockets.heard == [_QUESTION] * 6
    assert len(set(sockets.paths)) == 1
    assert not upstream.calls
    assert not cache.entries()


async def test_nor_is_an_asynchronous_one(
    cache: SemanticCache, upstream: ScriptedUpstream, sockets: Sockets
) -> None:
    async with (
        AsyncCachedOpenAI(
            cache=cache, base_url=upstream.openai_url, websocket_base_url=sockets.url, api_key="sk"
        ) as client,
        connect(client, "realtime") as connection,
    ):
        await connection.send(_QUESTION)
        assert (await connection.recv()).said == "one"
    assert sockets.heard == [_QUESTION]
    assert not await asyncio.to_thread(cache.entries)
