"""An exact lookup in process: from the hot map, and from the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from benchmarks.figure import Figure, Goal
from benchmarks.measure import Pairs, side_by_side
from benchmarks.setting import ANSWER, Setting
from cacheback import SemanticCache

_FLOOR = "SELECT by primary key in the same file, and a dict lookup"


def figures(setting: Setting) -> Iterator[Figure]:
    hot = _measure(setting, hot_entries=4_096)
    yield _figure("exact lookup, hot", hot, Goal("≤", 20))
    yield _figure("exact lookup, from the store", _measure(setting, hot_entries=0), None)


def _measure(setting: Setting, hot_entries: int) -> Pairs:
    directory = setting.scratch / f"exact-{hot_entries}"
    texts = setting.asked(0, setting.size(500, 20))
    with SemanticCache(directory, hot_entries=hot_entries) as cache:
        ids = {text: cache.populate(text, ANSWER).id for text in texts}
        with closing(sqlite3.connect(directory / "cache.db")) as db:

            def read(text: str) -> object:
                sql = "SELECT answer FROM entries WHERE id = ?"
                return db.execute(sql, (ids[text],)).fetchone()

            rounds = texts * setting.size(12, 3)
            return side_by_side(cache.lookup, read, rounds, warm=len(texts))


def _figure(name: str, pairs: Pairs, goal: Goal | None) -> Figure:
    return Figure(
        name,
        pairs.subject.percentile(50) / 1e3,
        "µs",
        floor=pairs.floor.percentile(50) / 1e3,
        floor_is=_FLOOR,
        ratio=pairs.ratio,
        goal=goal,
        note=f"p99 {pairs.subject.percentile(99) / 1e3:.0f} µs",
    )
