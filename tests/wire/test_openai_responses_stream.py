"""Streams of responses whose last event leaves the items out: they count if none is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cacheback.models import Answer
from cacheback.wire import openai_responses, sse
from cacheback.wire.openai_responses_stream import ResponseRecorder

MESSAGE: dict[str, Any] = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Paris.", "annotations": []}],
}
BEGUN: dict[str, Any] = {
    "type": "response.output_item.added",
    "item": {**MESSAGE, "status": "in_progress", "content": []},
}
DONE: dict[str, Any] = {"type": "response.output_item.done", "item": MESSAGE}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "output": []}}


def recorded(*events: dict[str, Any], output: Any = None) -> Answer | None:
    last = {"id": "resp_1", "model": "m", "status": "completed", "output": output}
    recorder = ResponseRecorder(openai_responses.answer)
    for event in (CREATED, *events, {"type": "response.completed", "response": last}):
        recorder.feed(sse.encode(event["type"], json.dumps(event)))
    assert recorder.ended
    return recorder.answer()


def test_items_that_are_done_are_the_answer() -> None:
    answer = recorded({**BEGUN, "output_index": 7}, {**DONE, "output_index": 7})
    assert answer is not None
    assert answer.text == "Paris."


def test_so_are_items_that_nobody_announced() -> None:
    assert recorded({**DONE, "output_index": 0}) is not None


@pytest.mark.parametrize("kind", ["response.queued", "response.in_progress"])
def test_an_item_that_was_told_anew_is_not_understood(kind: str) -> None:
    anew = {"type": kind, "response": {"id": "resp_1", "output": [MESSAGE]}}
    assert recorded({**DONE, "output_index": 0}, anew) is None


def test_an_item_that_was_begun_and_not_done_is_missing() -> None:
    unfinished = {**BEGUN, "output_index": 1}
    assert recorded({**DONE, "output_index": 0}, unfinished) is None


def test_where_the_last_event_has_the_items_it_is_believed() -> None:
    answer = recorded({**BEGUN, "output_index": 1}, output=[MESSAGE])
    assert answer is not None
    assert answer.text == "Paris."


@pytest.mark.parametrize("kind", [[], {}, 1, None])
def test_a_type_that_is_no_text_is_passed_over(kind: Any) -> None:
    recorder = ResponseRecorder(openai_responses.answer)
    recorder.feed(sse.encode("", json.dumps({"type": kind})))
    assert not recorder.ended
