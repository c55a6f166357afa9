"""A lock that a loop of short steps cannot keep to itself."""

from __future__ import annotations

import threading


class Turnstile:
    """Mutual exclusion in turn: whoever waits goes before whoever has just left.

    A plain lock that is released and taken again at once is nearly always won by the same thread,
    so a search would wait for a whole batch of additions. Here the first to wait holds the turn,
    and the loop has to queue behind it.
    """

    __slots__ = ("_inside", "_turn")

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._inside = threading.Lock()

    def __enter__(self) -> None:
        with self._turn:
            self._inside.acquire()

    def __exit__(self, *_: object) -> None:
        self._inside.release()
