from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import cacheback.store.upgrading as module
from cacheback.core.ports import Report
from cacheback.errors import StoreReadOnlyError
from cacheback.store.sqlite import SQLiteStore
from cacheback.store.upgrading import SCHEMA_VERSION, version_of
from cacheback.testing.negatives_contract import held, negative
from cacheback.testing.store_contract import ALL, draft

SCHEMA_1 = (Path(module.__file__).parent / "schema.sql").read_text("utf-8")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A directory that the first version made, with an entry in it."""
    with closing(SQLiteStore(tmp_path / "new")) as store:
        entry = store.put([draft("kept?")])
    directory = tmp_path / "old"
    directory.mkdir()
    path = directory / "cache.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(SCHEMA_1)
        db.execute("ATTACH ? AS new", (str(tmp_path / "new" / "cache.db"),))
        db.execute("INSERT INTO main.scopes SELECT id, digest, parts, 0 FROM new.scopes")
        db.execute("INSERT INTO main.entries SELECT * FROM new.entries")
    assert entry
    return directory


def version(directory: Path) -> int:
    with closing(sqlite3.connect(directory / "cache.db")) as db:
        return version_of(db)


def test_an_old_directory_is_brought_up_to_date_with_all_that_is_in_it(old: Path) -> None:
    assert version(old) == 1
    with closing(SQLiteStore(old)) as store:
        assert [entry.question for entry in store.select(ALL)] == ["kept?"]
        store.negatives.add(negative())
        assert len(held(store)) == 1
        assert store.check() == []
    assert version(old) == SCHEMA_VERSION


def test_of_many_that_open_it_at_once_each_finds_it_done(old: Path) -> None:
    def work(name: int) -> None:
        with closing(SQLiteStore(old)) as store:
            store.negatives.add(negative(str(name)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    with closing(SQLiteStore(old)) as store:
        assert len(held(store)) == 8


def test_a_step_that_fails_leaves_all_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = module._statements

    def broken(file: str) -> Any:
        yield from list(whole(file))[:-1]
        yield "SELECT * FROM nothing;"

    monkeypatch.setattr(module, "_statements", broken)
    with pytest.raises(Exception, match="nothing"):
        SQLiteStore(old)
    monkeypatch.undo()
    assert version(old) == 1
    with closing(SQLiteStore(old)) as store:
        store.negatives.add(negative())


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
    def refuse(_db: object) -> None:
        raise StoreReadOnlyError("as if the file could not be written")

    monkeypatch.setattr("cacheback.store.negatives.upgrade", refuse)
    with closing(SQLiteStore(old)) as store:
        serves_as_ever(store)


def serves_as_ever(store: SQLiteStore) -> None:
    assert [entry.question for entry in store.select(ALL)] == ["kept?"]
    assert store.negatives.read() == (0, [])
    assert store.changes(-1).negatives == 0
    assert store.stats().negatives == 0
    assert store.negatives.evict(9e9) == 0
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
