"""The default store: one SQLite file in write-ahead mode, shared by threads and processes."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from cacheback.core.ports import Change, Changes, Selection, StoreStats, Use
from cacheback.errors import StoreCorruptError, StoreError
from cacheback.models import JSON, Draft, Entry, Scope
from cacheback.store.answers import dump_json, load_json
from cacheback.store.check import examine
from cacheback.store.connection import Connections
from cacheback.store.files import prepare, refuse_newer, size_on_disk
from cacheback.store.learned import SQLiteLearned
from cacheback.store.negatives import SQLiteNegatives
from cacheback.store.relying import require_meta
from cacheback.store.rows import ENTRY, INSERT, entry_from, entry_of, row_of
from cacheback.store.selecting import chosen_ids, where

logger = logging.getLogger(__name__)

_PART = 5000  # entries removed in one transaction: about 0.2 s, well below `lock_timeout`
_KEY = "scope_id = (SELECT id FROM scopes WHERE digest = ?) AND question_digest = ?"
_FIND = f"{ENTRY} WHERE {_KEY}"
_GET = f"{ENTRY} WHERE e.id IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants
_REPLACE = f"DELETE FROM entries WHERE {_KEY}"  # noqa: S608 - constants
_USE = """
    UPDATE entries SET hits = hits + ?, last_used_at = max(last_used_at, ?) WHERE id = ?
"""
_COUNT_UP = """
    INSERT INTO counters (name, value) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET value = value + excluded.value
"""
_SET_VECTOR = """
    INSERT OR REPLACE INTO vectors (entry_id, scope_id, vector)
    SELECT id, scope_id, ? FROM entries WHERE id = ?
