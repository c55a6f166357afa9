from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from cacheback.errors import (
    CachebackError,
    ConfigurationError,
    ForeignStoreError,
    NewerStoreError,
    StoreCorruptError,
)
from cacheback.store.sqlite import SQLiteStore
from cacheback.store.upgrading import SCHEMA_VERSION
from cacheback.testing.store_contract import ALL, draft


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY)")
        db.commit()


def foreign_in_wal_mode(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    foreign(path)


def newer(path: Path) -> None:
    SQLiteStore(path.parent).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def random_bytes(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))


def truncated(path: Path) -> None:
    with closing(SQLiteStore(path.parent)) as store:
        store.put([draft(f"question {n}") for n in range(100)])
    os.truncate(path, path.stat().st_size // 2)


def beginning_only(path: Path) -> None:
    truncated(path)
    os.truncate(path, 50)


def empty(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize(
    ("make", "error", "remedy"),
    [
        (foreign, ForeignStoreError, "another cache_dir"),
        (foreign_in_wal_mode, ForeignStoreError, "another cache_dir"),
        (newer, NewerStoreError, "pip install -U cacheback-ai"),
        (random_bytes, StoreCorruptError, "delete the file"),
        (truncated, StoreCorruptError, "delete the file"),
        (beginning_only, StoreCorruptError, "delete it"),
        (empty, StoreCorruptError, "delete it"),
    ],
)
def test_a_file_that_cannot_be_opened_is_left_untouched(
    tmp_path: Path,
    make: Callable[[Path], None],
    error: type[CachebackError],
    remedy: str,
) -> None:
    path = tmp_path / "cache.db"
    make(path)
    before = contents(tmp_path)
    with pytest.raises(error, match=remedy) as raised:
        SQLiteStore(tmp_path)
    assert str(path) in str(raised.value)
    assert contents(tmp_path) == before


def test_a_newer_schema_that_is_only_in_the_log_is_refused(tmp_path: Path) -> None:
    SQLiteStore(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "cache.db")) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        assert (tmp_path / "cache.db-wal").stat().st_size > 0
        with pytest.raises(NewerStoreError):
            SQLiteStore(tmp_path)


def test_only_the_owner_may_read_what_is_made(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = SQLiteStore(tmp_path / "new" / "cache")
        store.put([draft()])
    finally:
        os.umask(old)
    assert mode_of(tmp_path / "new" / "cache") == 0o700
    files = {path.name: mode_of(path) for path in (tmp_path / "new" / "cache").iterdir()}
    assert files == {"cache.db": 0o600, "cache.db-wal": 0o600, "cache.db-shm": 0o600}
    store.close()


def test_the_mode_of_an_existing_directory_is_its_owners_choice(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    SQLiteStore(tmp_path).close()
    assert mode_of(tmp_path) == 0o755


def test_a_file_in_place_of_the_directory_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(ConfigurationError, match="must be a directory"):
        SQLiteStore(tmp_path / "cache")
    with pytest.raises(ConfigurationError, match="must be a directory"):
        SQLiteStore(tmp_path / "cache" / "below")


def test_a_directory_may_have_any_name(tmp_path: Path) -> None:
    for name in ("a b", "50%", "what?mode=memory", "#1", "ü"):
        with closing(SQLiteStore(str(tmp_path / name))) as store:
            store.put([draft()])
        assert (tmp_path / name / "cache.db").stat().st_size > 0


def test_many_may_make_the_same_store_at_once(tmp_path: Path) -> None:
    for attempt in range(10):
        directory = tmp_path / str(attempt)

        def open_and_put(n: int, directory: Path = directory) -> SQLiteStore:
            store = SQLiteStore(directory)
            store.put([draft(f"question {n}")])
            return store

        with ThreadPoolExecutor(8) as pool:
            stores = list(pool.map(open_and_put, range(8)))
        assert [store.count(ALL) for store in stores] == [8] * 8
        for store in stores:
            store.close()
        assert [path.name for path in directory.iterdir()] == ["cache.db"]


def test_a_file_system_without_hard_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    with closing(SQLiteStore(tmp_path)) as store:
        store.put([draft()])
    with closing(SQLiteStore(tmp_path)) as store:
        assert store.count(ALL) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["cache.db"]


def test_a_file_that_is_just_being_written_back_is_opened(tmp_path: Path) -> None:
    """The first page is written back before those that it counts already."""
    with closing(SQLiteStore(tmp_path)) as store:
        store.put([draft(f"question {n}") for n in range(100)])
        with store._connections.reading() as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
        with store.path.open("r+b") as file:
            assert file.seek(0, os.SEEK_END) < pages * 4096
            file.seek(28)
            file.write(pages.to_bytes(4, "big"))
        with closing(SQLiteStore(tmp_path)) as other:
            assert other.count(ALL) == 100
            assert other.check() == []
