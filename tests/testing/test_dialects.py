"""What the scripted provider says at the endpoints beside chat, as bytes and JSON.

How the real SDKs read it is tested with the codecs.
"""

from __future__ import annotations

import base64
import json
import math
import struct
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest

from cacheback.models import JSON, ToolCall, Usage
from cacheback.testing import Reply, ScriptedUpstream
from cacheback.testing.openai_embeddings import vector

HI: JSON = [{"role": "user", "content": "hi there"}]
ASKS: dict[str, dict[str, JSON]] = {
    "/v1/chat/completions": {"model": "m", "messages": HI},
    "/v1/completions": {"model": "m", "prompt": "hi there"},
    "/v1/responses": {"model": "m", "input": "hi there"},
    "/v1/messages": {"model": "m", "max_tokens": 9, "messages": HI},
    "/v1/messages?beta=true": {"model": "m", "max_tokens": 9, "messages": HI},
}


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


def post(upstream: ScriptedUpstream, path: str, body: JSON) -> tuple[int, bytes]:
    request = urllib.request.Request(upstream.url + path, json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    try:
        reply = urllib.request.urlopen(request)
    except HTTPError as error:
        reply = error
    with reply:
        return reply.status, reply.read()


def ask(upstream: ScriptedUpstream, path: str, **more: JSON) -> Any:
    status, body = post(upstream, path, {**ASKS[path], **more})
    assert status == 200
    return json.loads(body)


def stream(upstream: ScriptedUpstream, path: str, **more: JSON) -> str:
    status, body = post(upstream, path, {**ASKS[path], "stream": True, **more})
    assert status == 200
    return body.decode()


def test_urls(upstream: ScriptedUpstream) -> None:
    assert upstream.openai_url == upstream.url + "/v1"
    assert upstream.anthropic_url == upstream.url


@pytest.mark.parametrize("path", ASKS)
def test_without_a_script_every_endpoint_repeats_the_question(
    upstream: ScriptedUpstream, path: str
) -> None:
    assert "You asked: hi there" in json.dumps(ask(upstream, path))
    assert "hi " in stream(upstream, path)


@pytest.mark.parametrize("path", ASKS)
def test_a_stream_can_break_off_with_an_error(upstream: ScriptedUpstream, path: str) -> None:
    whole = stream(upstream, path).split("\n\n")
    upstream.script(Reply("You asked: hi there", fail_after=4), Reply(fail_after=0))
    *events, error, rest = stream(upstream, path).split("\n\n")
    assert len(events) == 4 < len(whole)
    assert "had an error" in error
    assert rest == ""
    assert stream(upstream, path).count("\n\n") == 1


@pytest.mark.parametrize("path", ASKS)
def test_a_body_that_the_provider_would_refuse(upstream: ScriptedUpstream, path: str) -> None:
    refused: list[JSON] = [7, [], {}, {"messages": ["hi"], "input": [7], "max_tokens": 1}]
    for body in refused:
        status, _ = post(upstream, path, body)
        assert status == 400


@pytest.mark.parametrize("path", ASKS)
def test_scripted_usage_is_told(upstream: ScriptedUpstream, path: str) -> None:
    upstream.script(*[Reply("Rome.", usage=Usage(123, 45))] * 2)
    for told in (
        json.dumps(ask(upstream, path)["usage"]),
        stream(upstream, path, stream_options={"include_usage": True}),
    ):
        assert "123" in told
        assert "45" in told


def test_a_response_repeats_what_was_asked(upstream: ScriptedUpstream) -> None:
    told = ask(upstream, "/v1/responses", user="ann", metadata={"a": "b"}, instructions="Brief.")
    assert (told["user"], told["metadata"], told["instructions"]) == ("ann", {"a": "b"}, "Brief.")
    assert (told["status"], told["store"]) == ("completed", True)


def test_a_responses_events_are_numbered_from_created_to_completed(
    upstream: ScriptedUpstream,
) -> None:
    calls = (ToolCall("", "f", '{"x": 1}'),)
    extra = {"reasoning_content": "Let me think.", "annotations": [{"type": "url_citation"}]}
    upstream.script(Reply("One two", tool_calls=calls, extra=extra))
    events = [
        json.loads(event.partition("data: ")[2])
        for event in stream(upstream, "/v1/responses").split("\n\n")[:-1]
    ]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] == "response.completed"
    kinds = [item["type"] for item in events[-1]["response"]["output"]]
    assert kinds == ["reasoning", "message", "function_call"]
    assert {event["type"] for event in events} >= {
        "response.reasoning_summary_text.delta",
        "response.output_text.annotation.added",
        "response.function_call_arguments.done",
    }


