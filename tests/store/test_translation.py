from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from cacheback import errors
from cacheback.store.translation import Translated

HERE = Path("/some/cache.db")


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("what SQLite said")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("raised", "expected", "remedy"),
    [
        (sqlite_error(sqlite3.SQLITE_BUSY), errors.StoreLockedError, "lock_timeout"),
        (sqlite_error(sqlite3.SQLITE_BUSY_RECOVERY), errors.StoreLockedError, "lock_timeout"),
        (sqlite_error(sqlite3.SQLITE_LOCKED), errors.StoreLockedError, "lock_timeout"),
        (sqlite_error(sqlite3.SQLITE_FULL), errors.StoreFullError, "free space"),
        (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), errors.StoreFullError, "quota"),
        (sqlite_error(sqlite3.SQLITE_READONLY), errors.StoreReadOnlyError, "another cache_dir"),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), errors.StoreReadOnlyError, "another cache_dir"),
        (sqlite_error(sqlite3.SQLITE_CORRUPT), errors.StoreCorruptError, "delete the file"),
        (sqlite_error(sqlite3.SQLITE_NOTADB), errors.StoreCorruptError, "delete the file"),
        (sqlite_error(sqlite3.SQLITE_CONSTRAINT_UNIQUE), errors.StoreCorruptError, "damaged"),
        (sqlite_error(sqlite3.SQLITE_CONSTRAINT_CHECK), errors.InputError, "cannot be stored"),
        (sqlite_error(sqlite3.SQLITE_IOERR_READ), errors.StoreError, "check the disk"),
        (sqlite_error(sqlite3.SQLITE_ERROR), errors.StoreError, "what SQLite said"),
        (sqlite3.ProgrammingError("type 'set'"), errors.InputError, "cannot be stored"),
        (PermissionError(errno.EACCES, "denied"), errors.StoreReadOnlyError, "another cache_dir"),
        (OSError(errno.EROFS, "read-only"), errors.StoreReadOnlyError, "another cache_dir"),
        (OSError(errno.ENOSPC, "full"), errors.StoreFullError, "free space"),
        (NotADirectoryError(errno.ENOTDIR, "x"), errors.ConfigurationError, "be a directory"),
        (OSError(errno.EIO, "broken"), errors.StoreError, "check the disk"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "y"), errors.StoreCorruptError, "damaged"),
        (UnicodeEncodeError("utf-8", "x", 0, 1, "y"), errors.InputError, "cannot be stored"),
        (OverflowError("too large"), errors.InputError, "cannot be stored"),
    ],
)
def test_each_failure_has_its_kind_and_its_remedy(
    raised: Exception, expected: type[Exception], remedy: str
) -> None:
    with pytest.raises(expected, match=remedy) as caught, Translated(HERE):
        raise raised
    assert type(caught.value) is expected
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize("raised", [errors.StoreError("x"), ZeroDivisionError(), KeyError("x")])
def test_everything_else_passes(raised: Exception) -> None:
    with pytest.raises(type(raised)) as caught, Translated(HERE):
        raise raised
    assert caught.value is raised


def test_an_error_names_the_file() -> None:
    with pytest.raises(errors.StoreLockedError, match=str(HERE)), Translated(HERE):
        raise sqlite_error(sqlite3.SQLITE_BUSY)
