"""The blocked patterns of a store: `core.ports.Negatives` in SQLite and in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Any

from cacheback.core.ports import HeldNegative, NegativeDraft, Report
from cacheback.errors import StoreFullError, StoreReadOnlyError
from cacheback.store.answers import encode_text, readable_text
from cacheback.store.connection import Connections
from cacheback.store.upgrading import NEGATIVES_SINCE, upgrade, version_of

_NEGATIVE = """
    SELECT id, pattern, digest, reason, namespace, created_at, expires_at, vector
    FROM negatives ORDER BY id
"""
_REPORT = """
    SELECT negative_id, created_at, text, vector FROM negative_reports ORDER BY id
"""
_ADD = """
    INSERT INTO negatives (pattern, digest, reason, namespace, created_at, expires_at, vector)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_ADD_REPORT = """
    INSERT INTO negative_reports (negative_id, created_at, text, vector)
    VALUES (?, ?, ?, ?)
"""
_EVICT = "DELETE FROM negatives WHERE expires_at <= ?"


class SQLiteNegatives:
    """In the tables of `negatives.sql`. `require` raises when the store must not be written."""

    def __init__(
        self, connections: Connections, require: Callable[[sqlite3.Connection], None]
    ) -> None:
        self._connections = connections
        self._require = require
        self._there = True

    def prepare(self) -> None:
        """Make the tables in a directory that an earlier version made.

        Where that cannot be written it serves as it always did, and nothing is blocked.
        """
        with self._connections.reading() as db:
            self._there = version_of(db) >= NEGATIVES_SINCE
        if not self._there:
            with suppress(StoreReadOnlyError, StoreFullError), self._writing():
                pass

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that finds the tables: what kept them from being made may be over."""
        with self._connections.writing() as db:
            if not self._there:
                upgrade(db)
            yield db
        self._there = True

    def point(self, db: sqlite3.Connection) -> int:
        """The point reached, as a part of somebody's snapshot."""
        if not self._there:
            return 0
        return int(db.execute("SELECT point FROM negatives_point").fetchone()[0])

    def count(self, db: sqlite3.Connection) -> int:
        """How many there are, as a part of somebody's snapshot."""
        if not self._there:
            return 0
        return int(db.execute("SELECT count(*) FROM negatives").fetchone()[0])

    def add(self, draft: NegativeDraft) -> int:
        with self._writing() as db:
            self._require(db)
            db.execute(_EVICT, (draft.created_at,))
            key = (draft.digest, draft.namespace or "")
            db.execute("DELETE FROM negatives WHERE digest = ? AND namespace = ?", key)
            return db.execute(_ADD, _row_of(draft)).lastrowid or 0

    def read(self) -> tuple[int, list[HeldNegative]]:
        if not self._there:
            return 0, []
        with self._connections.snapshot() as db:
            point = self.point(db)
            rows = db.execute(_NEGATIVE).fetchall()
            reported = db.execute(_REPORT).fetchall()
        reports: dict[int, list[Report]] = {}
        for negative_id, *fields in reported:
            reports.setdefault(negative_id, []).append(_report_from(*fields))
        return point, [
            HeldNegative(row[0], _draft_from(*row[1:]), tuple(reports.get(row[0], ())))
            for row in rows
        ]

    def report(self, negative_id: int, report: Report) -> bool:
        text = None if report.text is None else encode_text(report.text)
        with self._writing() as db:
            self._require(db)
            there = _exists(db, negative_id)
            if there:
                row = (negative_id, report.created_at, text, report.vector)
                db.execute(_ADD_REPORT, row)
        return there

    def remove(self, negative_id: int) -> bool:
        with self._writing() as db:
            removed = db.execute("DELETE FROM negatives WHERE id = ?", (negative_id,)).rowcount
        if removed:
            self._connections.tidy()
        return bool(removed)

    def evict(self, now: float) -> int:
        with self._connections.reading() as db:
            expired = self._there and db.execute(
                "SELECT EXISTS (SELECT 1 FROM negatives WHERE expires_at <= ?)", (now,)
            ).fetchone() == (1,)
        if not expired:
            return 0
        with self._writing() as db:
            return db.execute(_EVICT, (now,)).rowcount

    def replace_vectors(
        self, vectors: Sequence[tuple[int, bytes | None, Sequence[bytes | None]]]
    ) -> None:
        with self._writing() as db:
            for negative_id, vector, of_reports in vectors:
                db.execute("UPDATE negatives SET vector = ? WHERE id = ?", (vector, negative_id))
                found = db.execute(
                    "SELECT id FROM negative_reports WHERE negative_id = ? ORDER BY id",
                    (negative_id,),
                ).fetchall()
                db.executemany(
                    "UPDATE negative_reports SET vector = ? WHERE id = ?",
                    [(one, row[0]) for one, row in zip(of_reports, found, strict=False)],
                )