def test_a_messages_stream_is_named_pinged_and_counted(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply("One two", usage=Usage(7, 8)))
    told = stream(upstream, "/v1/messages")
    names = [event.partition("\n")[0] for event in told.split("\n\n")[:-1]]
    assert names == [
        "event: message_start",
        "event: ping",
        "event: content_block_start",
        "event: content_block_delta",
        "event: content_block_delta",
        "event: content_block_stop",
        "event: message_delta",
        "event: message_stop",
    ]
    assert '"usage": {"output_tokens": 8}' in told


@pytest.mark.parametrize(
    ("reason", "told"),
    [("length", "max_tokens"), ("content_filter", "refusal"), ("pause_turn", "pause_turn")],
)
def test_a_messages_end_is_told_in_anthropics_words(
    upstream: ScriptedUpstream, reason: str, told: str
) -> None:
    upstream.script(Reply("Rome.", finish_reason=reason))
    assert ask(upstream, "/v1/messages")["stop_reason"] == told


def test_other_paths_of_messages_are_not_found(upstream: ScriptedUpstream) -> None:
    status, _ = post(upstream, "/v1/messages/count_tokens", ASKS["/v1/messages"])
    assert status == 404


def embed(upstream: ScriptedUpstream, given: JSON, **more: JSON) -> Any:
    status, body = post(upstream, "/v1/embeddings", {"model": "e", "input": given, **more})
    assert status == 200
    return json.loads(body)


def test_a_vector_follows_from_nothing_but_its_text(upstream: ScriptedUpstream) -> None:
    batch = embed(upstream, ["one", "two", "one"])
    one, two, again = (each["embedding"] for each in batch["data"])
    assert one == again == vector("one") == embed(upstream, "one")["data"][0]["embedding"]
    assert one != two
    assert [each["index"] for each in batch["data"]] == [0, 1, 2]
    assert len(one) == 1536
    assert math.hypot(*one) == pytest.approx(1.0, abs=1e-6)
    assert batch["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


def test_vectors_as_base64_are_the_same(upstream: ScriptedUpstream) -> None:
    packed = embed(upstream, "one", encoding_format="base64", dimensions=8)
    data = base64.b64decode(packed["data"][0]["embedding"])
    assert list(struct.unpack("<8f", data)) == vector("one", 8)


def test_tokens_have_vectors_too(upstream: ScriptedUpstream) -> None:
    one = embed(upstream, [1, 2, 3], dimensions=8)
    assert len(one["data"]) == 1
    assert one["usage"]["prompt_tokens"] == 3
    assert one["data"] == embed(upstream, [[1, 2, 3]], dimensions=8)["data"]


@pytest.mark.parametrize("given", ["", [], ["one", ""], None, 7])
def test_an_input_that_the_provider_would_refuse(upstream: ScriptedUpstream, given: JSON) -> None:
    status, _ = post(upstream, "/v1/embeddings", {"model": "e", "input": given})
    assert status == 400


def test_embeddings_are_never_streamed(upstream: ScriptedUpstream) -> None:
    status, _ = post(upstream, "/v1/embeddings", {"model": "e", "input": "a", "stream": True})
    assert status == 400
