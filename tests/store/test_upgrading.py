from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import cacheback.store.upgrading as module
from cacheback.core.ports import Changes, Report
from cacheback.errors import StoreReadOnlyError
from cacheback.store.sqlite import SQLiteStore
from cacheback.store.upgrading import (
    NEGATIVES_SINCE,
    SCHEMA_VERSION,
    STEPS,
    upgrade,
    version_of,
)
from cacheback.testing.learned_contract import judgement, learn, lesson
from cacheback.testing.negatives_contract import held, negative
from cacheback.testing.store_contract import ALL, draft

SCHEMAS = {
    number: (Path(module.__file__).parent / file).read_text("utf-8")
    for number, file in {1: "schema.sql", **STEPS}.items()
}


@pytest.fixture(params=range(1, SCHEMA_VERSION))
def since(request: pytest.FixtureRequest) -> int:
    """The schema of an earlier version."""
    number: int = request.param
    return number


@pytest.fixture
def old(tmp_path: Path, since: int) -> Path:
    """A directory that an earlier version made, with an entry in it."""
    with closing(SQLiteStore(tmp_path / "new")) as store:
        entry = store.put([draft("kept?")])
    directory = tmp_path / "old"
    directory.mkdir()
    path = directory / "cache.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for number in range(1, since + 1):
            db.executescript(SCHEMAS[number])
        db.execute("ATTACH ? AS new", (str(tmp_path / "new" / "cache.db"),))
        db.execute("INSERT INTO main.scopes SELECT id, digest, parts, 0 FROM new.scopes")
        db.execute("INSERT INTO main.entries SELECT * FROM new.entries")
    assert entry
    return directory


def version(directory: Path) -> int:
    with closing(sqlite3.connect(directory / "cache.db")) as db:
        return version_of(db)


def test_an_old_directory_is_brought_up_to_date_with_all_that_is_in_it(
    old: Path, since: int
) -> None:
    assert version(old) == since
    with closing(SQLiteStore(old)) as store:
        (entry,) = store.select(ALL)
        assert entry.question == "kept?"
        store.negatives.add(negative())
        assert len(held(store)) == 1
        learn(store, judgement(entry.id), lessons=(lesson(),))
        assert [one.other for one in store.learned.judgements()] == ["kept?"]
        assert store.changes(-1).lessons == store.learned.read(0)[0] == 1
        store.remove(ALL)
        assert store.learned.judgements() == []
        assert store.check() == []
    assert version(old) == SCHEMA_VERSION


def test_patterns_of_an_old_directory_are_kept(old: Path, since: int) -> None:
    if since < NEGATIVES_SINCE:
        pytest.skip("it had none")
    with closing(sqlite3.connect(old / "cache.db")) as db:
        db.execute(
            "INSERT INTO negatives (namespace, digest, created_at, reason, pattern)"
            " VALUES ('', 'd', 1.0, x'', CAST('kept' AS BLOB))"
        )
        db.commit()
    with closing(SQLiteStore(old)) as store:
        assert [one.draft.pattern for one in held(store)] == ["kept"]


def test_of_many_that_open_it_at_once_each_finds_it_done(old: Path) -> None:
    def work(name: int) -> None:
        with closing(SQLiteStore(old)) as store:
            store.negatives.add(negative(str(name)))
            learn(store, lessons=(lesson(str(name)),))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    with closing(SQLiteStore(old)) as store:
        assert len(held(store)) == 8
        assert len(store.learned.read(0)[1]) == 8


