"""Messages event by event: the answer that a stream tells, and the stream that tells an answer.

What may live here: the order of events and what each says. What it may not know: which messages
may be kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import dropwhile, takewhile

from cacheback.models import JSON, Answer, Usage
from cacheback.wire import sse
from cacheback.wire.merging import merge
from cacheback.wire.pieces import pieces
from cacheback.wire.recording import Recording
from cacheback.wire.shapes import is_list

Said = dict[str, JSON]
Block = Mapping[str, JSON]

_PING = "ping"


class MessageRecorder(Recording):
    """Puts a message together: its start, its blocks delta by delta, and how it ended."""

    def __init__(self, answer: Callable[[JSON], Answer | None]) -> None:
        super().__init__(answer)
        self._message: Said = {}
        self._blocks: dict[int, Said] = {}
        self._inputs: dict[int, list[str]] = {}

    def take(self, event: sse.Event) -> None:
        if event.event == _PING:
            return
        match self.read(event):
            case {"type": "message_start", "message": dict(message)}:
                self._message = message
            case {"type": "content_block_start", "index": int(index), "content_block": dict(block)}:
                self._blocks[index] = block
            case {"type": "content_block_delta", "index": int(index), "delta": dict(delta)}:
                self._add(index, delta)
            case {"type": "message_delta", "delta": dict(delta), **rest}:
                self._end(delta, rest)
            case {"type": "message_stop"}:
                self.ended = True
            case {"type": "error"}:
                self.failed = self.ended = True
            case {"type": "content_block_stop" | "ping"}:
                pass
            case _:
                self.failed = True

    def _add(self, index: int, delta: Said) -> None:
        block = self._blocks.setdefault(index, {})
        match delta:
            case {"type": "input_json_delta", "partial_json": str(text)}:
                self._inputs.setdefault(index, []).append(text)
            case {"type": "citations_delta", "citation": citation}:
                block["citations"] = [*(block.get("citations") or []), citation]
            case {"type": "signature_delta", "signature": signature}:
                block["signature"] = signature
            case _:
                merge(block, {name: value for name, value in delta.items() if name != "type"})

    def _end(self, delta: Said, rest: Said) -> None:
        """How the message ended. Counts are totals, and those that it leaves out still hold."""
        usage = rest.pop("usage", None)
        self._message.update(delta)
        self._message.update((name, value) for name, value in rest.items() if value is not None)
        counted = self._message.get("usage")
        if isinstance(usage, dict):
            told = {name: value for name, value in usage.items() if value is not None}
            self._message["usage"] = {**(counted if isinstance(counted, dict) else {}), **told}

    def payload(self) -> JSON:
        blocks = [self._whole(index) for index in sorted(self._blocks)]
        return {**self._message, "content": blocks}

    def _whole(self, index: int) -> JSON:
        """A block with the input that came as pieces of JSON; None when that is not JSON."""
        block = self._blocks[index]
        text = "".join(self._inputs.get(index, ()))
        if not text:
            return block
        try:
            return {**block, "input": json.loads(text)}
        except (ValueError, RecursionError):
            return None


def events(message: Mapping[str, JSON]) -> Iterator[bytes]:
    """The stream that tells a whole message."""
    for said in _said(message):
        yield _event(said)


def _event(said: Said) -> bytes:
    # ASCII only: some readers take U+2028 and U+0085 for the end of a line.
    return sse.encode(said["type"], json.dumps(said))


def _said(message: Mapping[str, JSON]) -> Iterator[Said]:
    usage = message.get("usage")
    counted = usage if isinstance(usage, Mapping) else {"input_tokens": 0, "output_tokens": 0}
    ended = {name: message[name] for name in _TOLD_LAST if name in message}
    beside = {name: message[name] for name in _TOLD_BESIDE if message.get(name) is not None}
    begun = {
        **message,
        **dict.fromkeys(ended),
        "content": [],
        "usage": {**counted, "output_tokens": 0},
    }
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(message["content"]):
        start, deltas = _spoken(block)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": ended, **beside, "usage": counted}
    yield {"type": "message_stop"}


_TOLD_LAST = ("stop_reason", "stop_sequence")
# What was done to the request before the model saw it; the last word on it comes with the end.
_TOLD_BESIDE = ("context_management", "input_transformations")


def _spoken(block: Block) -> tuple[Said, Iterator[Said]]:
    """A block as it is when it has just begun, and the deltas that complete it."""
    match block:
        case {"type": "text", "text": str(text)}:
            return _emptied(block, "text", "citations"), _text(text, block.get("citations"))
        case {"type": "thinking", "thinking": str(text)}:
            return _emptied(block, "thinking", "signature"), _thinking(text, block)
        case {"type": "tool_use" | "server_tool_use", "input": Mapping() as given}:
            return _emptied(block, "input"), _input(given)
    return dict(block), iter(())


def _emptied(block: Block, *names: str) -> Said:
    """A block before its deltas; a field that it does not have, or that says nothing, stays so."""
    empty: Said = {name: type(block[name])() for name in names if block.get(name)}
    return {**block, **empty}


def _text(text: str, cited: JSON) -> Iterator[Said]:
    for piece in pieces(text):
        yield {"type": "text_delta", "text": piece}
    for citation in cited if is_list(cited) else ():
        yield {"type": "citations_delta", "citation": citation}


def _thinking(text: str, block: Block) -> Iterator[Said]:
    for piece in pieces(text):
        yield {"type": "thinking_delta", "thinking": piece}
    if "signature" in block:
        yield {"type": "signature_delta", "signature": block["signature"]}


def _input(given: Mapping[str, JSON]) -> Iterator[Said]:
    for piece in pieces(json.dumps(given, ensure_ascii=False)):
        yield {"type": "input_json_delta", "partial_json": piece}


class MessageVoice:
    """Conforms to `codec.Voice`; `rendered` is the message without its content."""

    def __init__(self, rendered: Mapping[str, JSON]) -> None:
        self._message = {**rendered, "content": [{"type": "text", "text": ""}]}

    def opening(self) -> bytes:
        begun = takewhile(lambda said: said["type"] != _BLOCK_STOP, _said(self._message))
        return b"".join(map(_event, begun))

    def text(self, piece: str) -> bytes:
        delta = {"type": "text_delta", "text": piece}
        return _event({"type": "content_block_delta", "index": 0, "delta": delta})

    def closing(self, usage: Usage | None) -> bytes:
        usage = usage or Usage()
        counted = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        said = _said({**self._message, "usage": counted})
        return b"".join(map(_event, dropwhile(lambda one: one["type"] != _BLOCK_STOP, said)))

    def failure(self, message: str) -> bytes:
        return _event({"type": "error", "error": {"type": "api_error", "message": message}})


# The event before which a text is spoken.
_BLOCK_STOP = "content_block_stop"
