"""Re-embedding: giving the entries and blocked patterns of a directory another embedder's vectors.

The store's meta says from the first moment that this was begun, for which embedder, and how far it
has come; each batch of vectors is written in one transaction with the point it reached. Until the
last one nobody can open the directory as a cache, so vectors of two embedders never meet in a
search. After a kill the same call goes on where it was.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cacheback.assembly import EMBEDDER_META, REEMBEDDING_META, embedder_meta
from cacheback.core.negative import seen
from cacheback.core.ports import Selection
from cacheback.errors import StoreLockedError
from cacheback.store.sqlite import SQLiteStore
from cacheback.vectors import pack, pack_rows

if TYPE_CHECKING:
    from cacheback.core.ports import Embedder, Store
    from cacheback.models import Entry

# Entries per transaction: so few that a kill costs little, so many that it does not show.
BATCH = 256


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a change of embedder has come.

    `embedder` is the target as `cache.embedder_meta` writes it, `label` what the user calls it,
    `after` the id of the last entry that was done; `done` counts entries, `encoded` those among
    them that have a new vector.

    The others are only served to the same text. They had no vector before (because of what the
    request was, or because the old embedder could not see all of the question: which of the two,
    the store does not know), or the new embedder cannot see all of it.
    """

    embedder: str
    label: str
    after: int = 0
    done: int = 0
    encoded: int = 0

    def note(self) -> str:
        return json.dumps(asdict(self))


def reembed(
    directory: Path,
    embedder: Embedder,
    *,
    label: str = "",
    on_progress: Callable[[Progress, int], None] | None = None,
    batch: int = BATCH,
    lock_timeout: float = 2.0,
) -> Progress:
    """Encode the questions of a directory anew; afterwards it belongs to this embedder.

    Does nothing when it already does. An unfinished run for the same embedder is continued, one
    for another is started again from the beginning. What is returned counts both runs.

    Args:
        directory: where the cache is.
        embedder: the new one, in `cacheback.embedders.checked.Checked`.
        label: how the user names it, kept for whoever must continue.
        on_progress: called after each batch, with how many entries there are in all.
        batch: how many entries are encoded and stored at once.
        lock_timeout: seconds to wait for another process's write.

    Raises:
        StoreLockedError: somebody has the directory open, who would go on comparing and storing
            vectors of the old embedder. Nothing was changed.
        StoreError, EmbedderError: it stopped; call it again to continue.
    """
    target = embedder_meta(embedder)
    with closing(SQLiteStore(directory, lock_timeout=lock_timeout)) as store:
        before = unfinished(store)
        if before is None and store.meta(EMBEDDER_META) == target:
            return Progress(target, label)
    start = before if before is not None and before.embedder == target else Progress(target, label)
    _shut_others_out(directory, start, lock_timeout)
    with closing(SQLiteStore(directory, lock_timeout=lock_timeout)) as store:
        # Saved indexes are copies of the old vectors; they are built again from the new ones.
        shutil.rmtree(directory / "index", ignore_errors=True)
        done = _encode_all(store, embedder, start, on_progress, batch)
        _encode_negatives(store, embedder)
        store.set_meta({EMBEDDER_META: target, REEMBEDDING_META: None})
    return done


def unfinished(store: Store) -> Progress | None:
    """The change of embedder that was begun in this store and not finished, if any.

    One whose note cannot be read is one for an unknown embedder, to be started again.
    """
    note = store.meta(REEMBEDDING_META)
    if note is None:
        return None
    try:
        return Progress(**json.loads(note))
    except (ValueError, TypeError):
        return Progress("", "")


def _shut_others_out(directory: Path, start: Progress, lock_timeout: float) -> None:
    """Note that this has begun, after which no cache opens here; then see that none is open."""
    with closing(SQLiteStore(directory, lock_timeout=lock_timeout)) as store:
        path = store.path
        before = store.meta(REEMBEDDING_META)
        store.set_meta({REEMBEDDING_META: start.note()})
    try:
        _require_alone(path)
    except StoreLockedError:
        with closing(SQLiteStore(directory, lock_timeout=lock_timeout)) as store:
            # Whoever has it open may be doing the same, and have noted more since.
            if store.meta(REEMBEDDING_META) == start.note():
                store.set_meta({REEMBEDDING_META: before})
        raise


def _require_alone(path: Path) -> None:
    """Raise StoreLockedError when any connection but ours has the database open.

    In write-ahead mode every connection holds a shared lock as long as it lives, and a connection
    in exclusive mode gets its lock only when there is no other (https://sqlite.org/wal.html#noshm).
    """
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
        try:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                return  # the store says better what is wrong
            raise StoreLockedError(
                f"{path} is open in another process, which would go on with the old embedder;"
                " stop whatever uses it, and try again"
            ) from error


def _encode_all(
    store: Store,
    embedder: Embedder,
    progress: Progress,
    on_progress: Callable[[Progress, int], None] | None,
    batch: int,
) -> Progress:
    total = store.stats().entries
    while page := store.select(Selection(), after=progress.after, limit=batch):
        vectors = _vectors(store, embedder, page)
        progress = replace(
            progress,
            after=page[-1].id,
            done=progress.done + len(page),
            encoded=progress.encoded + len(vectors),
        )
        store.replace_vectors(
            [(entry.id, vectors.get(entry.id)) for entry in page],
            {REEMBEDDING_META: progress.note()},
        )
        if on_progress is not None:
            on_progress(progress, total)
    return progress


def _encode_negatives(store: Store, embedder: Embedder) -> None:
    """Blocked patterns, all at once: there are few, and after a kill they are done again."""
    _, held = store.negatives.read()

    def encoded(text: str | None) -> bytes | None:
        if text is None or embedder.blind_to(seen(text)) is not None:
            return None
        return pack(embedder.encode(seen(text)))

    store.negatives.replace_vectors(
        [
            (one.id, encoded(one.draft.pattern), [encoded(report.text) for report in one.reports])
            for one in held
        ]
    )


def _vectors(store: Store, embedder: Embedder, page: Sequence[Entry]) -> dict[int, bytes]:
    """New vectors by entry id, of those that had one and whose question can be seen whole."""
    by_scope: dict[str, list[int]] = {}
    for entry in page:
        by_scope.setdefault(entry.scope, []).append(entry.id)
    had = {entry_id for scope, ids in by_scope.items() for entry_id in store.vectors(scope, ids)[0]}
    seen = [e for e in page if e.id in had and embedder.blind_to(e.question) is None]
    if not seen:
        return {}
    rows = pack_rows(embedder.encode_batch([entry.question for entry in seen]))
    return {entry.id: row for entry, row in zip(seen, rows, strict=True)}
