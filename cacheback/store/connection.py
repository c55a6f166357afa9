"""Connections to one SQLite file: one per thread and process, and how they are used.

SQLite's locks do not survive a fork: the child inherits SQLite's belief that they are held, while
the kernel does not. A connection opened in such a child works until the parent closes its own,
which then removes the write-ahead log that the child still writes to; what the child had
acknowledged is lost (seen with SQLite 3.40). So every connection is closed just before a fork, and
both sides open new ones when they next need one.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from cacheback.errors import ClosedError, StoreError, StoreLockedError
from cacheback.store.files import Place
from cacheback.store.forks import follow_forks
from cacheback.store.selecting import teach
from cacheback.store.translation import Translated

# A write-ahead log that a large import has stretched is cut back to this many bytes.
_WAL_BYTES = 16 * 2**20


class _Handle:
    """The connection of one thread. `lock` is held by whoever uses, opens or closes it."""

    __slots__ = ("connection", "lock", "pid", "seen", "thread")

    def __init__(self) -> None:
        self.connection: sqlite3.Connection | None = None
        self.lock = threading.RLock()
        self.pid = os.getpid()
        self.seen: int | None = None
        self.thread = threading.current_thread()

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Connections:
    """Transactions on one database; every error inside one is translated.

    Locks are taken in the order handle, turn, SQLite's own. `_gate` guards the list of handles;
    nobody waits for a handle's lock while holding it, except a fork and `close`, and nobody takes
    it while holding a handle's lock.
    """

    def __init__(self, place: Place, lock_timeout: float) -> None:
        self._place = place
        self._translated = Translated(place.path)
        self._lock_timeout = lock_timeout
        self._closed = False
        self._begin_life()
        follow_forks(self)

    def _begin_life(self) -> None:
        self._pid = os.getpid()
        self._gate = threading.Lock()
        self._turn = threading.Lock()
        self._local = threading.local()
        self._handles: list[_Handle] = []

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection, without a transaction: for one statement."""
        handle = self._handle()
        with handle.lock, self._translated:
            yield handle.connection or self._open(handle)

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """For several statements that must see the same state."""
        with self.reading() as db:
            db.execute("BEGIN")
            try:
                yield db
            finally:
                _end(db)

    @contextmanager
    def writing(self, *, wait: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction: all that is written inside is kept when the block ends, or none.

        Raises StoreLockedError when the lock is not had within the timeout, or at once without
        `wait`.
        """
        with self.reading() as db, self._my_turn(wait), nullcontext() if wait else _impatient(db):
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                _end(db)

    def changed(self) -> bool:
        """Whether a connection other than this thread's may have written since the last call."""
        handle = self._handle()
        # As `reading` does, without the microsecond of its generator: every lookup asks this.
        with handle.lock, self._translated:
            db = handle.connection or self._open(handle)
            (version,) = db.execute("PRAGMA data_version").fetchone()
            before, handle.seen = handle.seen, version
        return bool(before != version)

    def tidy(self) -> None:
        """Drop what was removed from the disk too, if nobody else is busy with the file.

        The log is emptied, because it holds older pages with the removed text; when most pages
        are free, they are given back. Whatever hinders it leaves the work to the next time: the
        removal itself is already on the disk.
        """
        with suppress(StoreError), self.reading() as db, _impatient(db):
            (free,) = db.execute("PRAGMA freelist_count").fetchone()
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            if free * 2 > pages:
                db.executescript("PRAGMA incremental_vacuum")  # `execute` stops at the first page
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close every connection, waiting for those in use. Idempotent."""
        with self._gate:
            self._closed = True
            for handle in self._handles:
                with handle.lock, self._translated:
                    handle.close()
            self._handles.clear()

    def _handle(self) -> _Handle:
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is None or handle.pid != os.getpid():
            handle = self._new_handle()
        return handle

    def _new_handle(self) -> _Handle:
        if self._pid != os.getpid():
            self._start_anew()
        with self._gate:
            for dead in [known for known in self._handles if not known.thread.is_alive()]:
                dead.close()
                self._handles.remove(dead)
            handle = self._local.handle = _Handle()
            self._handles.append(handle)
        return handle

    def _open(self, handle: _Handle) -> sqlite3.Connection:
        if self._closed:
            raise ClosedError("the store was used after close(); open a new one")
        connection = sqlite3.connect(
            self._place.uri,
            uri=True,
            timeout=self._lock_timeout,
            isolation_level=None,  # transactions begin where this module says so
            check_same_thread=False,  # `close` and a fork close the connections of all threads
        )
        try:
            _equip(connection)
        except BaseException:
            connection.close()
            raise
        handle.connection, handle.seen = connection, None
        return connection

    @contextmanager
    def _my_turn(self, wait: bool) -> Iterator[None]:
        """Threads of one process queue here: SQLite's own waiting polls, and starves some."""
        if not self._turn.acquire(timeout=self._lock_timeout if wait else 0):
            raise StoreLockedError(
                f"{self._place.path}: another thread is writing; try again, or raise lock_timeout"
            )
        try:
            yield
        finally:
            self._turn.release()

    def _start_anew(self) -> None:
        """In a child of a fork that ran no hooks (one made in C): leave the parent's as they are.

        Closing them, or letting them be collected, could undo the parent's locks.
        """
        _ABANDONED.append(self._handles)
        self._begin_life()

    def before_fork(self) -> None:
        self._gate.acquire()
        for handle in self._handles:
            handle.lock.acquire()
            handle.close()

    def after_fork(self) -> None:
        self._pid = os.getpid()
        for handle in self._handles:
            handle.pid = self._pid
            handle.lock.release()
        self._gate.release()


def _equip(connection: sqlite3.Connection) -> None:
    connection.text_factory = _lenient
    teach(connection)
    # NORMAL: a killed process loses nothing, the system has its writes; a power cut may lose the
    # last transactions, but never damages the file.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA recursive_triggers = ON")
    # Removed text is overwritten, not only unlinked; at 100,000 entries this costs nothing that
    # can be told from noise when writing, and a fifth more time when removing all of them.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")


def _lenient(data: bytes) -> str:
    """Damaged text becomes text that no checksum matches, instead of failing the statement."""
    return data.decode("utf-8", "surrogateescape")


def _end(db: sqlite3.Connection) -> None:
    """End what is still open: after a read, or after an error, which is then the one to tell of."""
    if db.in_transaction:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")


@contextmanager
def _impatient(db: sqlite3.Connection) -> Iterator[None]:
    (timeout,) = db.execute("PRAGMA busy_timeout").fetchone()
    db.execute("PRAGMA busy_timeout = 0")
    try:
        yield
    finally:
        db.execute(f"PRAGMA busy_timeout = {timeout}")


_ABANDONED: list[list[_Handle]] = []