"""


class SQLiteStore:
    """The `Store` port on `cache.db` in `directory`, which is made when it is missing.

    What `put` returned survives kill -9. A power cut may lose the last seconds, never the file
    (`synchronous=NORMAL`). Safe to share between threads and across forks; several processes may
    open one directory, which must be on a local file system. `remove` also wipes: removed text is
    overwritten and the write-ahead log emptied, unless another process is reading just then.

    A directory or file that cannot be written still serves reads; writes raise
    StoreReadOnlyError. A damaged entry is never returned: `find` raises StoreCorruptError, `get`
    and `select` leave it out, `check` names it.

    Args:
        directory: made with mode 0700, the file with 0600.
        lock_timeout: seconds to wait for another writer before StoreLockedError.

    Raises:
        ConfigurationError: `directory` is a file.
        StoreReadOnlyError: there is no database, and none can be made.
        StoreCorruptError, ForeignStoreError, NewerStoreError: the file is left untouched.
    """

    def __init__(self, directory: Path | str, *, lock_timeout: float = 2.0) -> None:
        place = prepare(Path(directory))
        self.path = place.path
        self._connections = Connections(place, lock_timeout)
        self._reported: set[int] = set()
        self._relied_on: Mapping[str, str | None] = {}
        self.negatives = SQLiteNegatives(self._connections, self._require_meta)
        self.learned = SQLiteLearned(self._connections)
        try:
            with self._connections.reading() as db:
                refuse_newer(db, self.path)
                _total(db)
            self.negatives.prepare()
            self.learned.prepare()
        except BaseException:
            self._connections.close()
            raise

    def put(self, drafts: Sequence[Draft]) -> list[Entry]:
        with self._connections.writing() as db:
            self._require_meta(db)
            _require_sources(db, drafts)
            return [_put(db, draft) for draft in drafts]

    def find(self, scope: str, question_digest: str) -> Entry | None:
        with self._connections.reading() as db:
            row = db.execute(_FIND, (scope, question_digest)).fetchone()
        return None if row is None else entry_from(row)

    def get(self, ids: Sequence[int]) -> list[Entry]:
        with self._connections.reading() as db:
            rows = db.execute(_GET, (json.dumps(list(ids)),)).fetchall()
        found = {entry.id: entry for entry in self._whole(rows)}
        return [found[entry_id] for entry_id in ids if entry_id in found]

    def select(
        self, selection: Selection, *, after: int = 0, limit: int | None = None
    ) -> list[Entry]:
        condition, values = where(selection)
        sql = f"{ENTRY} WHERE {condition} AND e.id > ? ORDER BY e.id"
        with (
            self._connections.reading() as db,
            closing(db.execute(sql, (*values, after))) as rows,
        ):
            return list(islice(self._whole(rows), limit))

    def count(self, selection: Selection) -> int:
        chosen, values = chosen_ids(selection)
        with self._connections.reading() as db:
            return _one(db, f"SELECT count(*) FROM ({chosen})", *values)  # noqa: S608 - constants

    def remove(self, selection: Selection) -> int:
        chosen, values = chosen_ids(selection)
        removed = self._remove_in_parts(chosen, values)
        if removed:
            self._connections.tidy()
        return removed

    def evict(self, max_entries: int, now: float) -> int:
        with self._connections.snapshot() as db:
            if _total(db) <= max_entries and not _any_expired(db, now):
                return 0
        removed = self._remove_in_parts("SELECT id FROM entries WHERE expires_at <= ?", [now])
        with self._connections.writing() as db:
            before = _total(db)
            if before > max_entries:
                # 1 % more than asked, so that a full cache does not evict at every insert.
                _remove_least_recently_used(db, before - max_entries + max_entries // 100)
            return removed + before - _total(db)

    def vectors(self, scope: str, ids: Sequence[int] | None = None) -> tuple[list[int], bytes]:
        sql = """
            SELECT entry_id, vector FROM vectors
            WHERE scope_id = (SELECT id FROM scopes WHERE digest = ?)
        """
        values: list[object] = [scope]
        if ids is not None:
            sql += " AND entry_id IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(list(ids)))
        with self._connections.reading() as db:
            rows = db.execute(f"{sql} ORDER BY entry_id", values).fetchall()
        return _joined(rows)

    def vector_count(self, scope: str) -> int:
        with self._connections.reading() as db:
            return _one(
                db,
                """
                SELECT count(*) FROM vectors
                WHERE scope_id = (SELECT id FROM scopes WHERE digest = ?)
                """,
                scope,
            )

    def scope_parts(self, scope: str) -> Mapping[str, JSON] | None:
        with self._connections.reading() as db:
            row = db.execute("SELECT parts FROM scopes WHERE digest = ?", (scope,)).fetchone()
        if row is None:
            return None
        try:
            parts: Mapping[str, JSON] = load_json(row[0])
        except (ValueError, AttributeError) as error:
            raise StoreCorruptError(f"{self.path}: scope {scope} is damaged ({error})") from error
        return parts

    def scopes(self, limit: int) -> list[str]:
        sql = "SELECT digest FROM scopes ORDER BY entries DESC, digest LIMIT ?"
        with self._connections.reading() as db:
            return [digest for (digest,) in db.execute(sql, (limit,)).fetchall()]

    def changed(self) -> bool:
        return self._connections.changed()

    def changes(self, since: int) -> Changes:
        with self._connections.snapshot() as db:
            self._require_meta(db)
            row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
            seq: int = 0 if row is None else row[0]
            points = (self.negatives.point(db), self.learned.newest(db))
            if since < 0:
                return Changes(seq, (), *points)
            rows = db.execute(
                "SELECT kind, entry_id, scope, question_digest FROM changes WHERE seq > ?"
                " ORDER BY seq",
                (since,),
            ).fetchall()
        # The sequence has no gaps: where rows are missing, the log was trimmed.
        whole = len(rows) == seq - since
        return Changes(seq, tuple(Change(*row) for row in rows) if whole else None, *points)

    def record(self, uses: Mapping[int, Use], counters: Mapping[str, float]) -> None:
        with self._connections.writing(wait=False) as db:
            db.executemany(_USE, ((use.hits, use.last_used_at, i) for i, use in uses.items()))
            db.executemany(_COUNT_UP, counters.items())

    def stats(self) -> StoreStats:
        with self._connections.snapshot() as db:
            return StoreStats(
                entries=_total(db),
                scopes=_one(db, "SELECT count(*) FROM scopes"),
                bytes=size_on_disk(self.path),
                counters=dict(db.execute("SELECT name, value FROM counters").fetchall()),
                negatives=self.negatives.count(db),
            )

    def meta(self, key: str) -> str | None:
        with self._connections.reading() as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, values: Mapping[str, str | None]) -> None:
        with self._connections.writing() as db:
            _set_meta(db, values)

    def rely_on(self, meta: Mapping[str, str | None]) -> None:
        self._relied_on = dict(meta)

    def _require_meta(self, db: sqlite3.Connection) -> None:
        if self._relied_on:
            found = db.execute("SELECT key, value FROM meta").fetchall()
            require_meta(dict(found), self._relied_on)

    def replace_vectors(
        self, vectors: Sequence[tuple[int, bytes | None]], meta: Mapping[str, str | None]
    ) -> None:
        with self._connections.writing() as db:
            for entry_id, vector in vectors:
                if vector is None:
                    db.execute("DELETE FROM vectors WHERE entry_id = ?", (entry_id,))
                else:
                    db.execute(_SET_VECTOR, (vector, entry_id))
            _set_meta(db, meta)

    def check(self) -> list[str]:
        findings: list[str] = []
        try:
            with self._connections.snapshot() as db:
                for finding in examine(db):
                    findings.append(finding)  # noqa: PERF402 - keeps what precedes an error
        except StoreCorruptError as error:
            findings.append(str(error))
        return findings

    def close(self) -> None:
        self._connections.close()

    def _remove_in_parts(self, chosen: str, values: Sequence[object]) -> int:
        """Remove the entries whose ids a query gives, and what was synthesised from them.

        In several transactions, so that nobody waits in vain for the lock while a full store is
        cleared, and the log stays short.
        """
        sql = f"DELETE FROM entries WHERE id IN ({chosen} LIMIT {_PART})"  # noqa: S608 - constants
        removed, more = 0, True
        while more:
            with self._connections.writing() as db:
                before = _total(db)
                more = db.execute(sql, values).rowcount == _PART
                removed += before - _total(db)
        return removed

    def _whole(self, rows: Iterable[Sequence[Any]]) -> Iterator[Entry]:
        """Entries of the rows that are undamaged; each damaged one is logged once."""
        for row in rows:
            try:
                yield entry_from(row)
            except StoreCorruptError as error:
                if row[0] not in self._reported:
                    self._reported.add(row[0])
                    logger.warning("%s: %s", self.path, error)


def _one(db: sqlite3.Connection, sql: str, *values: object) -> int:
    return int(db.execute(sql, values).fetchone()[0])


def _total(db: sqlite3.Connection) -> int:
    return _one(db, "SELECT entries FROM totals")


def _any_expired(db: sqlite3.Connection, now: float) -> bool:
    return bool(_one(db, "SELECT EXISTS (SELECT 1 FROM entries WHERE expires_at <= ?)", now))


def _put(db: sqlite3.Connection, draft: Draft) -> Entry:
    db.execute(_REPLACE, (draft.scope.digest, draft.question_digest))
    scope_id = _scope_id(db, draft.scope)
    entry_id = db.execute(INSERT, row_of(draft, scope_id)).lastrowid or 0
    if draft.vector is not None:
        db.execute(
            "INSERT INTO vectors (entry_id, scope_id, vector) VALUES (?, ?, ?)",
            (entry_id, scope_id, draft.vector),
        )
    return entry_of(draft, entry_id)


def _scope_id(db: sqlite3.Connection, scope: Scope) -> int:
    """Asked for anew each time: a scope disappears with its last entry."""
    row = db.execute("SELECT id FROM scopes WHERE digest = ?", (scope.digest,)).fetchone()
    if row is not None:
        return int(row[0])
    parts = dump_json(dict(scope.parts))
    inserted = db.execute("INSERT INTO scopes (digest, parts) VALUES (?, ?)", (scope.digest, parts))
    return inserted.lastrowid or 0


def _require_sources(db: sqlite3.Connection, drafts: Sequence[Draft]) -> None:
    """A synthesis is kept only while its sources are; a source is never itself a synthesis."""
    wanted = {source for draft in drafts for source in draft.sources}
    if not wanted:
        return
    usable = db.execute(
        "SELECT id FROM entries WHERE id IN (SELECT value FROM json_each(?)) AND sources = '[]'",
        (json.dumps(list(wanted)),),
    )
    missing = wanted.difference(row[0] for row in usable.fetchall())
    for draft in drafts:
        row = db.execute(_FIND, (draft.scope.digest, draft.question_digest)).fetchone()
        if row is not None and row[0] in wanted:
            missing.add(row[0])
    if missing:
        raise StoreError(
            f"entries {sorted(missing)} cannot be sources: they are gone, are replaced here, or "
            "have sources themselves; synthesise again from stored ones"
        )


def _remove_least_recently_used(db: sqlite3.Connection, count: int) -> None:
    db.execute(
        "DELETE FROM entries WHERE id IN"
        " (SELECT id FROM entries ORDER BY last_used_at, id LIMIT ?)",
        (count,),
    )


def _set_meta(db: sqlite3.Connection, values: Mapping[str, str | None]) -> None:
    for key, value in values.items():
        if value is None:
            db.execute("DELETE FROM meta WHERE key = ?", (key,))
        else:
            db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))


def _joined(rows: Sequence[tuple[int, bytes]]) -> tuple[list[int], bytes]:
    """Join vectors; one whose length is not that of the others would shift all that follow."""
    if len({len(vector) for _, vector in rows}) > 1:
        ((size, _),) = Counter(len(vector) for _, vector in rows).most_common(1)
        rows = [row for row in rows if len(row[1]) == size]
    return [entry_id for entry_id, _ in rows], b"".join([vector for _, vector in rows])
