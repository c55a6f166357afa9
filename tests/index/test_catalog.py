"""The catalog ranks inside a scope, equals the store at all times, and stays within its bounds."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cacheback.core.ports import Change, Changes, Selection, Store
from cacheback.index import saved
from cacheback.index.catalog import IndexCatalog
from cacheback.store.memory import MemoryStore
from cacheback.testing.index_contract import clustered
from cacheback.vectors import pack_rows, unpack

if TYPE_CHECKING:
    from cacheback.core.ports import Vector

Put = Callable[..., list[int]]
OpenCatalog = Callable[..., IndexCatalog]
A, B = "a" * 64, "b" * 64
DIM = 32

try:
    import hnswlib as _hnswlib
except ImportError:
    _hnswlib = None
with_hnswlib = pytest.mark.skipif(_hnswlib is None, reason="the extra hnsw is not installed")


def found(catalog: IndexCatalog, vector: Vector, k: int = 1, scope: str = A) -> list[int]:
    return [entry_id for entry_id, _ in catalog.nearest(scope, vector, k)]


def news(store: Store, since: int) -> tuple[Change, ...]:
    changes: Changes = store.changes(since)
    assert changes.changes is not None
    return changes.changes


def additions(ids: Sequence[int], scope: str = A) -> list[Change]:
    return [Change("added", entry_id, scope, "") for entry_id in ids]


def test_only_the_scope_asked_for_is_searched(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    vectors = clustered(40, DIM)
    mine, others = put(store, vectors[:20], A), put(store, vectors, B)
    catalog = open_catalog()
    assert set(found(catalog, vectors[30], 100, A)) == set(mine)
    assert set(found(catalog, vectors[30], 100, B)) == set(others)
    assert catalog.nearest("c" * 64, vectors[0], 5) == []


def test_the_nearest_come_first_with_their_cosine(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    vectors = clustered(50, DIM)
    ids = put(store, vectors)
    (first, highest), (_, second), (_, third) = open_catalog().nearest(A, vectors[7], 3)
    assert first == ids[7]
    assert highest == pytest.approx(1, abs=1e-3)
    assert highest > second >= third


def test_what_is_told_is_found_whether_or_not_the_scope_is_loaded(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    catalog, vectors = open_catalog(), clustered(30, DIM)
    for start in (0, 10, 20):
        ids = put(store, vectors[start : start + 10])
        catalog.apply(additions(ids))
        assert found(catalog, vectors[start + 5]) == [ids[5]]


def test_other_processes_are_followed(open_catalog: OpenCatalog, store: Store, put: Put) -> None:
    catalog, vectors = open_catalog(), clustered(30, DIM)
    ids = put(store, vectors[:10], A) + put(store, vectors[:10], B)
    for scope in (A, B):
        catalog.nearest(scope, vectors[0], 1)
    seq = store.changes(-1).seq
    new = put(store, vectors[10:], A)
    store.remove(Selection(ids=(ids[3], ids[13])))
    for _ in range(2):  # applying twice is harmless
        catalog.apply(news(store, seq))
        assert set(found(catalog, vectors[0], 100, A)) == set(ids[:10] + new) - {ids[3]}
        assert set(found(catalog, vectors[0], 100, B)) == set(ids[10:]) - {ids[13]}


def test_an_addition_told_after_its_removal_brings_nothing_back(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    catalog, vectors = open_catalog(), clustered(2, DIM)
    (kept,) = put(store, vectors[:1])
    catalog.nearest(A, vectors[0], 1)
    seq = store.changes(-1).seq
    (gone,) = put(store, vectors[1:])
    store.remove(Selection(ids=(gone,)))
    catalog.apply(news(store, seq))
    catalog.apply(additions([gone]))
    assert found(catalog, vectors[1], 5) == [kept]


class PausedStore(MemoryStore):
    """Stops after it has read a scope's vectors and before it returns them."""

    def __init__(self) -> None:
        super().__init__()
        self.has_read, self.go_on = threading.Event(), threading.Event()

    def vectors(self, scope: str, ids: Sequence[int] | None = None) -> tuple[list[int], bytes]:
        result = super().vectors(scope, ids)
        if ids is None:
            self.has_read.set()
            self.go_on.wait()
        return result


