"""The one place where errors of SQLite and of the file system become ours, with a remedy."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from cacheback.errors import (
    CachebackError,
    ConfigurationError,
    InputError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
)

_LOCKED = (StoreLockedError, "another connection holds its lock; try again, or raise lock_timeout")
_FULL = (
    StoreFullError,
    "no more can be written to it: free space on the disk, or lift the quota or file size limit",
)
_READ_ONLY = (
    StoreReadOnlyError,
    "it cannot be opened or written: give this user the right to, or choose another cache_dir",
)
_CORRUPT = (
    StoreCorruptError,
    "the file is damaged: see 'cacheback check', or delete the file, and a new one is made",
)
_FAILED = (StoreError, "reading or writing it failed: check the disk")
_REFUSED = (InputError, "a value cannot be stored")

_Meaning: TypeAlias = tuple[type[CachebackError], str]
_BY_CODE: Mapping[int, _Meaning] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_AUTH: _READ_ONLY,
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_NOTADB: _CORRUPT,
    sqlite3.SQLITE_CONSTRAINT: _REFUSED,
}
# Extended codes that say more than their family. SQLite calls only ENOSPC "full", and a quota or a
# file size limit a failed write. Keys cannot collide unless an index is damaged.
_BY_EXTENDED_CODE: Mapping[int, _Meaning] = {
    sqlite3.SQLITE_IOERR_WRITE: _FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,
    sqlite3.SQLITE_IOERR_SHORT_READ: _CORRUPT,
    sqlite3.SQLITE_IOERR_CORRUPTFS: _CORRUPT,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: _CORRUPT,
    sqlite3.SQLITE_CONSTRAINT_ROWID: _CORRUPT,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: _CORRUPT,
}
_BY_ERRNO: Mapping[int, _Meaning] = {
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EROFS: _READ_ONLY,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.ENOTDIR: (ConfigurationError, "cache_dir must be a directory"),
    errno.EEXIST: (ConfigurationError, "cache_dir must be a directory"),
}


class Translated:
    """Raises what SQLite and the file system raise inside as errors of `cacheback.errors`.

    One serves for any number of blocks, nested and in several threads. It is no generator because
    it stands around every query: 0.2 µs instead of 1.
    """

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        ours = None if error is None else _translation(error, self._path)
        if ours is not None:
            raise ours from error


def _translation(error: BaseException, path: Path) -> CachebackError | None:
    """None for what is not to be translated."""
    match error:
        case sqlite3.Error():
            return _of_sqlite(error, path)
        case OSError():
            kind, remedy = _BY_ERRNO.get(error.errno or 0, _FAILED)
            return kind(f"{path}: {remedy} ({error.strerror})")
        case UnicodeDecodeError():  # SQLite's message quotes a damaged schema
            kind, remedy = _CORRUPT
            return kind(f"{path}: {remedy} ({error})")
        case OverflowError() | UnicodeEncodeError():
            return InputError(f"a value cannot be stored: {error}")
    return None


def _of_sqlite(error: sqlite3.Error, path: Path) -> CachebackError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # the module itself refuses, such as a parameter of a wrong type
        return InputError(f"{path}: a value cannot be stored ({error})")
    kind, remedy = _BY_EXTENDED_CODE.get(code) or _BY_CODE.get(code & 0xFF, _FAILED)
    return kind(f"{path}: {remedy} ({error})")
