"""A text that is told while it is being written, in each dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cacheback.models import JSON, Answer, Usage
from cacheback.wire import anthropic_messages, openai_chat, openai_completions, openai_responses
from cacheback.wire.codec import Codec, Voice
from cacheback.wire.sse import Event, Parser

MARKS = {"cacheback_hit": False, "cacheback_synthesized": True, "cacheback": {"tier": "synthesis"}}
PIECES = ["One two", ",\nthree.", " \u2028 Ünïcode", " \U0001f600"]
USAGE = Usage(123, 45)
CODECS: dict[str, tuple[Codec, JSON]] = {
    "chat": (
        openai_chat,
        {"model": "gpt", "messages": [], "stream_options": {"include_usage": True}},
    ),
    "completions": (
        openai_completions,
        {"model": "gpt", "prompt": "hi", "stream_options": {"include_usage": True}},
    ),
    "responses": (openai_responses, {"model": "gpt", "input": "hi"}),
    "messages": (anthropic_messages, {"model": "claude", "messages": []}),
}


def voice_of(name: str, **more: Any) -> Voice:
    codec, body = CODECS[name]
    return codec.voice({**body, **more}, id="id_1", created=7, marks=MARKS, model="small")


def told(*data: bytes) -> list[Event]:
    parser = Parser()
    return [event for piece in data for event in parser.feed(piece)]


def spoken(voice: Voice) -> list[bytes]:
    return [voice.opening(), *map(voice.text, PIECES), voice.closing(USAGE)]


@pytest.mark.parametrize("name", CODECS)
def test_the_recorder_reads_the_whole_answer(name: str) -> None:
    codec, body = CODECS[name]
    recorder = codec.recorder(body)
    *most, last = spoken(voice_of(name))
    for piece in most:
        recorder.feed(piece)
    assert not recorder.ended
    recorder.feed(last)
    answer = recorder.answer()
    assert answer is not None
    assert (answer.text, answer.usage, answer.model) == ("".join(PIECES), USAGE, "small")


@pytest.mark.parametrize("name", CODECS)
def test_it_tells_what_a_stream_of_the_whole_would(name: str) -> None:
    codec, body = CODECS[name]
    answer = Answer(PIECES[0], usage=USAGE, model="small")
    whole = codec.render_stream(answer, body, id="id_1", created=7, marks=MARKS, model="m")
    voice = voice_of(name)
    pieces = told(voice.opening(), voice.text(PIECES[0]), voice.closing(USAGE))
    assert [unknown_at_first(one) for one in pieces] == [
        unknown_at_first(one) for one in told(b"".join(whole))
    ]


def unknown_at_first(event: Event) -> JSON:
    """An event without the tokens that went in, which Anthropic tells at the beginning."""
    data = json.loads(event.data) if event.data != "[DONE]" else {}
    if data.get("type") == "message_start":
        del data["message"]["usage"]
    return event.event, data


@pytest.mark.parametrize("name", CODECS)
def test_each_piece_is_an_event_of_its_own_and_marks_come_first(name: str) -> None:
    voice = voice_of(name)
    opening = voice.opening()
    pieces = [voice.text(piece) for piece in PIECES]
    assert all(len(told(piece)) == 1 for piece in pieces)
    assert b'"cacheback_synthesized": true' in opening + pieces[0]


@pytest.mark.parametrize("name", ["chat", "completions"])
def test_the_usage_is_told_where_it_was_asked_for(name: str) -> None:
    closing = voice_of(name, stream_options=None).closing(USAGE)
    assert b"usage" not in closing
    assert b'"prompt_tokens": 123' in voice_of(name).closing(USAGE)


@pytest.mark.parametrize("name", CODECS)
def test_a_stream_that_breaks_off_is_not_whole(name: str) -> None:
    codec, body = CODECS[name]
    recorder = codec.recorder(body)
    voice = voice_of(name)
    for piece in (voice.opening(), voice.text("One"), voice.failure("cut")):
        recorder.feed(piece)
    assert recorder.answer() is None