def test_news_during_a_load_is_neither_lost_nor_undone(put: Put) -> None:
    store, vectors = PausedStore(), clustered(3, DIM)
    kept, gone = put(store, vectors[:2])
    catalog = IndexCatalog(store, dim=DIM)
    seq = store.changes(-1).seq
    loading = threading.Thread(target=catalog.nearest, args=(A, vectors[0], 1))
    loading.start()
    store.has_read.wait()
    store.remove(Selection(ids=(gone,)))
    (new,) = put(store, vectors[2:])
    telling = [
        threading.Thread(target=catalog.apply, args=(news(store, seq),)),
        threading.Thread(target=catalog.apply, args=(additions([new]),)),
    ]
    for thread in telling:
        thread.start()
    store.go_on.set()
    for thread in (loading, *telling):
        thread.join()
    assert set(found(catalog, vectors[0], 5)) == {kept, new}
    catalog.close()


def test_threads_that_load_the_same_scope_read_it_once(put: Put) -> None:
    store, vectors = PausedStore(), clustered(5, DIM)
    ids = put(store, vectors)
    catalog = IndexCatalog(store, dim=DIM)
    results: list[list[int]] = []

    def ask(row: int) -> None:
        results.append(found(catalog, vectors[row]))

    threads = [threading.Thread(target=ask, args=(row,)) for row in range(5)]
    for thread in threads:
        thread.start()
    store.has_read.wait()
    store.go_on.set()
    for thread in threads:
        thread.join()
    assert sorted(results) == [[entry_id] for entry_id in ids]
    assert catalog.describe().scopes[0].vectors == 5
    catalog.close()


class BrokenStore(MemoryStore):
    broken = True

    def vectors(self, scope: str, ids: Sequence[int] | None = None) -> tuple[list[int], bytes]:
        if self.broken:
            raise OSError("a reason")
        return super().vectors(scope, ids)


def test_a_load_that_failed_is_tried_again(put: Put) -> None:
    store, vectors = BrokenStore(), clustered(2, DIM)
    ids = put(store, vectors)
    catalog = IndexCatalog(store, dim=DIM)
    with pytest.raises(OSError, match="a reason"):
        catalog.nearest(A, vectors[0], 1)
    catalog.apply(additions(ids))
    store.broken = False
    assert found(catalog, vectors[1]) == [ids[1]]
    catalog.close()


