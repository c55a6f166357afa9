"""The write-behind notes: judgements and lessons, stored in batches.

A hit must not cost a write, so what is noted waits in memory and is recorded after `EVERY` notes or
`SECONDS`, before it is read, and on close. A killed process loses at most that much of its log and
of its evidence; what a person says is never kept here.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from typing import TYPE_CHECKING, TypeVar

from cacheback.errors import StoreLockedError, StoreReadOnlyError
from cacheback.models import Reason
from cacheback.tally import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from cacheback.core.ports import Faults, JudgementDraft, Lesson, Store

# One recording takes about 0.3 ms: spread over this many hits it is 5 µs each.
EVERY = 64
# Notes of a kind that wait for a store which is locked for long; then the oldest go.
MOST = 1_024

T = TypeVar("T")

_log = logging.getLogger("cacheback")


class Notebook:
    """Conforms to `core.ports.Notes`; thread-safe.

    Args:
        store: where notes are recorded.
        faults: where a failure is counted, as `learning_failed`.
        clock: Unix seconds.
        keep: how many judgements the store keeps.
    """

    def __init__(
        self, store: Store, faults: Faults, clock: Callable[[], float], *, keep: int
    ) -> None:
        self._store = store
        self._faults = faults
        self._clock = clock
        self._keep = keep
        self.taught: Callable[[], None] = _nothing
        """Called when lessons were recorded, by the thread that did it."""
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        # Of whoever records. Taking a note needs none: appending to a deque is one step.
        self._lock = threading.Lock()
        self._judgements: deque[JudgementDraft] = deque(maxlen=MOST)
        self._lessons: deque[Lesson] = deque(maxlen=MOST)
        self._begin_batch()

    def _begin_batch(self) -> None:
        self._notes, self._recorded_at = 0, self._clock()

    def judgement(self, draft: JudgementDraft, *, quietly: bool = False) -> None:
        self._mine()
        self._judgements.append(draft)
        self._noted(quietly)

    def lesson(self, lesson: Lesson) -> None:
        self._mine()
        self._lessons.append(lesson)
        self._noted(quietly=False)

    def record(self, *, wait: bool = True) -> None:
        """Write what was noted. What a locked store cannot take now is kept for later.

        Args:
            wait: for the lock of the store, as long as the store does.

        Raises:
            StoreLockedError: the store is locked; the notes are kept.
            StoreError: it failed otherwise; they are lost.
        """
        self._mine()
        with self._lock:
            self._write(wait=wait)

    def _mine(self) -> None:
        """In a forked child begin anew: what was noted is the parent's to record."""
        if os.getpid() != self._pid:
            self._begin()

    def _noted(self, quietly: bool) -> None:
        self._notes += 1
        if quietly or (self._notes < EVERY and self._clock() - self._recorded_at < SECONDS):
            return
        if not self._lock.acquire(blocking=False):
            return  # another thread is at it, and a hit does not wait for that
        try:
            self._write(wait=False)
        except StoreLockedError as error:
            _log.debug("notes not recorded yet: %s", error)
        except StoreReadOnlyError as error:
            _log.debug("nothing can be noted here: %s", error)
        except Exception as error:  # noqa: BLE001 - a call must not fail with its notes
            self._faults.report(Reason.LEARNING_FAILED, error)
        finally:
            self._lock.release()

    def _write(self, *, wait: bool) -> None:
        judgements, lessons = _emptied(self._judgements), _emptied(self._lessons)
        self._begin_batch()
        if not (judgements or lessons):
            return
        try:
            self._store.learned.add(judgements, lessons, keep=self._keep, wait=wait)
        except StoreLockedError:
            # In front of what was noted meanwhile, as they are older.
            self._judgements.extendleft(reversed(judgements))
            self._lessons.extendleft(reversed(lessons))
            raise
        if lessons:
            self.taught()


def _emptied(notes: deque[T]) -> list[T]:
    """What was in it; what others append meanwhile is taken along, or stays."""
    taken = []
    while notes:
        taken.append(notes.popleft())
    return taken


def _nothing() -> None:
    pass
