"""What the end of a message says of the request: what was dropped before the model saw it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cacheback.models import Answer
from cacheback.wire import anthropic_messages as codec
from cacheback.wire import sse

DROPPED = [{"type": "thinking_dropped", "path": "messages.0.content.0"}]
EDITED = {"applied_edits": [{"type": "clear_tool_uses", "cleared_tool_uses": 2}]}


def recorded(begun: dict[str, Any], ended: dict[str, Any]) -> Answer:
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [],
                "usage": {"input_tokens": 1, "output_tokens": 1},
                **begun,
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "x"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 5},
            **ended,
        },
        {"type": "message_stop"},
    ]
    recorder = codec.recorder({})
    for event in events:
        recorder.feed(sse.encode(event["type"], json.dumps(event)))
    answer = recorder.answer()
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("begun", "ended", "expected"),
    [
        ({}, {"input_transformations": DROPPED, "context_management": EDITED}, (DROPPED, EDITED)),
        ({"input_transformations": DROPPED}, {}, (DROPPED, None)),
        ({"input_transformations": DROPPED}, {"input_transformations": []}, ([], None)),
        ({"context_management": EDITED}, {"context_management": None}, (None, EDITED)),
    ],
    ids=["at the end", "at the beginning", "the end counts", "null says nothing"],
)
def test_is_kept_and_said_again(
    begun: dict[str, Any], ended: dict[str, Any], expected: tuple[Any, Any]
) -> None:
    answer = recorded(begun, ended)
    assert answer.raw is not None
    names = ("input_transformations", "context_management")
    assert tuple(answer.raw.get(name) for name in names) == expected
    assert answer.raw["usage"] == {"input_tokens": 1, "output_tokens": 5}
    stream = codec.render_stream(answer, {}, id="msg_2", created=0, marks={})
    last = next(event for event in map(told, stream) if event["type"] == "message_delta")
    assert tuple(last.get(name) for name in names) == expected


def told(event: bytes) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(event.partition(b"data: ")[2])
    return data
