"""The database file: made whole or not at all, and recognised before anything may touch it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cacheback.errors import ForeignStoreError, NewerStoreError, StoreCorruptError
from cacheback.store.translation import Translated
from cacheback.store.upgrading import SCHEMA_VERSION, upgrade, version_of

FILE_NAME = "cache.db"
APPLICATION_ID = 0x43424B31  # "CBK1", as in schema.sql
_HEADER_BYTES = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A database of ours, how to open it, and whether it can be written."""

    path: Path
    uri: str
    writable: bool


def prepare(directory: Path) -> Place:
    """Find the database of a directory, or make both. Another's file is left untouched.

    A new directory has mode 0700, a new file 0600 from its first moment; those that exist keep
    the modes that somebody gave them.
    """
    path = directory.expanduser().absolute() / FILE_NAME
    with Translated(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        _recognise(path)
    return _place(path)


def _create(path: Path) -> None:
    """Build the database under another name, then publish it.

    Whoever sees the file sees it whole: no other process meets half a schema, a kill leaves
    nothing behind under the real name, and of two creators one wins.
    """
    draft = path.with_name(f".{path.name}-{os.urandom(8).hex()}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.executescript(Path(__file__).with_name("schema.sql").read_text("utf-8"))
            connection.execute("BEGIN")
            upgrade(connection)
            connection.execute("COMMIT")
        _publish(draft, path)
    finally:
        for leftover in path.parent.glob(f"{draft.name}*"):
            leftover.unlink()


def _publish(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)  # unlike a rename, never replaces what another has published
    except FileExistsError:
        return
    except OSError:
        if not path.exists():  # a file system without hard links
            draft.rename(path)


def _recognise(path: Path) -> None:
    """Raise unless this is a database that this version may open.

    `immutable` reads the bare file: no lock, no -wal or -shm file, no recovery. Reading it with
    `open` would be wrong in another way: closing that descriptor drops the POSIX locks that other
    connections of this process hold on the file.
    """
    if path.stat().st_size < _HEADER_BYTES:  # to SQLite, an empty database
        raise StoreCorruptError(f"{path} has lost its contents; delete it, and a new one is made")
    uri = f"{path.as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        # Somebody may be writing the log back just now: the first page then counts pages that the
        # bare file does not have yet, which without this is an error of SQLite.
        connection.execute("PRAGMA writable_schema = ON")
        if _pragma(connection, "application_id") != APPLICATION_ID:
            raise ForeignStoreError(
                f"{path} is the database of another program and is left untouched; "
                "choose another cache_dir, or move the file away"
            )
        refuse_newer(connection, path)


def refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    version = version_of(connection)
    if version > SCHEMA_VERSION:
        raise NewerStoreError(
            f"{path} was written by a newer cacheback (schema {version}, this version knows "
            f"{SCHEMA_VERSION}) and is left untouched; upgrade with: "
            "pip install -U cacheback-ai, or choose another cache_dir"
        )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _place(path: Path) -> Place:
    """Where nothing can be written, reading still works.

    SQLite needs a -shm file to read a WAL database. Without one, and without the right to make
    one, `immutable` reads the bare file, which is whole when no -wal file lies beside it.
    """
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK):
        return Place(path, f"{path.as_uri()}?mode=rw", writable=True)
    options = "mode=ro" if _wal(path).exists() else "mode=ro&immutable=1"
    return Place(path, f"{path.as_uri()}?{options}", writable=False)


def size_on_disk(path: Path) -> int:
    """Bytes of the database and its write-ahead log."""
    return sum(file.stat().st_size for file in (path, _wal(path)) if file.exists())


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
