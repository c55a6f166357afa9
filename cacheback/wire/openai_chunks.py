"""Streams of chunks with `choices`, as chat and legacy completions have them, recorded and written.

What may live here: what both endpoints' chunks have in common. What it may not know: what a choice
says. They end with `data: [DONE]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from cacheback.models import JSON, Answer
from cacheback.wire import sse
from cacheback.wire.merging import merge
from cacheback.wire.recording import Recording
from cacheback.wire.shapes import are_objects

Choice = dict[str, JSON]

# Padding against guessing tokens by their size; it belongs to the chunk, not to the answer.
_OF_THE_CHUNK = frozenset({"choices", "obfuscation"})
_DONE = "[DONE]"


class ChunkRecorder(Recording):
    """Puts chunks together.

    Args:
        answer: reads the JSON of the whole answer.
        whole: makes a whole choice of its merged chunks.
        kind: the whole answer's `object`.
        expected: how many choices were asked for.
    """

    def __init__(
        self,
        answer: Callable[[JSON], Answer | None],
        whole: Callable[[Choice], Choice],
        *,
        kind: str,
        expected: int,
    ) -> None:
        super().__init__(answer)
        self._whole = whole
        self._kind = kind
        self._expected = expected
        self._said: dict[str, JSON] = {}
        self._choices: dict[int, Choice] = {}

    def take(self, event: sse.Event) -> None:
        if event.data.startswith(_DONE):
            self.ended = True
            return
        chunk = self.read(event)
        if chunk.get("error") is not None:
            self.failed = self.ended = True
            return
        choices = chunk.get("choices")
        if not are_objects(choices):
            self.failed = True
            return
        for name, value in chunk.items():
            if value not in (None, "") and name not in _OF_THE_CHUNK:
                self._said[name] = value
        for choice in choices:
            self._add(choice)

    def _add(self, choice: Mapping[str, JSON]) -> None:
        index = choice.get("index", 0)
        if type(index) is not int:
            self.failed = True
            return
        merge(self._choices.setdefault(index, {"index": index}), choice)

    def payload(self) -> JSON:
        if len(self._choices) < self._expected:
            return None
        choices = [self._whole(self._choices[index]) for index in sorted(self._choices)]
        return {**self._said, "object": self._kind, "choices": choices}


def expected(body: JSON) -> int:
    """How many choices a request asks for."""
    count = body.get("n") if isinstance(body, Mapping) else None
    return count if isinstance(count, int) else 1


def chunks(
    rendered: Mapping[str, JSON], body: JSON, choices: Iterable[Choice], *, kind: str
) -> Iterator[bytes]:
    """The stream of a rendered answer, one chunk for each of these choices.

    All that the answer says at its top level, our marks included, is said by every chunk; the
    usage by a chunk of its own, and only where it was asked for. ASCII only: some readers take
    U+2028 and U+0085 for the end of a line.
    """
    writer = ChunkWriter(rendered, body, kind=kind)
    for choice in choices:
        yield writer.chunk(choice)
    yield from writer.end(rendered.get("usage"))


class ChunkWriter:
    """Writes the chunks of one stream.

    Args:
        rendered: the answer as JSON; what it says at its top level is said by every chunk.
        body: the request, which may ask for the usage.
        kind: the chunks' `object`.
    """

    def __init__(self, rendered: Mapping[str, JSON], body: JSON, *, kind: str) -> None:
        repeated = {name: value for name, value in rendered.items() if name not in _NOT_REPEATED}
        self._envelope = {**repeated, "object": kind}
        self._counted = _wants_usage(body)
        unknown = {"usage": None} if self._counted else {}
        # The envelope is written once: with our marks in it, it is most of a chunk.
        self._head = json.dumps({**self._envelope, **unknown}).removesuffix("}")

    def chunk(self, choice: Choice) -> bytes:
        return sse.encode("", f'{self._head}, "choices": [{json.dumps(choice)}]}}')

    def end(self, usage: JSON) -> Iterator[bytes]:
        if self._counted:
            last = {**self._envelope, "choices": [], "usage": usage}
            yield sse.encode("", json.dumps(last))
        yield sse.encode("", _DONE)

    def failure(self, message: str) -> bytes:
        """The event by which OpenAI breaks a stream off."""
        error = {"message": message, "type": "server_error", "param": None, "code": None}
        return sse.encode("", json.dumps({"error": error}))


_NOT_REPEATED = frozenset({"choices", "usage"})


def _wants_usage(body: JSON) -> bool:
    match body:
        case {"stream_options": {"include_usage": True}}:
            return True
    return False
