"""The scripted provider, as the real SDK and a bare HTTP client see it."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.error import HTTPError

import pytest

from cacheback.models import ToolCall, Usage
from cacheback.testing import Call, Reply, ScriptedUpstream

openai = pytest.importorskip("openai")

CHAT = "/v1/chat/completions"
HI = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi there"}]}


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


def post(
    upstream: ScriptedUpstream, path: str = CHAT, body: Any = HI, method: str = "POST"
) -> tuple[int, dict[str, str], bytes]:
    """One request without any SDK: status, headers in lower case, body as it came."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(upstream.url + path, data, method=method)
    request.add_header("content-type", "application/json")
    try:
        reply = urllib.request.urlopen(request)
    except HTTPError as error:
        reply = error
    with reply:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return reply.status, headers, reply.read()


def create(upstream: ScriptedUpstream, **fields: Any) -> Any:
    with openai.OpenAI(base_url=upstream.openai_url, api_key="test", max_retries=0) as client:
        return client.chat.completions.create(**{**HI, **fields})


def streamed(upstream: ScriptedUpstream, **fields: Any) -> list[Any]:
    with openai.OpenAI(base_url=upstream.openai_url, api_key="test", max_retries=0) as client:
        return list(client.chat.completions.create(**{**HI, **fields}, stream=True))


def test_without_a_script_the_question_is_repeated(upstream: ScriptedUpstream) -> None:
    reply = create(upstream)
    again = create(upstream)
    assert reply.choices[0].message.content.startswith("You asked: hi there")
    assert reply.choices[0].message.content == again.choices[0].message.content
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "gpt-4o"
    assert reply.id != again.id


def test_usage_counts_what_was_asked_and_said() -> None:
    with ScriptedUpstream(lambda _: "One two, three.") as upstream:
        usage = create(upstream).usage
        longer = create(upstream, messages=[{"role": "user", "content": "hi there " * 10}]).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (2 + 3 + 3, 5)
    assert usage.total_tokens == 13
    assert longer.prompt_tokens == 26


def test_a_script_sees_the_call() -> None:
    def answer(call: Call) -> str:
        return f"{call.method} {call.path} {call.json['model']} {call.headers['authorization']}"

    with ScriptedUpstream(answer) as upstream:
        text = create(upstream).choices[0].message.content
    assert text == "POST /v1/chat/completions gpt-4o Bearer test"


def test_queued_answers_come_first_and_in_order(upstream: ScriptedUpstream) -> None:
    upstream.script("one", Reply("two"), {"id": "x", "choices": []})
    texts = [create(upstream).choices[0].message.content for _ in range(2)]
    assert texts == ["one", "two"]
    assert create(upstream).id == "x"
    assert create(upstream).choices[0].message.content.startswith("You asked")


def test_everything_is_recorded(upstream: ScriptedUpstream) -> None:
    post(upstream, CHAT + "?v=1", {**HI, "seed": 1})
    post(upstream, "/other", b"\xff\x00")
    first, second = upstream.requests
    assert (first.method, first.path, first.json) == ("POST", CHAT + "?v=1", {**HI, "seed": 1})
    assert first.headers["content-type"] == "application/json"
    assert (second.path, second.body, second.json) == ("/other", b"\xff\x00", None)
    assert first.at <= second.at
    assert upstream.calls == 2


def test_tool_calls_choices_and_extra_fields() -> None:
    reply = Reply(
        tool_calls=(ToolCall("", "weather", '{"city": "Rome"}'),),
        usage=Usage(7, 8),
        extra={"reasoning_content": "Hm."},
    )
    with ScriptedUpstream(lambda _: reply) as upstream:
        completion = create(upstream, n=2)
    message = completion.choices[1].message
    assert (message.content, message.reasoning_content) == (None, "Hm.")
    assert message.tool_calls[0].id.startswith("call_")
    assert message.tool_calls[0].function.arguments == '{"city": "Rome"}'
    assert [choice.finish_reason for choice in completion.choices] == ["tool_calls"] * 2
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (7, 8)


def test_a_stream_says_the_same_word_by_word() -> None:
    with ScriptedUpstream(lambda _: "  One two,\nthree. ") as upstream:
        chunks = streamed(upstream)
    words = [chunk.choices[0].delta.content for chunk in chunks]
    assert words == ["", "  ", "One ", "two,\n", "three. ", None]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert "usage" not in chunks[0].model_fields_set


