"""What a store keeps of decisions by meaning: `core.ports.Learned` in SQLite and in memory."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Any

from cacheback.core.ports import LESSONS_KEPT, JudgementDraft, Lesson
from cacheback.errors import StoreFullError, StoreReadOnlyError
from cacheback.models import Judgement, Label, Labeller, Saved
from cacheback.store.answers import encode_text, readable_text
from cacheback.store.connection import Connections
from cacheback.store.upgrading import LEARNED_SINCE, upgrade, version_of

_ADD_JUDGEMENT = """
    INSERT INTO judgements (at, entry_id, question_digest, scope, similarity, probability, served,
        tokens, money, seconds, label, labelled_by, question)
    SELECT ?, id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM entries WHERE id = ?
"""
_JUDGEMENT = """
    SELECT j.id, j.at, j.scope, j.entry_id, j.question, e.question, j.similarity, j.probability,
        j.served, j.tokens, j.money, j.seconds, j.label, j.labelled_by
    FROM judgements j JOIN entries e ON e.id = j.entry_id
"""
_TRIM_JUDGEMENTS = """
    DELETE FROM judgements WHERE id <=
        (SELECT id FROM judgements ORDER BY id DESC LIMIT 1 OFFSET ?)
"""
_ADD_LESSON = """
    INSERT INTO lessons (at, pair, scope, entry_id, correct, taught_by, score, paid)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_LESSON = """
    SELECT at, pair, scope, entry_id, correct, taught_by, score, paid FROM lessons
    WHERE id > ? ORDER BY id
"""
_TRIM_LESSONS = """
    DELETE FROM lessons WHERE taught_by != 'person' AND id <=
        (SELECT id FROM lessons WHERE taught_by != 'person' ORDER BY id DESC LIMIT 1 OFFSET ?)
"""
_NEWEST = "SELECT seq FROM sqlite_sequence WHERE name = 'lessons'"


class SQLiteLearned:
    """In the tables of `learned.sql`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._there = True

    def prepare(self) -> None:
        """Make the tables in a directory that an earlier version made.

        Where that cannot be written it serves as it always did, and nothing is learned.
        """
        with self._connections.reading() as db:
            self._there = version_of(db) >= LEARNED_SINCE
        if not self._there:
            with suppress(StoreReadOnlyError, StoreFullError), self._writing():
                pass

    @contextmanager
    def _writing(self, *, wait: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that finds the tables: what kept them from being made may be over."""
        with self._connections.writing(wait=wait) as db:
            if not self._there:
                upgrade(db)
            yield db
        self._there = True

    def newest(self, db: sqlite3.Connection) -> int:
        """The id of the newest lesson, as a part of somebody's snapshot."""
        row = db.execute(_NEWEST).fetchone() if self._there else None
        return 0 if row is None else int(row[0])

    def add(
        self,
        judgements: Sequence[JudgementDraft],
        lessons: Sequence[Lesson],
        *,
        keep: int,
        wait: bool = True,
    ) -> None:
        with self._writing(wait=wait) as db:
            db.executemany(_ADD_JUDGEMENT, map(_judgement_row, judgements))
            db.execute(_TRIM_JUDGEMENTS, (keep,))
            db.executemany(_ADD_LESSON, map(_lesson_row, lessons))
            db.execute(_TRIM_LESSONS, (LESSONS_KEPT,))

    def read(self, after: int) -> tuple[int, list[Lesson]]:
        if not self._there:
            return 0, []
        with self._connections.snapshot() as db:
            newest = self.newest(db)
            rows = db.execute(_LESSON, (after,)).fetchall()
        return newest, [_lesson_from(*row) for row in rows]

    def judgements(
        self,
        *,
        entry_id: int | None = None,
        question_digest: str | None = None,
        since: float = 0.0,
        limit: int | None = None,
    ) -> list[Judgement]:
        if not self._there:
            return []
        sql, values = f"{_JUDGEMENT} WHERE j.at >= ?", [since]  # constants
        conditions = (("j.entry_id", entry_id), ("j.question_digest", question_digest))
        for column, value in conditions:
            if value is not None:
                sql += f" AND {column} = ?"
                values.append(value)  # type: ignore[arg-type]  # whatever SQLite takes
        sql += " ORDER BY j.id DESC LIMIT ?"
        with self._connections.reading() as db:
            rows = db.execute(sql, (*values, -1 if limit is None else limit)).fetchall()
        return [_judgement_from(*row) for row in rows]

    def label(self, judgement_ids: Sequence[int], label: Label, by: Labeller) -> None:
        with self._writing() as db:
            db.executemany(
                "UPDATE judgements SET label = ?, labelled_by = ? WHERE id = ?",
                [(label, by, judgement_id) for judgement_id in judgement_ids],
            )


