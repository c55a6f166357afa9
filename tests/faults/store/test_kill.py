"""What was acknowledged survives kill -9, and the file stays whole."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path
from typing import Any

from cacheback.store.sqlite import SQLiteStore
from cacheback.testing.store_contract import ALL, CITY, digest_of

# Answers of 8 KB make SQLite move its log into the file every few dozen writes.
WRITER = """
rng = random.Random(sys.argv[2])
life = sys.argv[2]
store = SQLiteStore(directory)
mine = []
n = 0
while True:
    batch = [f"{life} {n + i}" for i in range(rng.randrange(1, 9))]
    n += len(batch)
    store.put([draft(q, answer=Answer(q * 800), vector=vector_of(1, 0)) for q in batch])
    say("kept", *[q.replace(" ", "-") for q in batch])
    mine += batch
    store.record({rng.randrange(1, 50): Use(1, 5.0)}, {"puts": len(batch)})
    if rng.random() < 0.2:
        gone = mine.pop(rng.randrange(len(mine)))
        say("removing", gone.replace(" ", "-"))
        store.remove(Selection(question_digest=digest_of(gone)))
        say("removed", gone.replace(" ", "-"))
"""


def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path, start: Any) -> None:
    rng = random.Random(2)
    kept: set[str] = set()
    removed: set[str] = set()
    unsure: set[str] = set()
    for life in range(25):
        child = start(tmp_path, WRITER, life)
        for _ in range(rng.randrange(1, 200)):
            line = child.stdout.readline()
            note(line, kept, removed, unsure)
        child.kill()
        for line in child.stdout:
            note(line, kept, removed, unsure)
        child.wait()
        with closing(SQLiteStore(tmp_path)) as store:
            assert store.check() == []
            stored = {entry.question.replace(" ", "-") for entry in store.select(ALL)}
            assert kept - removed - unsure <= stored
            assert not removed & stored
    assert len(kept) > 1000
    assert len(removed) > 50
    with closing(SQLiteStore(tmp_path)) as store:
        for question in kept - removed - unsure:
            plain = question.replace("-", " ")
            entry = store.find(CITY.digest, digest_of(plain))
            assert entry is not None
            assert entry.answer.text == plain * 800


def note(line: str, kept: set[str], removed: set[str], unsure: set[str]) -> None:
    if not line.endswith("\n"):
        return
    word, *questions = line.split()
    if word == "kept":
        kept.update(questions)
    elif word == "removing":
        unsure.update(questions)
    else:
        unsure.difference_update(questions)
        removed.update(questions)


def test_a_kill_while_the_store_is_made_leaves_it_makeable(tmp_path: Path, start: Any) -> None:
    for attempt in range(10):
        directory = tmp_path / str(attempt)
        child = start(directory, "say('ready'); hear(); SQLiteStore(directory)")
        child.stdout.readline()
        child.stdin.write("go\n")
        while not directory.exists():
            pass
        child.kill()
        child.wait()
        with closing(SQLiteStore(directory)) as store:
            assert store.check() == []
