from __future__ import annotations

import logging
import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cacheback.core.ports import Selection, Use
from cacheback.errors import StoreCorruptError, StoreError, StoreLockedError
from cacheback.models import Answer, Entry
from cacheback.store.sqlite import SQLiteStore
from cacheback.testing.learned_contract import judgement, lesson
from cacheback.testing.store_contract import ALL, BANK, CITY, draft, in_another_thread, vector_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(tmp_path)) as store:
        yield store


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


# locks


def test_a_locked_store_is_told_after_the_timeout_and_still_read(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path, lock_timeout=0.01)) as store:
        (entry,) = store.put([draft()])
        with locked(store.path):
            with pytest.raises(StoreLockedError, match="lock_timeout"):
                store.put([draft("lost")])
            assert store.find(CITY.digest, entry.question_digest) == entry
        store.put([draft("kept")])
        assert store.count(ALL) == 2


def test_a_transaction_has_the_lock_from_its_first_moment(
    store: SQLiteStore, tmp_path: Path
) -> None:
    with closing(SQLiteStore(tmp_path, lock_timeout=0.01)) as other:
        with store._connections.writing(), pytest.raises(StoreLockedError):
            other.put([draft()])
        other.put([draft()])


def test_record_never_waits(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path, lock_timeout=3600)) as store:
        (entry,) = store.put([draft()])
        with locked(store.path), pytest.raises(StoreLockedError):
            store.record({entry.id: Use(1, 1.0)}, {"hits": 1})
        assert store.stats().counters == {}
        store.record({entry.id: Use(1, 1.0)}, {"hits": 1})
        assert store.stats().counters == {"hits": 1.0}
        with store._connections.reading() as db:
            assert db.execute("PRAGMA busy_timeout").fetchone() == (3_600_000,)


def test_record_does_not_wait_for_another_thread_either(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path, lock_timeout=3600)) as store:
        with store._connections.writing(), pytest.raises(StoreLockedError):
            in_another_thread(lambda: store.record({}, {"hits": 1}))
        assert store.stats().counters == {}


def test_lessons_that_must_not_wait_are_not_written_where_they_would(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path, lock_timeout=3600)) as store:
        (entry,) = store.put([draft()])
        judged, taught = (judgement(entry.id),), (lesson(),)

        def add_at_once() -> None:
            store.learned.add(judged, taught, keep=9, wait=False)

        with locked(store.path), pytest.raises(StoreLockedError):
            add_at_once()
        with store._connections.writing(), pytest.raises(StoreLockedError):
            in_another_thread(add_at_once)
        assert store.learned.judgements() == []
        assert store.learned.read(0) == (0, [])
        add_at_once()
        assert len(store.learned.judgements()) == 1
        assert store.learned.read(0)[1] == [lesson()]


def test_lessons_wait_for_their_turn_unless_told_otherwise(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path, lock_timeout=0.01)) as store:
        with locked(store.path), pytest.raises(StoreLockedError, match="lock_timeout"):
            store.learned.add((), (lesson(),), keep=9)
        assert store.learned.read(0) == (0, [])


# connections


def test_connections_of_finished_threads_are_closed(store: SQLiteStore) -> None:
    psutil = pytest.importorskip("psutil")

    def open_files() -> int:
        files = psutil.Process().open_files()
        return sum(1 for file in files if file.path == str(store.path))

    for _ in range(20):
        in_another_thread(lambda: store.find(CITY.digest, "x"))
    assert open_files() <= 2
    store.close()
    assert open_files() == 0


def test_close_waits_for_a_transaction_in_another_thread(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path)
    closer = threading.Thread(target=store.close)
    with store._connections.writing() as db:
        closer.start()
        while not store._connections._closed:
            pass
        for n in range(2000):
            db.execute("INSERT INTO meta VALUES (?, 'kept')", (str(n),))
    closer.join()
    with closing(SQLiteStore(tmp_path)) as store:
        assert store.meta("1999") == "kept"


def test_a_clean_close_leaves_one_file(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path)
    in_another_thread(lambda: store.put([draft()]))
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["cache.db"]