def _judgement_row(draft: JudgementDraft) -> tuple[Any, ...]:
    saved = draft.saved
    return (
        draft.at,
        draft.question_digest,
        draft.scope,
        draft.similarity,
        draft.probability,
        draft.served,
        saved.tokens,
        saved.money,
        saved.seconds,
        draft.label,
        draft.labelled_by,
        encode_text(draft.question),
        draft.entry_id,
    )


def _judgement_from(  # noqa: PLR0917 - the columns of one row
    judgement_id: int,
    at: float,
    scope: str,
    entry_id: int,
    question: bytes,
    other: bytes,
    similarity: float,
    probability: float | None,
    served: int,
    tokens: int,
    money: float | None,
    seconds: float,
    label: Label | None,
    labelled_by: Labeller | None,
) -> Judgement:
    return Judgement(
        id=judgement_id,
        at=at,
        scope=scope,
        entry_id=entry_id,
        question=readable_text(question),
        other=readable_text(other),
        similarity=similarity,
        probability=probability,
        served=bool(served),
        saved=Saved(tokens, money, seconds),
        label=label,
        labelled_by=labelled_by,
    )


def _lesson_row(lesson: Lesson) -> tuple[Any, ...]:
    return (
        lesson.at,
        lesson.pair,
        lesson.scope,
        lesson.entry_id,
        lesson.right,
        lesson.by,
        lesson.score,
        lesson.paid,
    )


def _lesson_from(  # noqa: PLR0917 - the columns of one row
    at: float,
    pair: str,
    scope: str,
    entry_id: int,
    right: int,
    by: Labeller,
    score: float | None,
    paid: int,
) -> Lesson:
    return Lesson(at, pair, scope, entry_id, bool(right), by, score, bool(paid))


class MemoryLearned:
    """In lists; `reading` and `writing` are the store's own, `question_of` gives an entry's
    question, or None when it is gone."""

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[None]],
        writing: Callable[[], AbstractContextManager[None]],
        question_of: Callable[[int], str | None],
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._question_of = question_of
        self._judgements: dict[int, tuple[JudgementDraft, Judgement]] = {}
        self._of_entry: defaultdict[int, set[int]] = defaultdict(set)
        self._last_judgement = 0
        self._lessons: dict[int, Lesson] = {}
        self.newest = 0

    def add(
        self,
        judgements: Sequence[JudgementDraft],
        lessons: Sequence[Lesson],
        *,
        keep: int,
        wait: bool = True,  # noqa: ARG002 - nobody waits for long here
    ) -> None:
        with self._writing():
            for draft in judgements:
                self._add_judgement(draft)
            for judgement_id in list(self._judgements)[: max(0, len(self._judgements) - keep)]:
                _, gone = self._judgements.pop(judgement_id)
                self._of_entry[gone.entry_id].remove(judgement_id)
            for lesson in lessons:
                self.newest += 1
                self._lessons[self.newest] = lesson
            untaught = [id_ for id_, one in self._lessons.items() if one.by != "person"]
            for lesson_id in untaught[: max(0, len(untaught) - LESSONS_KEPT)]:
                del self._lessons[lesson_id]

    def _add_judgement(self, draft: JudgementDraft) -> None:
        other = self._question_of(draft.entry_id)
        if other is None:
            return
        self._last_judgement += 1
        self._of_entry[draft.entry_id].add(self._last_judgement)
        self._judgements[self._last_judgement] = (
            draft,
            Judgement(
                id=self._last_judgement,
                at=draft.at,
                scope=draft.scope,
                entry_id=draft.entry_id,
                question=draft.question,
                other=other,
                similarity=draft.similarity,
                probability=draft.probability,
                served=draft.served,
                saved=draft.saved,
                label=draft.label,
                labelled_by=draft.labelled_by,
            ),
        )

    def read(self, after: int) -> tuple[int, list[Lesson]]:
        with self._reading():
            return self.newest, [one for id_, one in self._lessons.items() if id_ > after]

    def judgements(
        self,
        *,
        entry_id: int | None = None,
        question_digest: str | None = None,
        since: float = 0.0,
        limit: int | None = None,
    ) -> list[Judgement]:
        with self._reading():
            found = [
                one
                for draft, one in self._judgements.values()
                if entry_id in (None, one.entry_id)
                and question_digest in (None, draft.question_digest)
                and one.at >= since
            ]
        return found[::-1][:limit]

    def label(self, judgement_ids: Sequence[int], label: Label, by: Labeller) -> None:
        with self._writing():
            for judgement_id in judgement_ids:
                if judgement_id in self._judgements:
                    draft, one = self._judgements[judgement_id]
                    told = replace(one, label=label, labelled_by=by)
                    self._judgements[judgement_id] = draft, told

    def forget(self, entry_id: int) -> None:
        """Drop the judgements of an entry that goes; inside the store's own writing."""
        for judgement_id in self._of_entry.pop(entry_id, ()):
            del self._judgements[judgement_id]
