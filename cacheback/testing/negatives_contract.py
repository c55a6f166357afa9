"""The promises of `cacheback.core.ports.Negatives`, as a part of the contract of stores."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

try:
    import pytest
except ImportError as error:
    from cacheback.errors import MissingExtraError

    raise MissingExtraError("pytest", "test") from error

from cacheback.core.negative import pattern_digest
from cacheback.core.ports import HeldNegative, NegativeDraft, Report
from cacheback.errors import EmbedderMismatchError

if TYPE_CHECKING:
    from cacheback.core.ports import Store

T = 1_000_000.0
VECTOR, OTHER = struct.pack("<2e", 1, 0), struct.pack("<2e", 0, 1)
REPORT = Report(T + 1, "a neighbour \ud83d", OTHER)


def negative(pattern: str = "blocked?", **fields: Any) -> NegativeDraft:
    """A pattern to block; `fields` replace any other field."""
    plain = NegativeDraft(
        pattern=pattern,
        digest=pattern_digest(pattern),
        reason="because",
        namespace=None,
        created_at=T,
        expires_at=None,
        vector=VECTOR,
    )
    return replace(plain, **fields)


def held(store: Store) -> list[HeldNegative]:
    return store.negatives.read()[1]


def told(store: Store) -> int:
    return store.changes(-1).negatives


class NegativesContract:
    """Tests of `store.negatives`; `StoreContract` says how stores are made."""

    def test_what_is_blocked_is_read_whole(self, store: Store) -> None:
        plain = negative("naïve «Frage» 🌃 \ud83d", reason="", vector=None)
        full = negative(namespace="acme", expires_at=T + 60)
        ids = [store.negatives.add(plain), store.negatives.add(full)]
        assert held(store) == [HeldNegative(ids[0], plain), HeldNegative(ids[1], full)]
        assert store.stats().negatives == 2

    def test_the_same_pattern_is_replaced_under_a_new_id(self, store: Store) -> None:
        first = store.negatives.add(negative(reason="old"))
        store.negatives.report(first, REPORT)
        elsewhere = store.negatives.add(negative(namespace="acme"))
        second = store.negatives.add(negative(reason="new"))
        assert second > first
        assert [one.id for one in held(store)] == [elsewhere, second]
        assert held(store)[1] == HeldNegative(second, negative(reason="new"))

    def test_ids_of_patterns_are_never_used_again(self, store: Store) -> None:
        first = store.negatives.add(negative())
        store.negatives.remove(first)
        assert store.negatives.add(negative()) > first

    def test_reports_stay_with_their_pattern_in_order(self, store: Store) -> None:
        one, other = store.negatives.add(negative("a")), store.negatives.add(negative("b"))
        unknown = Report(T + 2)
        assert store.negatives.report(one, REPORT)
        assert store.negatives.report(one, unknown)
        assert [held.reports for held in held(store)] == [(REPORT, unknown), ()]
        store.negatives.remove(one)
        assert [held.id for held in held(store)] == [other]
        assert store.check() == []

    def test_what_is_not_there_is_neither_removed_nor_reported(self, store: Store) -> None:
        gone = store.negatives.add(negative())
        assert store.negatives.remove(gone)
        assert not store.negatives.remove(gone)
        assert not store.negatives.report(gone, REPORT)
        assert held(store) == []

    def test_every_write_moves_the_point_and_is_seen(self, store: Store) -> None:
        assert told(store) == 0
        assert store.negatives.read()[0] == 0
        points = [0]

        def moved() -> bool:
            points.append(told(store))
            assert store.negatives.read()[0] == points[-1]
            return points[-1] > points[-2]

        first = store.negatives.add(negative())
        assert moved()
        store.negatives.report(first, REPORT)
        assert moved()
        store.negatives.remove(first)
        assert moved()
        store.negatives.add(negative(expires_at=T + 1))
        assert moved()
        assert store.negatives.evict(T + 1) == 1
        assert moved()
        assert store.negatives.evict(T + 1) == 0
        assert not moved()

    def test_anothers_write_of_patterns_is_noticed(self, store: Store) -> None:
        store.changed()
        assert not store.changed()
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(store.negatives.add, negative()).result()
        assert store.changed()

    def test_what_has_expired_goes_when_asked_and_with_the_next_one(self, store: Store) -> None:
        short, long = negative("short", expires_at=T + 1), negative("long", expires_at=T + 9)
        store.negatives.add(short)
        kept = store.negatives.add(long)
        assert [one.draft.pattern for one in held(store)] == ["short", "long"]
        assert store.negatives.evict(T + 1) == 1
        assert [one.id for one in held(store)] == [kept]
        store.negatives.add(negative("new", created_at=T + 9))
        assert [one.draft.pattern for one in held(store)] == ["new"]

    def test_patterns_and_entries_leave_each_other_alone(self, store: Store) -> None:
        before = store.changes(-1).seq
        first = store.negatives.add(negative())
        store.negatives.report(first, REPORT)
        assert store.changes(before).changes == ()
        assert store.evict(0, T) == 0
        assert len(held(store)) == 1

    def test_vectors_of_patterns_are_replaced(self, store: Store) -> None:
        first = store.negatives.add(negative("a"))
        second = store.negatives.add(negative("b", vector=None))
        store.negatives.report(first, REPORT)
        store.negatives.report(first, Report(T))
        store.negatives.replace_vectors([(first, None, [VECTOR, None]), (second, OTHER, [])])
        one, other = held(store)
        assert [one.draft.vector, other.draft.vector] == [None, OTHER]
        assert one.reports == (replace(REPORT, vector=VECTOR), Report(T))

    def test_no_pattern_is_added_when_the_meta_relied_on_has_changed(self, store: Store) -> None:
        first = store.negatives.add(negative())
        store.rely_on({"embedder": "mine"})
        with pytest.raises(EmbedderMismatchError):
            store.negatives.add(negative("b"))
        with pytest.raises(EmbedderMismatchError):
            store.negatives.report(first, REPORT)
        assert [one.reports for one in held(store)] == [()]

    def test_threads_lose_no_pattern(self, store: Store) -> None:
        def work(name: int) -> list[int]:
            return [store.negatives.add(negative(f"{name} {n}")) for n in range(10)]

        with ThreadPoolExecutor(4) as pool:
            ids = [one for some in pool.map(work, range(4)) for one in some]
        assert sorted(ids) == [one.id for one in held(store)]
        assert store.negatives.read()[0] == told(store) == 40