def test_two_stores_on_one_directory_see_each_other(store: SQLiteStore, tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path)) as other:
        store.changed()
        seq = store.changes(-1).seq
        (entry,) = other.put([draft()])
        assert store.changed()
        changes = store.changes(seq).changes
        assert changes is not None
        assert [change.entry_id for change in changes] == [entry.id]
        assert store.find(CITY.digest, entry.question_digest) == entry


# forgetting


def on_disk(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())


def test_what_was_removed_is_gone_from_the_disk(store: SQLiteStore, tmp_path: Path) -> None:
    secrets = [f"secret number {n}" for n in range(200)]
    store.put(
        [draft(text, answer=Answer(f"answer to {text} " * 30), tags=("t",)) for text in secrets]
    )
    store.put([draft("harmless")])
    assert b"secret number 77" in on_disk(tmp_path)
    store.remove(Selection(tags=("t",)))
    assert b"secret number" not in on_disk(tmp_path)
    assert b"harmless" in on_disk(tmp_path)


def test_clearing_gives_the_space_back(store: SQLiteStore) -> None:
    empty = store.stats().bytes
    store.put([draft(f"{n}", answer=Answer("x" * 5000)) for n in range(500)])
    assert store.stats().bytes > 2_000_000
    store.remove(ALL)
    assert store.stats().bytes < 4 * empty


def test_a_reader_in_the_way_leaves_the_tidying_for_later(
    store: SQLiteStore, tmp_path: Path
) -> None:
    store.put([draft("secret"), draft("another secret")])
    with closing(sqlite3.connect(store.path, isolation_level=None)) as db:
        db.execute("BEGIN")
        db.execute("SELECT * FROM entries").fetchall()
        assert store.remove(Selection(text="another")) == 1
        db.execute("ROLLBACK")
    assert store.remove(ALL) == 1
    assert b"secret" not in on_disk(tmp_path)


def test_evicting_a_full_store_makes_room_for_more_than_one(store: SQLiteStore) -> None:
    store.put([draft(f"{n}", created_at=float(n)) for n in range(501)])
    assert store.evict(500, 0.0) == 1 + 5
    assert [entry.question for entry in store.select(ALL, limit=1)] == ["6"]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7])
