"""Responses event by event: the answer that a stream tells, and the stream that tells an answer.

What may live here: the order of events and what each says. What it may not know: which responses
may be kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import dropwhile, takewhile

from cacheback.models import JSON, Answer, Usage
from cacheback.wire import openai_outputs, shapes, sse
from cacheback.wire.pieces import pieces, with_tokens
from cacheback.wire.recording import Recording
from cacheback.wire.shapes import are_objects, is_list

Said = dict[str, JSON]
Item = Mapping[str, JSON]

_COMPLETED = "response.completed"
_CUT = frozenset({"response.failed", "response.incomplete", "error"})
_UNDER_WAY = frozenset({"response.created", "response.queued", "response.in_progress"})
_ITEM_ADDED = "response.output_item.added"
_ITEM_DONE = "response.output_item.done"
# Events whose data must be read; all else is repeated by the last one. The name may be missing.
_TELLING = frozenset({_COMPLETED, _ITEM_ADDED, _ITEM_DONE, *_UNDER_WAY, *_CUT, ""})


class ResponseRecorder(Recording):
    """Takes the response that the last event carries, or its items where that leaves them out.

    Items count only if each that was begun was done, and none was told anew in between.
    """

    def __init__(self, answer: Callable[[JSON], Answer | None]) -> None:
        super().__init__(answer)
        self._response: JSON = None
        self._items: dict[int, JSON] = {}
        self._begun: set[int] = set()
        self._retold = False

    def take(self, event: sse.Event) -> None:
        if event.event not in _TELLING:
            return
        data = self.read(event)
        kind = shapes.text(data.get("type"))
        if kind in _CUT or event.event in _CUT:
            self.failed = self.ended = True
        elif kind == _COMPLETED:
            self._response = data.get("response")
            self.ended = True
        elif kind in _UNDER_WAY:
            self._retold |= bool(_output(data.get("response")))
        else:
            self._take_item(kind, data.get("output_index"), data.get("item"))

    def _take_item(self, kind: JSON, index: JSON, item: JSON) -> None:
        if kind == _ITEM_ADDED and isinstance(index, int):
            self._begun.add(index)
        elif kind == _ITEM_DONE and isinstance(index, int):
            self._items[index] = item

    def payload(self) -> JSON:
        if not isinstance(self._response, dict) or self._response.get("output") is not None:
            return self._response
        if self._retold or not self._begun <= self._items.keys():
            return None
        return {**self._response, "output": [self._items[index] for index in sorted(self._items)]}


def _output(response: JSON) -> JSON:
    return response.get("output") if isinstance(response, Mapping) else None


def events(response: Mapping[str, JSON]) -> Iterator[bytes]:
    """The stream that tells a whole response."""
    for number, said in enumerate(_said(response)):
        yield _event(said, number)


def _event(said: Said, number: int) -> bytes:
    # ASCII only: some readers take U+2028 and U+0085 for the end of a line.
    return sse.encode(said["type"], json.dumps({**said, "sequence_number": number}))


def _said(response: Mapping[str, JSON]) -> Iterator[Said]:
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    if "completed_at" in begun:
        begun["completed_at"] = None
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        yield {
            "type": "response.output_item.added",
            "output_index": index,
            "item": _empty(item),
        }
        where = {"item_id": item.get("id", ""), "output_index": index}
        for said in _ITEMS.get(item["type"], _nothing)(item):
            yield {**said, **where}
        yield {"type": _ITEM_DONE, "output_index": index, "item": item}
    yield {"type": _COMPLETED, "response": response}


def _empty(item: Item) -> Said:
    """An item as it is when it has just begun."""
    started = {name: value for name, value in _STARTED.items() if name in item}
    return {**item, **started}


_STARTED: Mapping[str, JSON] = {
    "arguments": "",
    "content": [],
    "input": "",
    "result": None,
    "status": "in_progress",
    "summary": [],
}


def _nothing(_: Item) -> Iterator[Said]:
    yield from ()


def _message(item: Item) -> Iterator[Said]:
    for index, part in enumerate(item["content"]):
        spoken = _text(part) if part["type"] == "output_text" else _refusal(part)
        yield from _part(part, {"content_index": index}, spoken)


def _part(part: Item, where: Said, spoken: Iterator[Said]) -> Iterator[Said]:
    """A content part: begun, spoken, done."""
    begun = {name: value for name, value in _BEGUN.items() if name in part}
    yield {"type": "response.content_part.added", "part": {**part, **begun}, **where}
    for said in spoken:
        yield {**said, **where}
    yield {"type": "response.content_part.done", "part": part, **where}


_BEGUN: Mapping[str, JSON] = {"annotations": [], "logprobs": [], "refusal": "", "text": ""}


def _text(part: Item) -> Iterator[Said]:
    given = part.get("logprobs")
    tokens = given if is_list(given) else []
    for piece, group in with_tokens(part["text"], tokens):
        yield {"type": "response.output_text.delta", "delta": piece, "logprobs": list(group)}
    for index, annotation in enumerate(part.get("annotations") or ()):
        yield {
            "type": "response.output_text.annotation.added",
            "annotation_index": index,
            "annotation": annotation,
        }
    yield {"type": "response.output_text.done", "text": part["text"], "logprobs": list(tokens)}


def _refusal(part: Item) -> Iterator[Said]:
    return _spoken("response.refusal", "refusal", part["refusal"])


def _spoken(kind: str, field: str, text: str) -> Iterator[Said]:
    """A text in pieces, then whole under the field's name."""
    for piece in pieces(text):
        yield {"type": f"{kind}.delta", "delta": piece}
    yield {"type": f"{kind}.done", field: text}