def test_a_stream_tells_usage_when_asked() -> None:
    with ScriptedUpstream(lambda _: "One two") as upstream:
        chunks = streamed(upstream, stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 2
    assert "usage" in chunks[0].model_fields_set
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_the_sdk_puts_streamed_tool_calls_together() -> None:
    reply = Reply(tool_calls=(ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", "{}")))
    with (
        ScriptedUpstream(lambda _: reply) as upstream,
        openai.OpenAI(base_url=upstream.openai_url, api_key="test") as client,
        client.chat.completions.stream(**HI) as stream,
    ):
        message = stream.get_final_completion().choices[0].message
    calls = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls]
    assert calls == [("a", "f", '{"x": 1}'), ("b", "g", "{}")]


def test_a_stream_ends_as_the_provider_ends_it(upstream: ScriptedUpstream) -> None:
    _, headers, body = post(upstream, body={**HI, "stream": True})
    assert headers["content-type"] == "text/event-stream"
    assert body.endswith(b"}\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize(
    ("status", "error"), [(401, "AuthenticationError"), (429, "RateLimitError"), (500, "APIError")]
)
def test_errors_are_the_providers(upstream: ScriptedUpstream, status: int, error: str) -> None:
    upstream.script(Reply("Not now.", status=status, headers={"Retry-After": "7"}))
    with pytest.raises(getattr(openai, error)) as caught:
        create(upstream)
    assert caught.value.status_code == status
    assert caught.value.body["message"] == "Not now."
    assert caught.value.response.headers.get_list("retry-after") == ["7"]


def test_a_body_that_the_provider_would_refuse(upstream: ScriptedUpstream) -> None:
    for body in (b"{", [1], {"model": "gpt-4o"}, {"messages": ["hi"]}):
        status, _, error = post(upstream, body=body)
        assert status == 400
        assert json.loads(error)["error"]["type"] == "invalid_request_error"


def test_other_paths_are_not_found(upstream: ScriptedUpstream) -> None:
    status, _, body = post(upstream, "/v1/unheard/of")
    assert status == 404
    assert json.loads(body)["error"]["code"] == "unknown_url"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_echo_gives_back_any_other_call(method: str) -> None:
    with ScriptedUpstream(echo=True) as upstream:
        status, headers, body = post(upstream, "/v1/files?x=1", b"\xff\x00", method)
    assert (status, body) == (200, b"\xff\x00")
    assert (headers["x-echo-method"], headers["x-echo-path"]) == (method, "/v1/files?x=1")


def test_a_head_request_has_no_body() -> None:
    with ScriptedUpstream(echo=True) as upstream:
        reply = raw(upstream, "HEAD", "/v1/files", b"1234")
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert reply.endswith(b"\r\n\r\n")


def test_a_scripted_header_replaces_the_usual_one(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply("Hello.", headers={"Content-Type": "text/plain"}))
    lines = raw(upstream).lower().split(b"\r\n")
    assert [line for line in lines if line.startswith(b"content-type")] == [
        b"content-type: text/plain"
    ]


def raw(
    upstream: ScriptedUpstream, method: str = "POST", path: str = CHAT, body: bytes = b""
) -> bytes:
    """One response as it went over the wire."""
    body = body or json.dumps(HI).encode()
    head = f"{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port(upstream))) as connection:
        connection.sendall(head.encode() + body)
        with connection.makefile("rb") as reply:
            return reply.read()


def test_a_chunked_request_is_read_whole(upstream: ScriptedUpstream) -> None:
    data = json.dumps(HI).encode()
    with closing(http.client.HTTPConnection("127.0.0.1", port(upstream))) as connection:
        connection.request("POST", CHAT, iter([data[:7], data[7:]]), encode_chunked=True)
        with connection.getresponse() as reply:
            assert reply.status == 200
            reply.read()
        connection.request("POST", CHAT, data)
        with connection.getresponse() as reply:
            assert reply.status == 200
    assert [call.json for call in upstream.requests] == [HI, HI]


def port(upstream: ScriptedUpstream) -> int:
    return int(upstream.url.rpartition(":")[2])


def test_malformed_json(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply(body=b'{"id": "chatcmpl-'))
    assert post(upstream)[2] == b'{"id": "chatcmpl-'


def test_a_cut_body(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply("A long answer.", cut_after=10))
    with pytest.raises(http.client.IncompleteRead) as caught:
        post(upstream)
    assert len(caught.value.partial) == 10


def test_a_cut_stream(upstream: ScriptedUpstream) -> None:
    wish = json.dumps({**HI, "stream": True}).encode()
    whole = post(upstream, body=wish)[2]
    upstream.script(Reply("You asked: hi there", cut_after=700))
    with pytest.raises(http.client.IncompleteRead):
        post(upstream, body=wish)
    upstream.script(*[Reply("You asked: hi there", cut_after=700)] * 2)
    with pytest.raises(openai.APIError):
        streamed(upstream)
    assert len(raw(upstream, body=wish).partition(b"\r\n\r\n")[2]) == 700 < len(whole)


def test_a_cut_before_the_first_byte_of_body(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply("A long answer.", cut_after=0))
    with pytest.raises(http.client.IncompleteRead) as caught:
        post(upstream)
    assert caught.value.partial == b""


def test_a_compressed_answer(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply("Hello.", gzip=True), Reply("Hello.", gzip=True))
    _, headers, body = post(upstream)
    assert headers["content-encoding"] == "gzip"
    assert b"Hello." in gzip.decompress(body)
    assert create(upstream).choices[0].message.content == "Hello."


def test_a_compressed_stream_arrives_event_by_event(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply("One two three", gzip=True))
    words = [chunk.choices[0].delta.content for chunk in streamed(upstream)]
    assert words == ["", "One ", "two ", "three", None]


def test_answers_are_held_back_until_released(upstream: ScriptedUpstream) -> None:
    upstream.hold()
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(post, upstream) for _ in range(3)]
        upstream.wait_for(3)
        assert not any(answer.done() for answer in answers)
        assert (upstream.in_flight, upstream.peak) == (3, 3)
        upstream.release()
        assert [answer.result()[0] for answer in answers] == [200] * 3
    assert (upstream.in_flight, upstream.peak) == (0, 3)


def test_every_event_of_a_stream_can_be_held_back(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(upstream._open, "wait", lambda: asked.append(upstream.in_flight))
    upstream.script("One two")
    post(upstream, body={**HI, "stream": True})
    assert asked == [1] * 5


def test_calls_one_after_the_other_are_never_in_flight_together(
    upstream: ScriptedUpstream,
) -> None:
    for stream in (False, True) * 20:
        post(upstream, body={**HI, "stream": stream})
    assert (upstream.calls, upstream.peak) == (40, 1)


def test_waiting_for_calls_that_do_not_come(upstream: ScriptedUpstream) -> None:
    with pytest.raises(TimeoutError, match="0 of 1"):
        upstream.wait_for(1, timeout=0)


def test_a_hundred_callers_at_once() -> None:
    with ScriptedUpstream() as upstream:
        upstream.hold()
        with ThreadPoolExecutor(100) as pool:
            answers = [pool.submit(post, upstream) for _ in range(100)]
            upstream.wait_for(100)
            upstream.release()
            assert {answer.result()[0] for answer in answers} == {200}
    assert upstream.peak == 100


async def test_a_hundred_tasks_at_once() -> None:
    with ScriptedUpstream() as upstream:
        async with openai.AsyncOpenAI(base_url=upstream.openai_url, api_key="test") as client:
            calls = (client.chat.completions.create(**HI) for _ in range(100))
            answers = await asyncio.gather(*calls)
    assert len({answer.id for answer in answers}) == 100


def test_latency_and_gaps_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    with ScriptedUpstream(lambda _: "One two", latency=0.25, gap=0.125) as upstream:
        monkeypatch.setattr(upstream._closing, "wait", waited.append)
        post(upstream)
        upstream.script(Reply("Late.", delay=7))
        post(upstream)
        post(upstream, body={**HI, "stream": True})
    # A stream of two words: role, two words, the end, [DONE], and gaps between these.
    assert waited == [0.25, 7, 0.25] + [0.125] * 4


def test_closing_does_not_wait_for_a_slow_answer() -> None:
    with ThreadPoolExecutor(2) as pool:
        with ScriptedUpstream(latency=3600) as upstream:
            slow = pool.submit(post, upstream)
            upstream.wait_for(1)
        assert not upstream._server._connections
        slow.exception()


def test_closing_hangs_up_on_idle_connections() -> None:
    with ScriptedUpstream() as upstream:
        connection = socket.create_connection(("127.0.0.1", port(upstream)))
        post(upstream)  # the next connection: the idle one has been accepted before it
        threads = threading.active_count()
    with connection:
        assert connection.recv(1) == b""
    assert threading.active_count() < threads


def test_a_caller_that_goes_away_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    with ScriptedUpstream() as upstream:
        connection = socket.create_connection(("127.0.0.1", port(upstream)))
        at_once = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        connection.close()  # with a reset, since nothing lingers
        post(upstream)
    assert capfd.readouterr().err == ""


def test_a_script_that_raises_is_heard() -> None:
    def answer(call: Call) -> str:
        raise KeyError(call.path)

    upstream = ScriptedUpstream(answer)
    with pytest.raises(KeyError, match="chat"), upstream:  # noqa: PT012 - both must happen
        with pytest.raises(openai.InternalServerError, match="KeyError"):
            create(upstream)
        assert upstream.calls == 1


def test_nothing_beyond_the_standard_library_is_imported() -> None:
    code = (
        "import sys; import cacheback.testing; "
        "print([n for n in ('pytest', 'openai', 'httpx', 'numpy') if n in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
