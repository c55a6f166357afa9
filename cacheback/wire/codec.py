"""What every wire codec offers: a provider's JSON in, our words out, and back again.

What may live here: the protocol, and the shape that a parsed request takes. What a codec may not
know: HTTP, clocks, randomness, or what the cache will decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from cacheback.models import JSON, Answer, Reason, Usage


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a request's body says.

    `question` is the last user text, or "" when the last turn is not one. `parts` holds everything
    else that can change the answer, by the scope's names for it; an empty part is left out.
    `limits` are the reasons for the exact tier only, or for no caching at all, in the order in
    which they should be named. `temperature` is None when the body does not say.
    """

    question: str
    parts: Mapping[str, JSON]
    limits: tuple[Reason, ...]
    stream: bool
    temperature: float | None


class Recorder(Protocol):
    """Listens to a stream as it passes, and knows the answer once the stream was whole."""

    @property
    def ended(self) -> bool:
        """True once the event has passed after which the provider says nothing more."""
        ...

    def feed(self, data: bytes) -> None:
        """Take in upstream's bytes, decompressed, in any chunks. Never raises on foreign bytes."""
        ...

    def answer(self) -> Answer | None:
        """The answer, if the stream was complete, without an error, and ended as one that is kept.

        Its `raw` is the JSON that a call without streaming would have returned.
        """
        ...


class Voice(Protocol):
    """Tells a text as a stream while it is still being written, piece by piece.

    The bytes of `opening`, of each `text`, and of `closing` are what `render_stream` would tell of
    the whole, but that the usage is known only in the end. `failure` stands in for the rest where
    there is none: it breaks the stream off as the provider would.
    """

    def opening(self) -> bytes: ...

    def text(self, piece: str) -> bytes: ...

    def closing(self, usage: Usage | None) -> bytes: ...

    def failure(self, message: str) -> bytes: ...


class Codec(Protocol):
    """One provider's dialect of one endpoint. Pure: no function ever raises on foreign JSON."""

    @property
    def FORMAT(self) -> str:  # noqa: N802 - a module is the codec, and this is its constant
        """The name under which answers carry this dialect's JSON (`Answer.format`)."""
        ...

    @property
    def ID_PREFIX(self) -> str:  # noqa: N802 - as above
        """What the ids of this dialect's answers begin with."""
        ...

    def parse(self, body: JSON) -> Parsed | None:
        """Read a request's body; None when it is not ours to answer and must pass untouched."""
        ...

    def answer(self, payload: JSON) -> Answer | None:
        """Read the body of a 2xx reply; None when it must not be stored."""
        ...

    def render(
        self,
        answer: Answer,
        *,
        id: str,  # noqa: A002 - the field's own name
        created: int,
        marks: Mapping[str, JSON],
        model: str = "",
    ) -> dict[str, JSON]:
        """The body that the caller's SDK expects, with a fresh id and time and our marks.

        `created` is in Unix seconds. `model` is named when the answer does not name one.
        """
        ...

    def mark(self, payload: Mapping[str, JSON], marks: Mapping[str, JSON]) -> dict[str, JSON]:
        """A provider's own body with our marks at its top level."""
        ...

    def recorder(self, body: JSON) -> Recorder:
        """A fresh recorder for the stream that answers this request."""
        ...

    def render_stream(
        self,
        answer: Answer,
        body: JSON,
        *,
        id: str,  # noqa: A002 - the field's own name
        created: int,
        marks: Mapping[str, JSON],
        model: str = "",
    ) -> Iterator[bytes]:
        """As `render`, but the events of a stream that answers this request, each as its bytes."""
        ...

    def voice(
        self,
        body: JSON,
        *,
        id: str,  # noqa: A002 - the field's own name
        created: int,
        marks: Mapping[str, JSON],
        model: str,
    ) -> Voice:
        """What tells this request's caller a text that is still being written by `model`."""
        ...
