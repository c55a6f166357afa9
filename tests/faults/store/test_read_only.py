"""Where nothing may be written, what is there can still be read, and an error says why."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="modes mean little here")

# Modes do not bind the superuser: its child becomes nobody, to whom the files are given first.
BECOME_NOBODY = """
import errno, json, logging, sqlite3, encodings.utf_8
NOBODY = 65534

def give_up_writing(*paths, mode):
    for path in paths:
        if os.getuid() == 0: os.chown(path, NOBODY, NOBODY)
    for path in paths:
        path.chmod(mode if path == paths[-1] else path.stat().st_mode & 0o777)
    if os.getuid() == 0: os.setuid(NOBODY)

def refused(call):
    try:
        call()
    except StoreReadOnlyError as error:
        assert "another cache_dir" in str(error), error
        return True
    return False

def only_reads(store):
    assert store.find(CITY.digest, digest_of("kept")).answer.text == "answer to kept"
    assert store.count(ALL) == len(store.select(ALL)) == store.stats().entries == 1
    assert store.vectors(CITY.digest)[1] == vector_of(1, 0)
    assert store.changed() and not store.changed()
    assert store.check() == []
    assert refused(lambda: store.put([draft("new")]))
    assert refused(lambda: store.record({1: Use(1, 1.0)}, {}))
    assert refused(lambda: store.remove(ALL))
    assert refused(lambda: store.evict(0, 0.0))
    assert refused(lambda: store.set_meta({"a": "b"}))
    assert store.count(ALL) == 1
    store.close()
    say("served")

def fill():
    store = SQLiteStore(directory)
    store.put([draft("kept", vector=vector_of(1, 0))])
    return store
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    """Below /tmp itself, because pytest's directories let nobody else through."""
    base = Path(tempfile.mkdtemp())
    base.chmod(0o755)
    (base / "cache").mkdir()
    yield base / "cache"
    (base / "cache").chmod(0o755)
    shutil.rmtree(base)


def run(start: Any, directory: Path, code: str) -> str:
    child = start(directory, BECOME_NOBODY + code)
    said, _ = child.communicate()
    assert child.returncode == 0
    return str(said)


def test_a_directory_that_cannot_be_written(start: Any, directory: Path) -> None:
    code = """
fill().close()
give_up_writing(directory / "cache.db", directory, mode=0o555)
only_reads(SQLiteStore(directory))
"""
    assert run(start, directory, code) == "served\n"


def test_a_file_that_cannot_be_written(start: Any, directory: Path) -> None:
    code = """
fill().close()
give_up_writing(directory, directory / "cache.db", mode=0o400)
only_reads(SQLiteStore(directory))
"""
    assert run(start, directory, code) == "served\n"


def test_a_log_that_a_killed_writer_left_is_read_too(start: Any, directory: Path) -> None:
    code = """
child = os.fork()
if child == 0:
    fill()
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(child, 0)
assert (directory / "cache.db-wal").stat().st_size > 0
give_up_writing(*sorted(directory.iterdir()), directory, mode=0o555)
only_reads(SQLiteStore(directory))
"""
    assert run(start, directory, code) == "served\n"


def test_nothing_can_be_made_there(start: Any, directory: Path) -> None:
    code = """
give_up_writing(directory, mode=0o555)
assert refused(lambda: SQLiteStore(directory))
assert refused(lambda: SQLiteStore(directory / "below"))
say(*os.listdir(directory), "nothing")
"""
    assert run(start, directory, code) == "nothing\n"


def test_a_directory_that_cannot_even_be_entered(start: Any, directory: Path) -> None:
    code = """
fill().close()
give_up_writing(directory / "cache.db", directory, mode=0o000)
assert refused(lambda: SQLiteStore(directory))
say("refused")
"""
    assert run(start, directory, code) == "refused\n"
