"""Flights: one upstream call that several identical callers wait for.

What may live here: who leads, who follows, what a landing means. What it may not know: threads and
event loops; a flight's landing is a future that the caller's factory makes, and drivers wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from cacheback.models import JSON, Entry, Reply

if TYPE_CHECKING:
    from cacheback.core.plan import Plan


class NoEntry(Enum):
    """Why a flight brought nothing that others may use."""

    FAILED = "failed"
    """The leader failed or went away: one of the followers leads next."""
    ALONE = "alone"
    """The call worked, but its answer may not be shared (or waiting is impossible): each calls."""


@runtime_checkable
class Recording(Protocol):
    """A stream that is recorded while it arrives, and that others may join from its beginning.

    `end` receives what became of it once it is over; `sources` are the ids of the entries from
    which it is being written, where it does not come from upstream.
    """

    sources: tuple[int, ...]

    @property
    def end(self) -> Landing: ...

    def join(self, *, asynchronous: bool) -> Any:
        """A consumer's own view of the stream, from its first byte; None when it is just over.

        `NoEntry.ALONE` where it cannot be joined: it has failed, nobody has read it for a while,
        or it belongs to an event loop and the caller does not (or to another, or the other way
        round).
        """
        ...

    def when_over(self, finish: Callable[[Reply], Plan[Landed]], gone: Callable[[], None]) -> None:
        """What to run when the stream is over, with what it brought; the result goes to `end`.

        `gone` is called instead where the stream is dropped without being read to its end. Neither
        may hold the recording: it lives as long as somebody can read it.
        """
        ...


Landed: TypeAlias = "Entry | NoEntry | Joinable"
Joinable: TypeAlias = Callable[[], "Recording | None"]
"""Gives the recording as long as it exists: a flight must not keep a stream that nobody reads."""


class Landing(Protocol):
    """The part of a future that is needed to land a flight, and to hear of it."""

    def set_result(self, result: Landed, /) -> None: ...

    def result(self) -> Landed: ...

    def done(self) -> bool: ...

    @property
    def followed(self) -> bool:
        """Whether anybody is waiting for it."""
        ...

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Flight:
    """A call that is under way; `landing` receives its result exactly once.

    `manner` is the form in which a stream of it is told, as its leader wants it.
    """

    key: tuple[str, ...]
    landing: Landing
    manner: JSON = None


class Flights:
    """The flights that are under way in this process."""

    def __init__(self, landing: Callable[[], Landing]) -> None:
        self._landing = landing
        self._open: dict[tuple[str, ...], Flight] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._open)

    def join(self, key: tuple[str, ...], manner: JSON = None) -> tuple[Flight, bool]:
        """The flight for this key, and whether the caller leads it (and so must land it)."""
        mine = Flight(key, self._landing(), manner)
        # setdefault is one atomic step: of many callers at once exactly one finds its own flight.
        flight = self._open.setdefault(key, mine)
        return flight, flight is mine

    def share(self, flight: Flight, recording: Joinable) -> None:
        """The answer to a flight has begun to arrive: others may join it until the flight ends."""
        flight.landing.set_result(recording)

    def end(self, flight: Flight) -> None:
        """Later callers begin a new flight. Idempotent."""
        if self._open.get(flight.key) is flight:
            del self._open[flight.key]

    def land(self, flight: Flight, result: Landed) -> None:
        """End a flight that the caller leads, with its result for those who wait."""
        self.end(flight)
        flight.landing.set_result(result)

    def forget(self) -> None:
        """Drop all flights, whose leaders do not exist here (in a forked child)."""
        self._open = {}
