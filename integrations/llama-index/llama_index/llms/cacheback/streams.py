"""Streams: recording what passes, and telling an answer piece by piece.

LlamaIndex's streams are cumulative: each item holds the message so far, and what it adds as
`delta`. What is kept of a stream that others may join is therefore only its deltas and its last
item; whoever made the call gets the integration's own items, untouched.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import ChatResponse
from llama_index.core.llms import LLM
from llama_index.llms.cacheback.answers import answer_of, response_of, whole
from llama_index.llms.cacheback.endings import Ending
from llama_index.llms.cacheback.kinds import Kind, Response, text_of

from cacheback import Answer, CachebackError, Usage

# A word with the white space before it; white space at the end is a piece of its own.
_WORDS = re.compile(r"\s*\S+|\s+$")


class Piece:
    """One item of a stream: what it adds, and the item until its own caller has it."""

    __slots__ = ("_item", "delta")

    def __init__(self, item: Response) -> None:
        self.delta = item.delta or ""
        self._item: Response | None = item

    @property
    def item(self) -> Response:
        """The item. It is there until it is taken."""
        if self._item is None:
            raise AssertionError("a stream has one caller, who takes each item once")
        return self._item

    def take(self) -> Response:
        """The item, for the one caller whose own it is."""
        item, self._item = self.item, None
        return item


@dataclass(slots=True)
class End:
    """Stands behind the last item of a stream that was read to its end.

    `answer` is all of it, whether or not it may be kept; None where it could not be read.
    """

    answer: Answer | None = None


class Recorder:
    """Takes a stream's pieces in, and makes an answer of them; cacheback's relay listens with it.

    Whatever fails in it is counted there, and fails no call.
    """

    def __init__(self, kind: Kind, llm: LLM) -> None:
        self.ended = False
        self._kind = kind
        self._llm = llm
        self._ending = Ending()
        self._last: Response | None = None
        self._said: list[str] = []
        self._answer: Answer | None = None

    def feed(self, piece: Piece | End) -> None:
        if isinstance(piece, Piece):
            self._take(piece, piece.item)
            return
        last = self._kind.said("") if self._last is None else self._whole(self._last)
        piece.answer = answer_of(self._kind, last, self._llm, self._ending)
        self._answer = whole(piece.answer, self._ending)
        self.ended = True

    def answer(self) -> Answer | None:
        return self._answer

    def _take(self, piece: Piece, item: Response) -> None:
        if item.delta is None:
            before = "" if self._last is None else text_of(self._last)
            piece.delta = text_of(item).removeprefix(before)
        self._ending.see(item)
        self._last = item
        self._said.append(piece.delta)

    def _whole(self, last: Response) -> Response:
        """The last item as a call without streaming would have returned it.

        Some integrations let an item's text lag behind its delta; what the deltas said was shown.
        """
        said = "".join(self._said)
        update: dict[str, object] = {"delta": None}
        if said != text_of(last) and said.startswith(text_of(last)):
            if isinstance(last, ChatResponse):
                message = last.message.model_copy(deep=True)
                if len(message.blocks) <= 1:
                    message.content = said
                    update["message"] = message
            else:
                update["text"] = said
        return last.model_copy(update=update)


def pieces(stream: Iterator[Response]) -> Iterator[Piece | End]:
    """A stream's items as pieces for a relay, with its end."""
    for item in stream:
        yield Piece(item)
    yield End()


async def apieces(stream: AsyncIterator[Response]) -> AsyncIterator[Piece | End]:
    """`pieces` for an asynchronous stream."""
    async for item in stream:
        yield Piece(item)
    yield End()


def replayed(kind: Kind, response: Response) -> Iterator[Response]:
    """An answer from memory as the items of a stream: word by word, and the last item whole."""
    *words, last = _WORDS.findall(text_of(response)) or [""]
    said = ""
    for word in words:
        said += word
        yield kind.said(said, word)
    yield response.model_copy(update={"delta": last})


class Words:
    """Tells a synthesis as UTF-8, piece by piece; cacheback's writing speaks with it."""

    _FAILURE = b"\xff"  # no text begins so

    def opening(self) -> bytes:
        return b""

    def text(self, piece: str) -> bytes:
        return piece.encode("utf-8", "surrogatepass")

    def closing(self, _: Usage | None) -> bytes:
        return b""

    def failure(self, message: str) -> bytes:
        return self._FAILURE + message.encode()

    @classmethod
    def read(cls, told: bytes) -> str:
        """What was told.

        Raises:
            CachebackError: the synthesis was broken off.
        """
        if told.startswith(cls._FAILURE):
            raise CachebackError(told.removeprefix(cls._FAILURE).decode())
        return told.decode("utf-8", "surrogatepass")


class Following:
    """Makes items of a stream that is not this caller's own: of another's, or of a synthesis.

    `marks` are put beside the last item, which is whole and adds nothing to the text.
    """

    def __init__(self, kind: Kind, marks: Mapping[str, Any]) -> None:
        self._kind = kind
        self._marks = marks
        self._said = ""

    def item(self, piece: Piece | End | bytes) -> Response | None:
        """What a piece adds, if it adds anything."""
        if isinstance(piece, End):
            return (
                None if piece.answer is None else self._last(response_of(self._kind, piece.answer))
            )
        delta = Words.read(piece) if isinstance(piece, bytes) else piece.delta
        self._said += delta
        return self._kind.said(self._said, delta) if delta or isinstance(piece, Piece) else None

    def end(self) -> Response:
        """The last item of a synthesis, which has no `End`."""
        return self._last(self._kind.said(self._said))

    def _last(self, response: Response) -> Response:
        noted = {**response.additional_kwargs, **self._marks}
        return response.model_copy(update={"delta": "", "additional_kwargs": noted})


def followed(following: Following, pieces: Iterator[Any]) -> Iterator[Response]:
    """The items of a stream that is not this caller's own."""
    piece: Any = None
    for piece in pieces:
        if (item := following.item(piece)) is not None:
            yield item
    if isinstance(piece, bytes):
        yield following.end()


async def afollowed(following: Following, pieces: AsyncIterator[Any]) -> AsyncIterator[Response]:
    """`followed` for an asynchronous stream."""
    piece: Any = None
    async for piece in pieces:
        if (item := following.item(piece)) is not None:
            yield item
    if isinstance(piece, bytes):
        yield following.end()
