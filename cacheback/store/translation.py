"""The one place where errors of SQLite and of the file system become ours, with a remedy."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what SQLite and the file system raise inside as errors of `cacheback.errors`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _of_sqlite(error, path) from error
    except OSError as error:
        kind, remedy = _BY_ERRNO.get(error.errno or 0, _FAILED)
        raise kind(f"{path}: {remedy} ({error.strerror})") from error
    except UnicodeDecodeError as error:  # SQLite's message quotes a damaged schema
        kind, remedy = _CORRUPT
        raise kind(f"{path}: {remedy} ({error})") from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise InputError(f"a value cannot be stored: {error}") from error


def _of_sqlite(error: sqlite3.Error, path: Path) -> CachebackError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # the module itself refuses, such as a parameter of a wrong type
        return InputError(f"{path}: a value cannot be stored ({error})")
    kind, remedy = _BY_EXTENDED_CODE.get(code) or _BY_CODE.get(code & 0xFF, _FAILED)
    return kind(f"{path}: {remedy} ({error})")
