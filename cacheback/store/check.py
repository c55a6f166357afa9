"""What `SQLiteStore.check` looks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from cacheback.errors import StoreCorruptError
from cacheback.store.answers import decode_text, load_json
from cacheback.store.rows import ENTRY, entry_from
from cacheback.store.upgrading import LEARNED_SINCE, NEGATIVES_SINCE, version_of

# What must select nothing, and what it means if it does.
_INVARIANTS = (
    (
        "SELECT entries FROM totals WHERE entries != (SELECT count(*) FROM entries)",
        "the count of entries is wrong ({})",
    ),
    (
        """
        SELECT digest FROM scopes s
        WHERE entries != (SELECT count(*) FROM entries WHERE scope_id = s.id)
        """,
        "scope {} does not count its entries correctly",
    ),
    ("SELECT digest FROM scopes WHERE entries = 0", "scope {} has no entries"),
    (
        "SELECT id FROM entries WHERE scope_id NOT IN (SELECT id FROM scopes)",
        "entry {} has no scope",
    ),
    (
        """
        SELECT entry_id FROM vectors v
        WHERE NOT EXISTS (SELECT 1 FROM entries WHERE id = v.entry_id AND scope_id = v.scope_id)
        """,
        "vector {} has no entry",
    ),
    (
        """
        SELECT entry_id FROM vectors WHERE length(vector) !=
            (SELECT length(vector) FROM vectors GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)
        """,
        "the vector of entry {} has another length than most",
    ),
    (
        "SELECT entry_id FROM tags WHERE entry_id NOT IN (SELECT id FROM entries)",
        "a tag belongs to entry {}, which is gone",
    ),
    (
        "SELECT entry_id FROM sources WHERE source_id NOT IN (SELECT id FROM entries)",
        "entry {} outlived one of its sources",
    ),
)
_OF_NEGATIVES = (
    (
        """
        SELECT negative_id FROM negative_reports WHERE negative_id NOT IN
            (SELECT id FROM negatives)
        """,
        "a report is about blocked pattern {}, which is gone",
    ),
    (
        """
        SELECT id FROM negatives WHERE length(vector) !=
            (SELECT length(vector) FROM negatives WHERE vector IS NOT NULL
             GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)
        """,
        "the vector of blocked pattern {} has another length than most",
    ),
)
_OF_LEARNED = (
    (
        "SELECT id FROM judgements WHERE entry_id NOT IN (SELECT id FROM entries)",
        "judgement {} is about an entry that is gone",
    ),
    (
        """
        SELECT id FROM judgements WHERE typeof(at) != 'real' OR typeof(similarity) != 'real'
            OR typeof(probability) NOT IN ('real', 'null') OR served NOT IN (0, 1)
        """,
        "judgement {} is damaged: it goes with its entry",
    ),
    (
        """
        SELECT id FROM lessons WHERE typeof(at) != 'real' OR length(pair) != 64
            OR typeof(score) NOT IN ('real', 'null') OR correct NOT IN (0, 1)
        """,
        "lesson {} is damaged",
    ),
)


def examine(db: sqlite3.Connection) -> Iterator[str]:
    """What is wrong, one sentence each. Call it in one transaction."""
    for (finding,) in db.execute("PRAGMA integrity_check").fetchall():
        if finding != "ok":
            yield f"the file is damaged: {finding}"
    for sql, sentence in _INVARIANTS:
        for (culprit,) in db.execute(sql).fetchall():
            yield sentence.format(culprit)
    yield from _damaged_scopes(db)
    yield from _damaged_entries(db)
    if version_of(db) >= NEGATIVES_SINCE:
        yield from _damaged_negatives(db)
    if version_of(db) >= LEARNED_SINCE:
        yield from _damaged_learned(db)


def _damaged_scopes(db: sqlite3.Connection) -> Iterator[str]:
    with closing(db.execute("SELECT digest, parts FROM scopes")) as rows:
        for digest, parts in rows:
            try:
                whole = isinstance(load_json(parts), dict)
            except (ValueError, AttributeError):
                whole = False
            if not whole:
                yield f"the parts of scope {digest} are damaged"


def _damaged_entries(db: sqlite3.Connection) -> Iterator[str]:
    with closing(db.execute(ENTRY)) as rows:
        for row in rows:
            try:
                entry_from(row)
            except StoreCorruptError as error:
                yield str(error)


def _damaged_negatives(db: sqlite3.Connection) -> Iterator[str]:
    for sql, sentence in _OF_NEGATIVES:
        for (culprit,) in db.execute(sql).fetchall():
            yield sentence.format(culprit)
    for negative_id, pattern, reason in db.execute("SELECT id, pattern, reason FROM negatives"):
        try:
            decode_text(pattern), decode_text(reason)
        except UnicodeDecodeError:
            yield f"the text of blocked pattern {negative_id} is damaged: remove it by its id"


def _damaged_learned(db: sqlite3.Connection) -> Iterator[str]:
    for sql, sentence in _OF_LEARNED:
        for (culprit,) in db.execute(sql).fetchall():
            yield sentence.format(culprit)
    with closing(db.execute("SELECT id, question FROM judgements")) as rows:
        for judgement_id, question in rows:
            try:
                decode_text(question)
            except UnicodeDecodeError:
                yield f"the text of judgement {judgement_id} is damaged: it goes with its entry"
