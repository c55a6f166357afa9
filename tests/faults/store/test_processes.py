"""Several processes, forked or not, share one directory."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cacheback.store.sqlite import SQLiteStore
from cacheback.testing.store_contract import ALL, CITY, digest_of, draft

WORKER = """
name, count = sys.argv[2], int(sys.argv[3])
store = SQLiteStore(directory, lock_timeout=60)
say("ready"); hear()
for n in range(count):
    (entry,) = store.put([draft(f"{name} {n}"), draft("shared by all")])[:1]
    assert store.find(CITY.digest, entry.question_digest) == entry
    assert store.count(Selection(text=name)) == n + 1
    store.put([draft(f"passing {name}")])
    assert store.remove(Selection(text=f"passing {name}")) == 1
    while True:
        try:
            store.record({entry.id: Use(1, 5.0)}, {"done": 1})
            break
        except StoreLockedError:
            pass
store.close()
"""


def test_processes_write_and_read_at_once(tmp_path: Path, start: Any) -> None:
    workers = [start(tmp_path, WORKER, name, 100) for name in ("ann", "bob", "eve")]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    with closing(SQLiteStore(tmp_path)) as store:
        assert store.check() == []
        assert store.count(ALL) == 3 * 100 + 1
        assert store.stats().counters == {"done": 300.0}
        assert sum(entry.hits for entry in store.select(ALL)) == 300
        seq = store.changes(-1).seq
        changes_per_round = 1 + 2 + 2  # its own entry, the shared one replaced, the passing one
        assert seq == 3 * 100 * changes_per_round - 1


def test_a_process_sees_what_another_writes(tmp_path: Path, start: Any) -> None:
    child = start(
        tmp_path,
        """
store = SQLiteStore(directory)
while word := hear():
    if word == "put": store.put([draft("from the child")])
    if word == "remove": store.remove(ALL)
    say("done")
""",
    )

    def tell(word: str) -> None:
        child.stdin.write(word + "\n")
        assert child.stdout.readline() == "done\n"

    with closing(SQLiteStore(tmp_path)) as store:
        tell("nothing")
        assert store.changed()
        assert not store.changed()
        seq = store.changes(-1).seq
        tell("put")
        assert store.changed()
        assert not store.changed()
        assert store.find(CITY.digest, digest_of("from the child")) is not None
        tell("remove")
        assert store.changed()
        assert store.find(CITY.digest, digest_of("from the child")) is None
        changes = store.changes(seq).changes
        assert changes is not None
        assert [change.kind for change in changes] == ["added", "removed"]


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

# The parent closes while the child goes on writing: with connections that crossed the fork,
# SQLite would remove the log under the child.
PARENT_CLOSES_FIRST = """
store = SQLiteStore(directory)
store.put([draft("before")])
threading.Thread(target=lambda: store.find(CITY.digest, "x")).start()
to_child, to_parent = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    assert store.changed()
    store.put([draft("child 1")])
    os.write(to_parent[1], b".")
    os.read(to_child[0], 1)
    store.put([draft("child 2")])
    say(*sorted(entry.question for entry in store.select(ALL)))
    os.kill(os.getpid(), signal.SIGKILL)
os.read(to_parent[0], 1)
store.put([draft("parent")])
store.close()
os.write(to_child[1], b".")
os.waitpid(child, 0)
"""


@needs_fork
def test_both_sides_of_a_fork_go_on(tmp_path: Path, start: Any) -> None:
    parent = start(tmp_path, PARENT_CLOSES_FIRST)
    said, _ = parent.communicate()
    assert parent.returncode == 0
    assert said == "before child 1 child 2 parent\n"
    with closing(SQLiteStore(tmp_path)) as store:
        assert store.count(ALL) == 4
        assert store.check() == []


FORKS_WHILE_THREADS_WRITE = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the point
store = SQLiteStore(directory, lock_timeout=60)
stop = threading.Event()
def write(name):
    n = 0
    while not stop.is_set():
        store.put([draft(f"thread {name} {n}")])
        n += 1
    say(n)
threads = [threading.Thread(target=write, args=(name,)) for name in range(3)]
for thread in threads: thread.start()
for fork in range(20):
    child = os.fork()
    if child == 0:
        store.put([draft(f"fork {fork}")])
        assert store.find(CITY.digest, digest_of(f"fork {fork}"))
        store.close()
        os._exit(0)
    store.put([draft(f"parent {fork}")])
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads: thread.join()
store.close()
"""


@needs_fork
def test_forks_in_the_middle_of_other_threads_writes(tmp_path: Path, start: Any) -> None:
    parent = start(tmp_path, FORKS_WHILE_THREADS_WRITE)
    said, _ = parent.communicate()
    assert parent.returncode == 0
    with closing(SQLiteStore(tmp_path)) as store:
        assert store.check() == []
        assert store.count(ALL) == 20 + 20 + sum(map(int, said.split()))


FORK_MADE_IN_C = """
import ctypes
store = SQLiteStore(directory)
store.put([draft("before")])
child = ctypes.PyDLL(None).fork()
if child == 0:
    store.put([draft("child")])
    say(store.count(ALL))
    store.close()
    files = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    assert str(directory / "cache.db") in files, "the parent's connection was closed"
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
store.put([draft("parent")])
say(store.count(ALL))
store.close()
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed in /proc")
def test_a_fork_that_python_does_not_know_of(tmp_path: Path, start: Any) -> None:
    parent = start(tmp_path, FORK_MADE_IN_C)
    said, _ = parent.communicate()
    assert parent.returncode == 0
    assert said == "2\n3\n"
    with closing(SQLiteStore(tmp_path)) as store:
        assert store.check() == []
        assert store.find(CITY.digest, draft("child").question_digest) is not None