def test_a_step_that_fails_leaves_all_as_it_was(
    old: Path, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = module._statements

    def broken(file: str) -> Any:
        yield from list(whole(file))[:-1]
        yield "SELECT * FROM nothing;"

    monkeypatch.setattr(module, "_statements", broken)
    with pytest.raises(Exception, match="nothing"):
        SQLiteStore(old)
    monkeypatch.undo()
    assert version(old) == since
    with closing(SQLiteStore(old)) as store:
        store.negatives.add(negative())
        learn(store, lessons=(lesson(),))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_old_directory_that_cannot_be_written_serves_as_ever(old: Path) -> None:
    (old / "cache.db").chmod(0o400)
    old.chmod(0o500)
    try:
        with closing(SQLiteStore(old)) as store:
            serves_as_ever(store)
    finally:
        old.chmod(0o700)


def test_where_the_tables_cannot_be_made_it_serves_as_ever(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cannot_upgrade(monkeypatch), closing(SQLiteStore(old)) as store:
        serves_as_ever(store)


def test_lessons_are_learned_as_soon_as_the_tables_can_be_made(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cannot_upgrade(monkeypatch):
        store = SQLiteStore(old)
        with pytest.raises(StoreReadOnlyError):
            learn(store, lessons=(lesson(),))
        with pytest.raises(StoreReadOnlyError):
            store.learned.label([1], "right", "person")
        serves_as_ever(store)
    with closing(store):
        learn(store, judgement(store.select(ALL)[0].id), lessons=(lesson(),))
        assert store.learned.read(0) == (1, [lesson()])
        assert len(store.learned.judgements()) == 1
    assert version(old) == SCHEMA_VERSION


def test_patterns_are_blocked_as_soon_as_the_tables_can_be_made(
    old: Path, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if since >= NEGATIVES_SINCE:
        pytest.skip("it has them")
    with cannot_upgrade(monkeypatch):
        store = SQLiteStore(old)
        with pytest.raises(StoreReadOnlyError):
            store.negatives.add(negative())
        serves_as_ever(store)
    with closing(store):
        store.negatives.add(negative())
        assert len(held(store)) == 1
        assert store.changes(-1).negatives == 1
    assert version(old) == SCHEMA_VERSION


@pytest.mark.parametrize(("part", "other"), [("negatives", "learned"), ("learned", "negatives")])
def test_tables_that_could_not_be_kept_are_not_believed_to_be_there(
    old: Path, monkeypatch: pytest.MonkeyPatch, part: str, other: str
) -> None:
    """What hinders a transaction may show only when it ends."""

    def refuse_to_end(action: int, word: str | None, *_: object) -> int:
        refused = action == sqlite3.SQLITE_TRANSACTION and word == "COMMIT"
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    def in_vain(db: sqlite3.Connection) -> None:
        upgrade(db)
        db.set_authorizer(refuse_to_end)

    with monkeypatch.context() as patched:
        patched.setattr(f"cacheback.store.{other}.upgrade", refuse)
        patched.setattr(f"cacheback.store.{part}.upgrade", in_vain)
        with closing(SQLiteStore(old)) as store:
            serves_as_ever(store)


@contextmanager
def cannot_upgrade(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        for part in ("negatives", "learned"):
            patched.setattr(f"cacheback.store.{part}.upgrade", refuse)
        yield


def refuse(_db: object) -> None:
    raise StoreReadOnlyError("as if the file could not be written")


def serves_as_ever(store: SQLiteStore) -> None:
    assert [entry.question for entry in store.select(ALL)] == ["kept?"]
    assert store.negatives.read() == (0, [])
    assert store.changes(-1) == Changes(store.changes(-1).seq, ())
    assert store.stats().negatives == 0
    assert store.negatives.evict(9e9) == 0
    assert store.learned.read(0) == (0, [])
    assert store.learned.judgements() == []
    assert store.check() == []


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("UPDATE negatives SET vector = x'00' WHERE id = 2", "pattern 2 has another length"),
        ("UPDATE negatives SET pattern = x'ff' WHERE id = 1", "text of blocked pattern 1"),
        ("UPDATE negative_reports SET negative_id = 9", "pattern 9, which is gone"),
    ],
)
def test_check_names_damaged_patterns_and_reading_survives(
    tmp_path: Path, sql: str, finding: str
) -> None:
    with closing(SQLiteStore(tmp_path)) as store:
        for name in "abc":
            store.negatives.add(negative(name))
        store.negatives.report(1, Report(1.0, "text"))
        with closing(sqlite3.connect(store.path)) as db:
            db.execute(sql)
            db.commit()
        (found,) = store.check()
        assert finding in found
        assert len(held(store)) == 3


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("UPDATE judgements SET entry_id = 9 WHERE id = 2", "judgement 2 is about an entry"),
        ("UPDATE judgements SET question = x'ff' WHERE id = 1", "text of judgement 1 is damaged"),
        ("UPDATE judgements SET probability = 'half' WHERE id = 2", "judgement 2 is damaged"),
        ("UPDATE judgements SET served = 7 WHERE id = 2", "judgement 2 is damaged"),
        ("UPDATE lessons SET pair = 'short' WHERE id = 1", "lesson 1 is damaged"),
        ("UPDATE lessons SET score = 'high' WHERE id = 2", "lesson 2 is damaged"),
    ],
)
def test_check_names_damaged_judgements_and_lessons_and_reading_survives(
    tmp_path: Path, sql: str, finding: str
) -> None:
    with closing(SQLiteStore(tmp_path)) as store:
        (entry,) = store.put([draft()])
        learn(store, *(judgement(entry.id, name) for name in "ab"))
        learn(store, lessons=(lesson("a"), lesson("b")))
        assert store.check() == []
        with closing(sqlite3.connect(store.path)) as db:
            db.execute(sql)
            db.commit()
        (found,) = store.check()
        assert finding in found
        assert len(store.learned.judgements()) >= 1
        assert len(store.learned.read(0)[1]) == 2