def test_the_least_recently_used_scopes_are_dropped_and_loaded_again(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    vectors = clustered(4, DIM)
    scopes = [letter * 64 for letter in "abcd"]
    ids = [put(store, vectors[[row]], scope)[0] for row, scope in enumerate(scopes)]
    catalog = open_catalog(max_scopes=2)
    for row in (0, 1, 0, 2):
        assert found(catalog, vectors[row], 1, scopes[row]) == [ids[row]]
    assert [report.scope for report in catalog.describe().scopes] == [scopes[0], scopes[2]]
    for row in range(4):
        assert found(catalog, vectors[row], 1, scopes[row]) == [ids[row]]
        assert len(catalog.describe().scopes) <= 2


def test_the_number_of_vectors_is_bounded_but_for_the_scope_in_use(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    vectors = clustered(60, DIM)
    put(store, vectors[:20], A)
    put(store, vectors[:20], B)
    catalog = open_catalog(max_vectors=50)
    for scope in (A, B):
        catalog.nearest(scope, vectors[0], 1)
    assert len(catalog.describe().scopes) == 2
    more = put(store, vectors[20:], B)
    catalog.apply(additions(more, B))
    assert [(one.scope, one.vectors) for one in catalog.describe().scopes] == [(B, 60)]
    assert len(found(catalog, vectors[0], 100, B)) == 60
    store.remove(Selection(ids=tuple(more)))
    catalog.apply([Change("removed", entry_id, B, "") for entry_id in more])
    catalog.nearest(A, vectors[0], 1)
    assert len(catalog.describe().scopes) == 2


def test_forgetting_reads_the_store_again(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    catalog, vectors = open_catalog(), clustered(10, DIM)
    ids = put(store, vectors)
    catalog.nearest(A, vectors[0], 1)
    store.remove(Selection(ids=tuple(ids[:5])))
    catalog.forget()
    assert catalog.describe().scopes == ()
    assert set(found(catalog, vectors[0], 100)) == set(ids[5:])


@with_hnswlib
def test_a_large_scope_is_moved_into_a_graph_behind_the_scenes(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    catalog, vectors = open_catalog(), clustered(600, DIM)
    ids = put(store, vectors)
    assert found(catalog, vectors[5]) == [ids[5]]
    catalog.settle()
    (report,) = catalog.describe().scopes
    assert (report.vectors, report.in_graph, report.dead) == (600, 600, 0)
    for row in range(0, 600, 20):
        assert found(catalog, vectors[row]) == [ids[row]]


@with_hnswlib
def test_a_scope_that_grows_by_additions_is_moved_too(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    catalog, vectors = open_catalog(), clustered(600, DIM)
    catalog.nearest(A, vectors[0], 1)
    ids: list[int] = []
    for start in range(0, 600, 50):
        ids += put(store, vectors[start : start + 50])
        catalog.apply(additions(ids[start:]))
    catalog.settle()
    (report,) = catalog.describe().scopes
    assert report.vectors == 600
    assert report.in_graph > 200
    for row in range(0, 600, 20):
        assert found(catalog, vectors[row]) == [ids[row]]


@with_hnswlib
def test_threads_ask_add_and_remove_while_a_scope_moves(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    catalog, vectors = open_catalog(), clustered(2400, DIM)
    stay = put(store, vectors[:1200])
    answers: list[bool] = []

    def change(start: int) -> None:
        for first in range(start, start + 600, 30):
            seq = store.changes(-1).seq
            ids = put(store, vectors[first : first + 30])
            catalog.apply(additions(ids))
            store.remove(Selection(ids=tuple(ids[::2])))
            catalog.apply(news(store, seq))

    def ask(start: int) -> None:
        answers.extend(found(catalog, vectors[row]) == [stay[row]] for row in range(start, 1200, 7))

    threads = [threading.Thread(target=change, args=(start,)) for start in (1200, 1800)]
    threads += [threading.Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    catalog.settle()
    assert all(answers)
    assert len(answers) > 600
    ids, _ = store.vectors(A)
    assert catalog.describe().scopes[0].vectors == len(ids) == 1800
    assert set(found(catalog, vectors[0], 1800)) == set(ids)


@with_hnswlib
def test_a_saved_scope_opens_as_a_graph_at_once(
    open_catalog: OpenCatalog, store: Store, put: Put, tmp_path: Path
) -> None:
    vectors = clustered(600, DIM)
    ids = put(store, vectors)
    first = open_catalog(directory=tmp_path)
    first.nearest(A, vectors[0], 1)
    first.settle()
    first.close()
    first.close()
    more = put(store, clustered(10, DIM, seed=1))
    store.remove(Selection(ids=tuple(ids[:10])))
    second = open_catalog(directory=tmp_path)
    assert found(second, vectors[20]) == [ids[20]]
    (report,) = second.describe().scopes
    assert (report.vectors, report.in_graph) == (600, 590)
    assert set(found(second, vectors[0], 600)) == {*ids[10:], *more}


@with_hnswlib
def test_closing_in_the_middle_of_a_move_loses_nothing(
    open_catalog: OpenCatalog, store: Store, put: Put, tmp_path: Path
) -> None:
    vectors = clustered(3000, DIM)
    ids = put(store, vectors)
    for _ in range(3):
        catalog = open_catalog(directory=tmp_path)
        for row in range(0, 3000, 300):
            assert found(catalog, vectors[row]) == [ids[row]]
        assert catalog.describe().scopes[0].vectors == 3000
        catalog.close()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@with_hnswlib
@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
@pytest.mark.parametrize("suffix", ["hnsw", "json"])
def test_a_damaged_index_is_built_anew(
    open_catalog: OpenCatalog,
    store: Store,
    put: Put,
    tmp_path: Path,
    *,
    damage: Callable[[Path], None],
    suffix: str,
) -> None:
    vectors = clustered(600, DIM)
    ids = put(store, vectors)
    first = open_catalog(directory=tmp_path)
    first.nearest(A, vectors[0], 1)
    first.settle()
    first.close()
    (path,) = (tmp_path / "index").glob(f"*.{suffix}")
    damage(path)
    second = open_catalog(directory=tmp_path)
    for row in range(0, 600, 20):
        assert found(second, vectors[row]) == [ids[row]]
    second.settle()
    second.close()
    third = open_catalog(directory=tmp_path)
    third.nearest(A, vectors[0], 1)
    assert third.describe().scopes[0].in_graph == 600


@with_hnswlib
@pytest.mark.parametrize("told", [True, False])
def test_nothing_is_left_on_disk_of_a_scope_that_was_emptied(
    open_catalog: OpenCatalog, store: Store, put: Put, tmp_path: Path, *, told: bool
) -> None:
    vectors = clustered(600, DIM)
    ids = put(store, vectors)
    catalog = open_catalog(directory=tmp_path)
    catalog.nearest(A, vectors[0], 1)
    catalog.settle()
    assert saved.scopes(tmp_path / "index") == {A}
    store.remove(Selection(scope=A))
    if told:
        catalog.apply([Change("removed", entry_id, A, "") for entry_id in ids])
    else:
        catalog.forget()
    assert list((tmp_path / "index").iterdir()) == []
    assert catalog.nearest(A, vectors[0], 1) == []


def on_disk(directory: Path, vector: Vector) -> bool:
    data = vector.astype("<f4").tobytes()
    return any(data in path.read_bytes() for path in directory.glob("index/*"))


@with_hnswlib
@pytest.mark.parametrize("told", ["at once", "when opening", "by the log"])
def test_a_removed_vector_is_gone_from_the_disk(
    open_catalog: OpenCatalog, store: Store, put: Put, tmp_path: Path, *, told: str
) -> None:
    vectors = unpack(b"".join(pack_rows(clustered(600, DIM))), DIM)
    ids = put(store, vectors)
    catalog = open_catalog(directory=tmp_path)
    catalog.nearest(A, vectors[0], 1)
    catalog.settle()
    assert on_disk(tmp_path, vectors[7])
    seq = store.changes(-1).seq
    if told == "when opening":
        catalog.close()
    store.remove(Selection(ids=tuple(ids[:20])))
    if told == "at once":
        catalog.apply(news(store, seq))
        assert not on_disk(tmp_path, vectors[7])
        catalog.close()
        assert on_disk(tmp_path, vectors[30])
    if told == "by the log":
        catalog.forget()
    again = open_catalog(directory=tmp_path)
    for row in range(20, 600, 10):
        assert found(again, vectors[row]) == [ids[row]]
    again.settle()
    again.close()
    assert on_disk(tmp_path, vectors[30])
    assert not any(on_disk(tmp_path, vector) for vector in vectors[:20])
    third = open_catalog(directory=tmp_path)
    assert found(third, vectors[30]) == [ids[30]]
    (report,) = third.describe().scopes
    assert (report.vectors, report.in_graph) == (580, 580)


@with_hnswlib
def test_a_large_scope_that_is_dropped_for_others_is_saved(
    open_catalog: OpenCatalog, store: Store, put: Put, tmp_path: Path
) -> None:
    vectors = clustered(600, DIM)
    put(store, vectors, A)
    put(store, vectors[:300], B)
    catalog = open_catalog(directory=tmp_path, max_vectors=650)
    catalog.nearest(A, vectors[0], 1)
    catalog.settle()
    saved.drop(tmp_path / "index", A)
    seq = store.changes(-1).seq
    store.remove(Selection(ids=tuple(store.vectors(A)[0][:100])))
    catalog.apply(news(store, seq))
    catalog.nearest(B, vectors[0], 1)
    catalog.settle()
    assert [report.scope for report in catalog.describe().scopes] == [B]
    assert saved.exists(tmp_path / "index", A)


@with_hnswlib
def test_a_scope_that_was_dropped_is_not_moved_any_more(
    open_catalog: OpenCatalog, store: Store, put: Put
) -> None:
    vectors = clustered(300, DIM)
    put(store, vectors, A)
    put(store, vectors[:10], B)
    catalog = open_catalog(max_scopes=1)
    go_on = threading.Event()

    def work() -> None:
        go_on.wait()

    catalog._worker.submit("work", work)
    catalog.nearest(A, vectors[0], 1)
    index = catalog._scopes[A]
    catalog.nearest(B, vectors[0], 1)
    go_on.set()
    catalog.settle()
    assert len(index.flat) == len(index) == 300


def test_without_hnswlib_flat_indexes_serve(
    open_catalog: OpenCatalog, store: Store, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hnswlib", None)
    for name in ("cacheback.index.hnsw", "cacheback.index.graphs"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    vectors = clustered(600, DIM)
    ids = put(store, vectors)
    catalog = open_catalog()
    assert found(catalog, vectors[300]) == [ids[300]]
    catalog.settle()
    report = catalog.describe()
    assert not report.hnswlib
    assert (report.scopes[0].vectors, report.scopes[0].in_graph) == (600, 0)


def test_small_scopes_do_not_import_hnswlib() -> None:
    code = """
import sys
import numpy as np
from cacheback.index.catalog import IndexCatalog
from cacheback.store.memory import MemoryStore
catalog = IndexCatalog(MemoryStore(), dim=4)
catalog.nearest("a" * 64, np.ones(4, np.float32), 1)
catalog.close()
print("hnswlib" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


@contextlib.contextmanager
def held_elsewhere(*locks: AbstractContextManager[object]) -> Iterator[None]:
    """Another thread is inside all of these."""
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            inside.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait()
    try:
        yield
    finally:
        leave.set()
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_starts_anew_whatever_the_parents_threads_hold(put: Put) -> None:
    store, vectors = MemoryStore(), clustered(300, DIM)
    ids = put(store, vectors)
    catalog = IndexCatalog(store, dim=DIM, crossover=200)
    catalog.nearest(A, vectors[0], 1)
    catalog.settle()
    index, worker, release = catalog._scopes[A], catalog._worker, threading.Event()

    def work() -> None:
        release.wait()

    worker.submit("work", work)
    with (
        contextlib.ExitStack() as afterwards,
        held_elsewhere(catalog._lock, index.lock, index.flat._lock, worker._changed),
        warnings.catch_warnings(),
    ):
        afterwards.callback(release.set)
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the point
        child = os.fork()
        if not child:
            signal.alarm(20)  # a child that waits for a lock for ever is killed
            status = 1
            try:
                assert catalog.describe().scopes == ()
                assert found(catalog, vectors[3]) == [ids[3]]
                catalog.settle()
                catalog.close()
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    catalog.close()


@with_hnswlib
def test_a_process_that_ends_while_a_graph_is_built_ends_well() -> None:
    code = f"""
from dataclasses import dataclass
from cacheback.index.catalog import IndexCatalog
from cacheback.models import Answer, Draft, Scope
from cacheback.store.memory import MemoryStore
from cacheback.testing.index_contract import clustered
from cacheback.vectors import pack_rows

vectors = clustered(5000, 384)
store = MemoryStore()
store.put([
    Draft(str(n), str(n), Scope("{A}", {{}}), Answer("a"), 0.0, None, vector=row)
    for n, row in enumerate(pack_rows(vectors))
])
catalog = IndexCatalog(store, dim=384, crossover=200)
print(catalog.nearest("{A}", vectors[7], 1)[0][0])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "8", "")
