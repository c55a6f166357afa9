"""What all recorders share: reading events as JSON, and telling the answer at the end.

What may live here: the shape of a recorder. What it may not know: any provider's events.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from cacheback.models import JSON, Answer
from cacheback.wire.sse import Event, Parser


class Recording(ABC):
    """A recorder that is told its provider's events one by one.

    `ended` becomes True when the terminal event has passed; nothing after it counts. `failed`
    becomes True at an error event, and at anything that cannot be understood: what was not
    understood is not known to be whole.
    """

    def __init__(self, answer: Callable[[JSON], Answer | None]) -> None:
        self.ended = False
        self.failed = False
        self._answer = answer
        self._parser = Parser()

    def feed(self, data: bytes) -> None:
        for event in self._parser.feed(data):
            if not self.ended:
                self.take(event)

    def answer(self) -> Answer | None:
        return self._answer(self.payload()) if self.ended and not self.failed else None

    @abstractmethod
    def take(self, event: Event) -> None:
        """Take one event in."""

    @abstractmethod
    def payload(self) -> JSON:
        """What a call without streaming would have returned, once `ended`."""

    def read(self, event: Event) -> Mapping[str, JSON]:
        """An event's data; empty, and `failed` set, when it is no object."""
        try:
            data = json.loads(event.data)
        except (ValueError, RecursionError):  # not JSON, or nested deeper than Python reads
            data = None
        if isinstance(data, dict):
            return data
        self.failed = True
        return {}
