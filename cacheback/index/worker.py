"""Background work, one job after another, in a thread that lives only while there is some."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Worker:
    """Runs jobs in the order they came; a job that waits already is not queued again.

    The thread is a daemon, and must have been joined (`close`) before the interpreter ends: one
    that is inside hnswlib at that moment would abort the process.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: dict[str, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """True from `close` on; a long job asks now and then, and returns."""
        return self._closed

    def submit(self, name: str, job: Callable[[], None]) -> None:
        """Run a job soon, unless one of this name is waiting. After `close` it is dropped."""
        with self._changed:
            if self._closed:
                return
            self._jobs.setdefault(name, job)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="cacheback-index", daemon=True
                )
                self._thread.start()

    def settle(self) -> None:
        """Wait until there is no job left."""
        with self._changed:
            self._changed.wait_for(lambda: self._thread is None)

    def close(self) -> None:
        """Drop the jobs that wait, let the running one stop, and wait for it. Idempotent."""
        with self._changed:
            self._closed = True
            self._jobs.clear()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:
                logger.exception("background work on an index failed; searches are not affected")

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            if self._jobs:
                return self._jobs.pop(next(iter(self._jobs)))
            self._thread = None
            self._changed.notify_all()
            return None
