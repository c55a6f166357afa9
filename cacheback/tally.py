"""The write-behind counts: hits, misses, savings and faults, stored in batches.

A hit must not cost a write, so uses and counters are added up in memory and recorded after
`EVERY` events or `SECONDS`, when they are asked for, and on close. A killed process loses at most
that much of its statistics, and no entry.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING

from cacheback.core.ports import Use
from cacheback.errors import CachebackError
from cacheback.models import Reason, Saved, Tier

if TYPE_CHECKING:
    from collections.abc import Callable

    from cacheback.core.ports import Store

# One recording takes about 0.1 ms: spread over this many hits it does not show.
EVERY = 512
SECONDS = 5.0

_log = logging.getLogger("cacheback")


class WriteBehind:
    """Conforms to `core.ports.Tally`; thread-safe."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._uses: dict[int, Use] = {}
        self._counters: Counter[str] = Counter()
        self._events = 0
        self._recorded_at = self._clock()

    def hit(self, entry_id: int, tier: Tier, saved: Saved, now: float) -> None:
        with self._mine():
            used = self._uses.get(entry_id)
            self._uses[entry_id] = Use(used.hits + 1 if used else 1, now)
            counters = self._counters
            counters[f"hits.{tier}"] += 1
            if saved.tokens:
                counters["saved.tokens"] += saved.tokens
            if saved.money:
                counters["saved.money"] += saved.money  # type: ignore[assignment]  # a float sum
            if saved.seconds:
                counters["saved.seconds"] += saved.seconds  # type: ignore[assignment]  # as above
        self._event(now)

    def count(self, name: str, amount: float = 1) -> None:
        with self._mine():
            self._counters[name] += amount  # type: ignore[assignment]  # a float sum
        self._event(self._clock())

    def record(self) -> None:
        """Write what was counted; while another connection holds the lock, it is kept for later.

        Whatever the store raises is raised here, and what was counted is kept.
        """
        with self._mine():
            uses, counters = self._uses, self._counters
            self._uses, self._counters = {}, Counter()
            self._events, self._recorded_at = 0, self._clock()
        if not (uses or counters):
            return
        try:
            self._store.record(uses, counters)
        except Exception:
            self._restore(uses, counters)
            raise

    def _mine(self) -> threading.Lock:
        """The lock; in a forked child a new one, and what was counted is the parent's to record."""
        if os.getpid() != self._pid:
            self._begin()
        return self._lock

    def _event(self, now: float) -> None:
        self._events += 1
        if self._events < EVERY and now - self._recorded_at < SECONDS:
            return
        try:
            self.record()
        except Exception as error:  # noqa: BLE001 - a call must not fail with its statistics
            # They are tried again with the next batch.
            _log.debug("counters not recorded yet: %s", error)

    def _restore(self, uses: dict[int, Use], counters: Counter[str]) -> None:
        with self._lock:
            for entry_id, use in uses.items():
                newer = self._uses.get(entry_id)
                self._uses[entry_id] = (
                    Use(use.hits + newer.hits, newer.last_used_at) if newer else use
                )
            self._counters.update(counters)


class FaultLog:
    """Conforms to `core.ports.Faults`: counts every failure, and logs the first of a kind."""

    def __init__(self, tally: WriteBehind) -> None:
        self._tally = tally
        self._logged: set[tuple[Reason, type[Exception]]] = set()

    def report(self, part: Reason, error: Exception) -> None:
        self._tally.count(f"faults.{part}")
        kind = (part, type(error))
        if kind in self._logged:
            return
        self._logged.add(kind)
        # The text of a foreign error may quote a question, which does not belong in a log.
        told = str(error) if isinstance(error, CachebackError) else "(details at level DEBUG)"
        _log.warning(
            "%s: %s: %s; calls go on without it, counted as faults.%s in stats()",
            part,
            type(error).__name__,
            told,
            part,
        )
        _log.debug("%s", part, exc_info=error)