def _exists(db: sqlite3.Connection, negative_id: int) -> bool:
    return db.execute("SELECT 1 FROM negatives WHERE id = ?", (negative_id,)).fetchone() is not None


def _row_of(draft: NegativeDraft) -> tuple[Any, ...]:
    return (
        encode_text(draft.pattern),
        draft.digest,
        encode_text(draft.reason),
        draft.namespace or "",
        draft.created_at,
        draft.expires_at,
        draft.vector,
    )


def _draft_from(  # noqa: PLR0917 - the columns of one row
    pattern: bytes,
    digest: str,
    reason: bytes,
    namespace: str,
    created_at: float,
    expires_at: float | None,
    vector: bytes | None,
) -> NegativeDraft:
    return NegativeDraft(
        pattern=readable_text(pattern),
        digest=digest,
        reason=readable_text(reason),
        namespace=namespace or None,
        created_at=created_at,
        expires_at=expires_at,
        vector=vector,
    )


def _report_from(created_at: float, text: bytes | None, vector: bytes | None) -> Report:
    return Report(created_at, None if text is None else readable_text(text), vector)


class MemoryNegatives:
    """In a dictionary; `reading` and `writing` are the store's own, `require` as above."""

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[None]],
        writing: Callable[[], AbstractContextManager[None]],
        require: Callable[[], None],
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._require = require
        self._held: dict[int, HeldNegative] = {}
        self._last_id = 0
        self.point = 0

    def __len__(self) -> int:
        return len(self._held)

    def add(self, draft: NegativeDraft) -> int:
        with self._writing():
            self._require()
            self._drop_expired(draft.created_at)
            key = (draft.digest, draft.namespace)
            for one in list(self._held.values()):
                if (one.draft.digest, one.draft.namespace) == key:
                    self._drop(one.id)
            self._last_id += 1
            self.point += 1
            self._held[self._last_id] = HeldNegative(self._last_id, draft)
            return self._last_id

    def read(self) -> tuple[int, list[HeldNegative]]:
        with self._reading():
            return self.point, list(self._held.values())

    def report(self, negative_id: int, report: Report) -> bool:
        with self._writing():
            self._require()
            held = self._held.get(negative_id)
            if held is None:
                return False
            self._held[negative_id] = replace(held, reports=(*held.reports, report))
            self.point += 1
            return True

    def remove(self, negative_id: int) -> bool:
        with self._writing():
            there = negative_id in self._held
            if there:
                self._drop(negative_id)
            return there

    def evict(self, now: float) -> int:
        with self._writing():
            return self._drop_expired(now)

    def replace_vectors(
        self, vectors: Sequence[tuple[int, bytes | None, Sequence[bytes | None]]]
    ) -> None:
        with self._writing():
            for negative_id, vector, of_reports in vectors:
                held = self._held.get(negative_id)
                if held is not None:
                    self._held[negative_id] = HeldNegative(
                        negative_id,
                        replace(held.draft, vector=vector),
                        tuple(
                            replace(report, vector=one)
                            for report, one in zip(held.reports, of_reports, strict=True)
                        ),
                    )

    def _drop_expired(self, now: float) -> int:
        expired = [
            one.id
            for one in self._held.values()
            if one.draft.expires_at is not None and one.draft.expires_at <= now
        ]
        for negative_id in expired:
            self._drop(negative_id)
        return len(expired)

    def _drop(self, negative_id: int) -> None:
        del self._held[negative_id]
        self.point += 1
