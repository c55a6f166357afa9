"""The Anthropic SDK's own helpers, on the scripted provider's streams and on those of hits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cacheback.models import JSON, Answer, ToolCall, Usage
from cacheback.testing import Reply, ScriptedUpstream
from cacheback.wire import anthropic_messages as codec

anthropic = pytest.importorskip("anthropic")

MARKS = {"cacheback_hit": True, "cacheback": {"tier": "exact", "reason": "same_text"}}
TEXT = "The capital of Italy is Rome, and it has been for quite a while now."
CALL = ToolCall("toolu_1", "weather", '{"city": "Rome", "days": [1, 2, 3]}')
ASK: dict[str, Any] = {
    "model": "claude-test",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
CITATION = {
    "type": "char_location",
    "cited_text": "Rome",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 4,
    "file_id": None,
}

REPLIES = {
    "text": Reply(TEXT),
    "calls": Reply(tool_calls=(CALL, ToolCall("toolu_2", "g", "{}"))),
    "text and calls": Reply(TEXT, tool_calls=(CALL,)),
    "thoughts": Reply(TEXT, extra={"reasoning_content": "Let me think of it for a while."}),
    "citations": Reply(TEXT, extra={"annotations": [CITATION, CITATION]}),
}


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def client(upstream: ScriptedUpstream) -> Iterator[Any]:
    url = upstream.anthropic_url
    with anthropic.Anthropic(base_url=url, api_key="test", max_retries=0) as client:
        yield client


def as_hit(answer: Answer) -> Reply:
    """A reply that is the stream of a hit, byte by byte."""
    events = codec.render_stream(answer, ASK, id="msg_fresh", created=7, marks=MARKS, model="m")
    return Reply(body=b"".join(events), headers={"content-type": "text/event-stream"})


def steady(value: JSON) -> JSON:
    """A message without its id and our marks; what is null is not told."""
    fresh = ("id", "cacheback", "cacheback_hit")
    if isinstance(value, dict):
        kept = {name: steady(inner) for name, inner in value.items() if inner is not None}
        return {name: inner for name, inner in kept.items() if name not in fresh}
    return [steady(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("api", ["messages", "beta"])
@pytest.mark.parametrize("name", REPLIES)
def test_a_final_message_is_the_json_answer(
    upstream: ScriptedUpstream, client: Any, name: str, api: str
) -> None:
    messages = client.messages if api == "messages" else client.beta.messages
    upstream.script(REPLIES[name])
    whole = messages.create(**ASK)
    answer = codec.answer(whole.to_dict())
    assert answer is not None
    for reply in (REPLIES[name], as_hit(answer)):
        upstream.script(reply)
        with messages.stream(**ASK) as stream:
            final = stream.get_final_message()
        assert steady(final.to_dict()) == steady(whole.to_dict())
    assert (final.id, final.cacheback_hit, final.cacheback["tier"]) == ("msg_fresh", True, "exact")
    assert not any(hasattr(block, "cacheback_hit") for block in final.content)


def test_the_text_stream_of_a_hit(upstream: ScriptedUpstream, client: Any) -> None:
    upstream.script(as_hit(Answer(TEXT, usage=Usage(3, 4))))
    with client.messages.stream(**ASK) as stream:
        texts = list(stream.text_stream)
        usage = stream.get_final_message().usage
    assert "".join(texts) == TEXT
    assert len(texts) > 3
    assert (usage.input_tokens, usage.output_tokens) == (3, 4)


def test_the_raw_events_of_a_hit(upstream: ScriptedUpstream, client: Any) -> None:
    upstream.script(as_hit(Answer(TEXT, (CALL,))))
    events = list(client.messages.create(**ASK, stream=True))
    assert [events[0].type, events[-1].type] == ["message_start", "message_stop"]
    assert events[0].message.cacheback_hit is True
    assert events[-2].delta.stop_reason == "tool_use"


def test_pings_are_sent_and_ignored(upstream: ScriptedUpstream, client: Any) -> None:
    upstream.script(TEXT)
    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        data = response.read()
    assert b"event: ping\n" in data
    recorder = codec.recorder(ASK)
    recorder.feed(data)
    answer = recorder.answer()
    assert answer is not None
    assert answer.text == TEXT


def test_an_error_event_is_raised(upstream: ScriptedUpstream, client: Any) -> None:
    upstream.script(Reply(TEXT, fail_after=4))
    with pytest.raises(anthropic.APIStatusError, match="had an error"):
        list(client.messages.create(**ASK, stream=True))


def test_a_length_finish_is_told(upstream: ScriptedUpstream, client: Any) -> None:
    upstream.script(*[Reply(TEXT, finish_reason="length")] * 2)
    assert client.messages.create(**ASK).stop_reason == "max_tokens"
    with client.messages.stream(**ASK) as stream:
        assert stream.get_final_message().stop_reason == "max_tokens"


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, "AuthenticationError"), (429, "RateLimitError"), (529, "OverloadedError")],
)
def test_errors_are_the_providers(
    upstream: ScriptedUpstream, client: Any, status: int, error: str
) -> None:
    upstream.script(Reply("Not now.", status=status))
    with pytest.raises(anthropic.APIStatusError, match=r"Not now\.") as caught:
        client.messages.create(**ASK)
    assert type(caught.value).__name__ == error
    assert caught.value.status_code == status


def test_a_body_that_the_provider_would_refuse(client: Any) -> None:
    with pytest.raises(anthropic.BadRequestError):
        client.post("/v1/messages", body={"messages": []}, cast_to=object)


async def test_an_async_stream_of_a_hit(upstream: ScriptedUpstream) -> None:
    upstream.script(as_hit(Answer(TEXT)))
    url = upstream.anthropic_url
    async with (
        anthropic.AsyncAnthropic(base_url=url, api_key="test", max_retries=0) as client,
        client.messages.stream(**ASK) as stream,
    ):
        message = await stream.get_final_message()
    assert message.content[0].text == TEXT