def test_what_is_removed_in_parts_is_removed_whole(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr("cacheback.store.sqlite._PART", 3)
    entries = store.put([draft(f"a {n}", expires_at=5.0) for n in range(count)])
    store.put([draft("b")])
    store.put(
        [
            draft(f"c {entry.id}", provenance="synthesis", sources=(entry.id,))
            for entry in entries[:2]
        ]
    )
    removed = count + min(count, 2)
    if count % 2:
        assert store.remove(Selection(text="a ")) == removed
    else:
        assert store.evict(100, 5.0) == removed
    assert [entry.question for entry in store.select(ALL)] == ["b"]
    assert store.check() == []


# damage


def damage(store: SQLiteStore, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(store.path)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute(sql, values)
        db.commit()


DAMAGES = [
    "answer = CAST(replace(CAST(answer AS TEXT), 'Paris', 'Berlin') AS BLOB)",
    "answer = CAST('{}' AS BLOB)",
    "answer = x'80ff'",
    "answer = 'text'",
    "question = x'80ff'",
    "question_digest = question_digest || x'ff'",
    "created_at = 'yesterday'",
    "last_used_at = 'yesterday'",
    "hits = 'many'",
    "expires_at = 1e12",
    "provenance = 'gossip'",
    "tags = '[1]'",
    "sources = '[1'",
    "checksum = checksum + 1",
]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_entry_is_named_and_takes_nothing_else_down(
    store: SQLiteStore, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = store.put([draft("bad", answer=Answer("Paris"), tags=("t",)), draft("good")])
    damage(store, f"UPDATE entries SET {how} WHERE id = ?", bad.id)
    if "digest" not in how:
        with pytest.raises(StoreCorruptError, match=f"entry {bad.id} is damaged"):
            store.find(CITY.digest, bad.question_digest)
    with caplog.at_level(logging.WARNING):
        assert store.get([bad.id, good.id]) == [good]
        assert store.select(ALL, limit=1) == [good]
    assert [record.getMessage().count(f"entry {bad.id} is") for record in caplog.records] == [1]
    assert any(f"entry {bad.id} is damaged" in finding for finding in store.check())
    assert store.remove(Selection(ids=(bad.id,))) == 1
    assert store.check() == []
    store.put([draft("bad")])
    assert store.count(ALL) == 2


def test_a_damaged_scope_is_named(store: SQLiteStore) -> None:
    store.put([draft(), draft("other", BANK)])
    damage(store, "UPDATE scopes SET parts = '{' WHERE digest = ?", CITY.digest)
    with pytest.raises(StoreCorruptError):
        store.scope_parts(CITY.digest)
    assert store.count(Selection(parts={"tenant": "ann"})) == 1
    assert store.check() == [f"the parts of scope {CITY.digest} are damaged"]


def test_a_vector_of_another_length_does_not_shift_the_others(store: SQLiteStore) -> None:
    one, two = vector_of(1, 0), vector_of(0, 1)
    a, b, c = store.put([draft("a", vector=one), draft("b", vector=two), draft("c", vector=two)])
    damage(store, "UPDATE vectors SET vector = x'00' WHERE entry_id = ?", b.id)
    assert store.vectors(CITY.digest) == ([a.id, c.id], one + two)
    assert store.check() == [f"the vector of entry {b.id} has another length than most"]


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("UPDATE totals SET entries = 7", "the count of entries is wrong (7)"),
        ("UPDATE scopes SET entries = 7", f"scope {CITY.digest} does not count"),
        ("INSERT INTO scopes (digest, parts) VALUES ('x', CAST('{}' AS BLOB))", "scope x has no"),
        ("UPDATE entries SET scope_id = 99 WHERE id = 1", "entry 1 has no scope"),
        ("INSERT INTO vectors VALUES (99, 1, x'0000')", "vector 99 has no entry"),
        ("INSERT INTO tags VALUES ('x', 99)", "a tag belongs to entry 99"),
        ("INSERT INTO sources VALUES (99, 1)", "entry 1 outlived one of its sources"),
    ],
)
def test_check_names_what_does_not_fit_together(store: SQLiteStore, sql: str, finding: str) -> None:
    store.put([draft("a", vector=vector_of(1)), draft("b", vector=vector_of(1))])
    damage(store, sql)
    assert any(found.startswith(finding) for found in store.check())


def flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(20):
        changed[rng.randrange(100, len(changed))] = rng.randrange(256)
    return bytes(changed)


def use_everything(store: SQLiteStore, originals: dict[str, Entry]) -> None:
    """Whatever is returned is what was stored; whatever cannot be is a StoreError or a miss."""
    for digest, original in originals.items():
        try:
            found = store.find(CITY.digest, digest)
        except StoreError:
            continue
        if found is not None:
            assert replace(found, hits=0, last_used_at=original.last_used_at) == original
    for use in (
        lambda: store.get([entry.id for entry in originals.values()]),
        lambda: store.select(Selection(text="question")),
        lambda: store.vectors(CITY.digest),
        lambda: store.changes(0),
        lambda: store.put([draft("question 5"), draft("new")]),
        lambda: store.record({7: Use(1, 1.0)}, {"a": 1}),
        lambda: store.remove(Selection(ids=(1, 2, 3))),
        lambda: store.evict(20, 0.0),
        store.stats,
        store.check,
    ):
        try:
            use()
        except StoreError:
            continue


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_are_an_error_or_a_miss_and_never_a_wrong_answer(
    tmp_path: Path, seed: int
) -> None:
    with closing(SQLiteStore(tmp_path)) as store:
        entries = store.put(
            [draft(f"question {n}", tags=("t",), vector=vector_of(n, 1)) for n in range(100)]
        )
    data = store.path.read_bytes()
    store.path.write_bytes(flipped(data, random.Random(seed)))
    try:
        store = SQLiteStore(tmp_path)
    except StoreError:
        return
    with closing(store):
        use_everything(store, {entry.question_digest: entry for entry in entries})