def _reasoning(item: Item) -> Iterator[Said]:
    for index, part in enumerate(_told(item.get("summary"))):
        where = {"summary_index": index}
        begun = {**part, "text": ""}
        yield {"type": "response.reasoning_summary_part.added", "part": begun, **where}
        for said in _spoken("response.reasoning_summary_text", "text", part["text"]):
            yield {**said, **where}
        yield {"type": "response.reasoning_summary_part.done", "part": part, **where}
    for index, part in enumerate(_told(item.get("content"))):
        spoken = _spoken("response.reasoning_text", "text", part["text"])
        yield from _part(part, {"content_index": index}, spoken)


def _told(parts: JSON) -> list[Item]:
    if not are_objects(parts):
        return []
    return [part for part in parts if isinstance(part.get("text"), str)]


def _function_call(item: Item) -> Iterator[Said]:
    for said in _spoken("response.function_call_arguments", "arguments", item["arguments"]):
        yield {**said, "name": item["name"]} if "arguments" in said else said


def _custom_call(item: Item) -> Iterator[Said]:
    return _spoken("response.custom_tool_call_input", "input", item["input"])


_ITEMS: Mapping[str, Callable[[Item], Iterator[Said]]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _function_call,
    "custom_tool_call": _custom_call,
}


class ResponseVoice:
    """Conforms to `codec.Voice`; `rendered` is the response without its output."""

    def __init__(self, rendered: Mapping[str, JSON]) -> None:
        self._rendered = rendered
        self._pieces: list[str] = []
        self._number = 0
        begun = list(
            takewhile(lambda said: said["type"] != _TEXT_DONE, _said(self._response(None)))
        )
        self._begun = begun
        self._where = {name: begun[-1][name] for name in _WHERE}

    def opening(self) -> bytes:
        return self._tell(self._begun)

    def text(self, piece: str) -> bytes:
        self._pieces.append(piece)
        said = {"type": "response.output_text.delta", "delta": piece, "logprobs": []}
        return self._tell([{**said, **self._where}])

    def closing(self, usage: Usage | None) -> bytes:
        said = _said(self._response(usage))
        return self._tell(dropwhile(lambda one: one["type"] != _TEXT_DONE, said))

    def failure(self, message: str) -> bytes:
        error = {"code": "server_error", "message": message, "param": None}
        return self._tell([{"type": "error", **error}])

    def _response(self, usage: Usage | None) -> Said:
        suffix = openai_outputs.suffix(self._rendered["id"])
        said = openai_outputs.message("".join(self._pieces), suffix)
        return {**self._rendered, "output": [said], "usage": openai_outputs.counted(usage)}

    def _tell(self, said: Iterable[Said]) -> bytes:
        told = []
        for one in said:
            told.append(_event(one, self._number))
            self._number += 1
        return b"".join(told)


# The event before which a text is spoken, and what says where that is.
_TEXT_DONE = "response.output_text.done"
_WHERE = ("content_index", "item_id", "output_index")
