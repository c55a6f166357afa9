"""The promises of `cacheback.core.ports.Store` as tests for any store.

Subclass it in a test module and give it a way to make an empty store:

    class TestMyStore(StoreContract):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda: MyStore(tmp_path)

`make_store` is called once per test; the contract closes what it made.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import Any, ClassVar

try:
    import pytest
except ImportError as error:
    from cacheback.errors import MissingExtraError

    raise MissingExtraError("pytest", "test") from error

from cacheback.core.ports import Change, Selection, Store, Use
from cacheback.errors import ClosedError, EmbedderMismatchError, InputError, StoreError
from cacheback.models import Answer, Draft, Scope, ToolCall, Usage
from cacheback.testing.learned_contract import LearnedContract, learn, lesson
from cacheback.testing.negatives_contract import NegativesContract, negative

BRIEF = {"role": "system", "text": "Be brief."}
CITY = Scope("c" * 64, {"model": "small", "tenant": "ann", "system": BRIEF})
BANK = Scope("b" * 64, {"model": "large", "tenant": "ann", "tools": None})
ALL = Selection()
T = 1_000_000.0

FULL_ANSWER = Answer(
    text="Paris, «la ville lumière» 🌃",
    tool_calls=(ToolCall("call_1", "look_up", '{"city": "Paris"}'),),
    reasoning="It is the capital.",
    finish_reason="tool_calls",
    usage=Usage(12, 34, cost=0.0015),
    model="small-2",
    provider="somebody",
    format="openai.chat",
    raw={"id": "x", "choices": [{"n": 1, "f": 0.1, "deep": [None, True, {"é": "\ud83d"}]}]},
)


def vector_of(*values: float) -> bytes:
    """Little-endian float16, as stored."""
    return struct.pack(f"<{len(values)}e", *values)


def digest_of(question: str) -> str:
    return sha256(question.encode("utf-8", "surrogatepass")).hexdigest()


def draft(question: str = "What?", scope: Scope = CITY, **fields: Any) -> Draft:
    """A draft with a question; `fields` replace any other field."""
    plain = Draft(
        question=question,
        question_digest=digest_of(question),
        scope=scope,
        answer=Answer(text=f"answer to {question}"),
        created_at=T,
        expires_at=None,
    )
    return replace(plain, **fields)


class StoreContract(NegativesContract, LearnedContract):
    """See the module. `change_log_length` is how many changes the store keeps at least;
    None says that it keeps all of them."""

    change_log_length: ClassVar[int | None] = None

    @pytest.fixture
    def store(self, make_store: Callable[[], Store]) -> Iterator[Store]:
        store = make_store()
        yield store
        store.close()

    # put, find, get

    def test_what_was_put_is_found_whole(self, store: Store) -> None:
        (put,) = store.put(
            [
                draft(
                    "Where is Ünïcode\x00\ud83d?",
                    answer=FULL_ANSWER,
                    expires_at=T + 5,
                    provenance="upstream",
                    tags=("b", "a", "ü"),
                    vector=vector_of(0.6, 0.8),
                    seconds=0.25,
                )
            ]
        )
        found = store.find(CITY.digest, put.question_digest)
        assert found == put
        assert found.answer == FULL_ANSWER
        assert found.question == "Where is Ünïcode\x00\ud83d?"
        assert (found.scope, found.created_at, found.expires_at) == (CITY.digest, T, T + 5)
        assert (found.last_used_at, found.hits) == (T, 0)
        assert (found.provenance, found.tags, found.seconds) == ("upstream", ("b", "a", "ü"), 0.25)

    def test_put_returns_entries_in_the_order_of_the_drafts(self, store: Store) -> None:
        questions = [f"question {n}" for n in range(50)]
        entries = store.put([draft(question) for question in questions])
        assert [entry.question for entry in entries] == questions
        ids = [entry.id for entry in entries]
        assert ids == sorted(set(ids))
        assert ids[0] > 0

    def test_nothing_put_is_nothing_stored(self, store: Store) -> None:
        assert store.put([]) == []
        assert store.stats().entries == 0

    def test_the_same_question_is_replaced_under_a_new_id(self, store: Store) -> None:
        (old,) = store.put([draft(tags=("old",), vector=vector_of(1, 0))])
        (new,) = store.put([draft(answer=Answer("better"), tags=("new",))])
        assert new.id > old.id
        assert store.find(CITY.digest, new.question_digest) == new
        assert store.get([old.id]) == []
        assert store.count(ALL) == 1
        assert store.count(Selection(tags=("old",))) == 0
        assert store.vectors(CITY.digest) == ([], b"")

    def test_of_equal_drafts_in_one_call_the_last_stays(self, store: Store) -> None:
        first, second = store.put([draft(), draft(answer=Answer("second"))])
        assert second.id > first.id
        assert store.select(ALL) == [second]

    def test_the_same_question_in_another_scope_is_another_entry(self, store: Store) -> None:
        city, bank = store.put([draft(scope=CITY), draft(scope=BANK)])
        assert store.find(CITY.digest, city.question_digest) == city
        assert store.find(BANK.digest, city.question_digest) == bank

    def test_ids_are_never_used_again(self, store: Store) -> None:
        (old,) = store.put([draft()])
        store.remove(ALL)
        (new,) = store.put([draft()])
        assert new.id > old.id

    def test_find_returns_none_for_what_is_not_there(self, store: Store) -> None:
        store.put([draft()])
        assert store.find(CITY.digest, "no such digest") is None
        assert store.find("no such scope", digest_of("What?")) is None

    def test_find_returns_expired_entries(self, store: Store) -> None:
        (entry,) = store.put([draft(expires_at=T - 100)])
        assert store.find(CITY.digest, entry.question_digest) == entry

    def test_get_keeps_the_order_and_leaves_out_what_is_missing(self, store: Store) -> None:
        a, b, c = store.put([draft("a"), draft("b"), draft("c")])
        assert store.get([c.id, 10**9, a.id, b.id]) == [c, a, b]
        assert store.get([]) == []

    def test_what_a_caller_does_to_an_answer_stays_with_the_caller(self, store: Store) -> None:
        raw: dict[str, Any] = {"choices": [1]}
        (put,) = store.put([draft(answer=Answer("x", raw=raw))])
        raw["choices"].append(2)
        for _ in range(2):
            found = store.find(CITY.digest, put.question_digest)
            assert found is not None
            assert found.answer.raw == {"choices": [1]}
            found.answer.raw["choices"].append(3)

    def test_all_are_kept_or_none(self, store: Store) -> None:
        (kept,) = store.put([draft("kept")])
        bad = draft("bad", answer=Answer("x", raw={"not JSON": object()}))
        with pytest.raises(InputError):
            store.put([draft("kept", answer=Answer("lost")), draft("good"), bad])
        assert store.select(ALL) == [kept]
        assert store.check() == []

    def test_an_answer_of_wrong_types_is_refused(self, store: Store) -> None:
        with pytest.raises(InputError):
            store.put([draft(answer=Answer(text=7))])  # type: ignore[arg-type]
        assert store.count(ALL) == 0

    # select and count

    @pytest.fixture
    def five(self, store: Store) -> Store:
        """Ids 1 to 5 relative to the first: see each draft."""
        store.put(
            [
                draft("Straße nach Paris", tags=("x", "y"), created_at=T, expires_at=T + 10),
                draft("open an account", BANK, tags=("y",), created_at=T + 1, provenance="import"),
                draft("OPEN the window", tags=("z",), created_at=T + 2, expires_at=T + 20),
                draft("close it", created_at=T + 3, provenance="upstream"),
                draft("100% of_it", BANK, created_at=T + 4, expires_at=T + 10),
            ]
        )
        return store

    @pytest.mark.parametrize(
        ("selection", "questions"),
        [
            (ALL, "12345"),
            (Selection(ids=()), ""),
            (Selection(tags=("y",)), "12"),
            (Selection(tags=("x", "y", "z", "unknown")), "123"),
            (Selection(tags=("unknown",)), ""),
            (Selection(scope=BANK.digest), "25"),
            (Selection(scope="unknown"), ""),
            (Selection(parts={"tenant": "ann"}), "12345"),
            (Selection(parts={"tenant": "ann", "model": "large"}), "25"),
            (Selection(parts={"system": {"text": "Be brief.", "role": "system"}}), "134"),
            (Selection(parts={"system": {"text": "Be long.", "role": "system"}}), ""),
            (Selection(parts={"system": {"text": "Be brief."}}), ""),
            (Selection(parts={"tools": None}), "25"),
            (Selection(parts={"unknown": None}), ""),
            (Selection(question_digest=digest_of("close it")), "4"),
            (Selection(text="open"), "23"),
            (Selection(text="STRASSE"), "1"),
            (Selection(text="% of_"), "5"),
            (Selection(text="_"), "5"),
            (Selection(text="ann"), ""),
            (Selection(provenance="manual"), "135"),
            (Selection(provenance="synthesis"), ""),
            (Selection(created_before=T + 2), "12"),
            (Selection(expired_at=T + 10), "15"),
            (Selection(expired_at=T + 9.5), ""),
            (Selection(text="open", scope=CITY.digest), "3"),
            (Selection(tags=("y",), provenance="import", created_before=T), ""),
        ],
    )
    def test_a_selection_means_all_its_conditions(
        self, five: Store, selection: Selection, questions: str
    ) -> None:
        first = five.select(ALL)[0].id
        selected = [str(entry.id - first + 1) for entry in five.select(selection)]
        assert "".join(selected) == questions
        assert five.count(selection) == len(questions)

    def test_selected_by_id(self, five: Store) -> None:
        ids = [entry.id for entry in five.select(ALL)]
        selection = Selection(ids=(ids[4], ids[1], 10**9))
        assert [entry.id for entry in five.select(selection)] == [ids[1], ids[4]]

    def test_pages_follow_each_other(self, five: Store) -> None:
        whole = five.select(ALL)
        assert five.select(ALL, limit=2) == whole[:2]
        assert five.select(ALL, after=whole[1].id, limit=2) == whole[2:4]
        assert five.select(ALL, after=whole[3].id, limit=2) == whole[4:]
        assert five.select(ALL, after=whole[4].id) == []
        assert five.select(ALL, limit=0) == []

    # remove and evict

    def test_remove_returns_how_many_and_reaches_everything(self, five: Store) -> None:
        removed = five.select(Selection(tags=("y",)))
        assert five.remove(Selection(tags=("y",))) == 2
        assert five.get([entry.id for entry in removed]) == []
        assert five.find(CITY.digest, removed[0].question_digest) is None
        assert five.count(Selection(tags=("x", "y"))) == 0
        assert five.stats().entries == 3
        assert five.remove(Selection(tags=("y",))) == 0
        assert five.check() == []

    def test_a_scope_goes_with_its_last_entry(self, store: Store) -> None:
        store.put([draft("a", BANK, vector=vector_of(1, 0)), draft("b", BANK), draft("c")])
        assert store.scope_parts(BANK.digest) == BANK.parts
        assert store.stats().scopes == 2
        store.remove(Selection(text="a"))
        assert store.scope_parts(BANK.digest) == BANK.parts
        store.remove(Selection(text="b"))
        assert store.scope_parts(BANK.digest) is None
        assert store.vectors(BANK.digest) == ([], b"")
        assert store.stats().scopes == 1
        store.put([draft("a", BANK)])
        assert store.scope_parts(BANK.digest) == BANK.parts

    def test_the_fullest_scopes_come_first(self, store: Store) -> None:
        assert store.scopes(10) == []
        store.put([draft("a", BANK), draft("b", CITY), draft("c", CITY)])
        assert store.scopes(10) == [CITY.digest, BANK.digest]
        assert store.scopes(1) == [CITY.digest]
        store.remove(Selection(scope=CITY.digest))
        assert store.scopes(10) == [BANK.digest]

    def synthesis(self, store: Store) -> tuple[int, int, int]:
        a, b = store.put([draft("a", tags=("a",)), draft("b")])
        (c,) = store.put([draft("c", provenance="synthesis", sources=(a.id, b.id))])
        assert store.get([c.id])[0].sources == (a.id, b.id)
        return a.id, b.id, c.id

    def test_what_was_synthesised_dies_with_any_source(self, store: Store) -> None:
        _, b, _ = self.synthesis(store)
        assert store.remove(Selection(tags=("a",))) == 2
        assert [entry.id for entry in store.select(ALL)] == [b]
        assert store.check() == []

    def test_sources_outlive_what_was_synthesised_from_them(self, store: Store) -> None:
        a, b, c = self.synthesis(store)
        assert store.remove(Selection(ids=(c,))) == 1
        assert store.remove(Selection(ids=(a,))) == 1
        assert [entry.id for entry in store.select(ALL)] == [b]

    def test_what_was_synthesised_dies_when_a_source_is_replaced(self, store: Store) -> None:
        _, _, c = self.synthesis(store)
        before = store.changes(-1).seq
        store.put([draft("a")])
        assert store.get([c]) == []
        changes = store.changes(before).changes
        assert changes is not None
        assert {(change.kind, change.entry_id) for change in changes} >= {("removed", c)}

    def test_what_was_synthesised_dies_when_a_source_is_evicted(self, store: Store) -> None:
        (a,) = store.put([draft("a", expires_at=T + 1)])
        store.put([draft("c", provenance="synthesis", sources=(a.id,))])
        assert store.evict(100, T + 1) == 2
        assert store.count(ALL) == 0

    def test_a_source_must_be_stored_and_no_synthesis_itself(self, store: Store) -> None:
        a, _, c = self.synthesis(store)
        with pytest.raises(StoreError):
            store.put([draft("d", provenance="synthesis", sources=(a, 10**9))])
        with pytest.raises(StoreError):
            store.put([draft("d", provenance="synthesis", sources=(c,))])
        with pytest.raises(StoreError):
            store.put([draft("a", provenance="synthesis", sources=(a,))])
        assert store.count(ALL) == 3

    def test_evict_removes_the_expired_first(self, five: Store) -> None:
        assert five.evict(100, T + 10) == 2
        assert [entry.question for entry in five.select(ALL)] == [
            "open an account",
            "OPEN the window",
            "close it",
        ]
        assert five.evict(3, T + 10) == 0

    def test_evict_then_removes_the_least_recently_used(self, five: Store) -> None:
        entries = five.select(ALL)
        five.record({entries[0].id: Use(1, T + 100), entries[1].id: Use(1, T + 99)}, {})
        assert five.evict(3, T) == 2
        assert [entry.id for entry in five.select(ALL)] == [
            entries[0].id,
            entries[1].id,
            entries[4].id,
        ]
        assert five.evict(0, T) == 3
        assert five.stats().entries == 0
        assert five.check() == []

    # vectors

    def test_vectors_come_by_id_and_only_from_their_scope(self, store: Store) -> None:
        one, two, three = vector_of(1, 0), vector_of(0, 1), vector_of(0.6, 0.8)
        a, b, c, _, e = store.put(
            [
                draft("a", vector=one),
                draft("b", BANK, vector=two),
                draft("c", vector=three),
                draft("d"),
                draft("e", vector=two),
            ]
        )
        assert store.vectors(CITY.digest) == ([a.id, c.id, e.id], one + three + two)
        assert store.vectors(BANK.digest) == ([b.id], two)
        assert store.vectors("unknown") == ([], b"")
        assert store.vectors(CITY.digest, [e.id, b.id, a.id]) == ([a.id, e.id], one + two)
        assert store.vectors(CITY.digest, []) == ([], b"")
        assert store.vector_count(CITY.digest) == 3
        assert store.vector_count("unknown") == 0
        store.remove(Selection(ids=(a.id,)))
        assert store.vectors(CITY.digest) == ([c.id, e.id], three + two)

    def test_replacing_vectors_sets_meta_and_is_not_a_change(self, store: Store) -> None:
        a, b, c = store.put(
            [draft("a", vector=vector_of(1, 0)), draft("b", vector=vector_of(1, 0)), draft("c")]
        )
        store.set_meta({"embedder": "old", "state": "begun"})
        before = store.changes(-1)
        new = vector_of(0, 1, 0)
        store.replace_vectors(
            [(a.id, new), (b.id, None), (c.id, new), (10**9, new)],
            {"embedder": "new", "state": None},
        )
        assert store.vectors(CITY.digest) == ([a.id, c.id], new + new)
        assert (store.meta("embedder"), store.meta("state")) == ("new", None)
        assert store.changes(-1) == before
        assert store.check() == []

    # what others wrote

    def test_changes_tell_what_was_added_and_removed(self, store: Store) -> None:
        start = store.changes(-1)
        assert start.changes == ()
        a, b = store.put([draft("a"), draft("b", BANK)])
        (new_a,) = store.put([draft("a")])
        store.remove(Selection(ids=(b.id,)))
        after = store.changes(start.seq)
        assert after.changes == (
            Change("added", a.id, CITY.digest, a.question_digest),
            Change("added", b.id, BANK.digest, b.question_digest),
            Change("removed", a.id, CITY.digest, a.question_digest),
            Change("added", new_a.id, CITY.digest, a.question_digest),
            Change("removed", b.id, BANK.digest, b.question_digest),
        )
        assert store.changes(after.seq) == replace(after, changes=())
        assert store.changes(-1) == replace(after, changes=())

    def test_changes_from_the_middle(self, store: Store) -> None:
        store.put([draft("a")])
        middle = store.changes(-1).seq
        (b,) = store.put([draft("b")])
        assert store.changes(middle).changes == (
            Change("added", b.id, CITY.digest, b.question_digest),
        )

    def test_eviction_is_told(self, five: Store) -> None:
        before = five.changes(-1).seq
        gone = {entry.id for entry in five.select(Selection(expired_at=T + 10))}
        five.evict(100, T + 10)
        changes = five.changes(before).changes
        assert changes is not None
        assert {(change.kind, change.entry_id) for change in changes} == {
            ("removed", entry_id) for entry_id in gone
        }

    def test_a_point_that_never_was_cannot_be_followed(self, store: Store) -> None:
        store.put([draft()])
        seq = store.changes(-1).seq
        assert store.changes(seq + 1) == replace(store.changes(-1), changes=None)

    def test_who_is_too_far_behind_is_told_so(self, store: Store) -> None:
        if self.change_log_length is None:
            pytest.skip("this store keeps every change")
        batch = [draft(f"question {n}") for n in range(500)]
        start = store.changes(-1).seq
        while (now := store.changes(-1).seq) - start <= self.change_log_length + len(batch):
            store.put(batch)
        assert store.changes(start).changes is None
        recent = store.changes(now - self.change_log_length + len(batch)).changes
        assert recent is not None

    def test_changed_is_true_once_after_anothers_write(self, store: Store) -> None:
        assert store.changed()
        assert not store.changed()
        in_another_thread(lambda: store.put([draft()]))
        assert store.changed()
        assert not store.changed()
        in_another_thread(lambda: store.find(CITY.digest, "x"))
        assert not store.changed()

    def test_changed_is_told_to_each_thread(self, store: Store) -> None:
        store.changed()
        assert in_another_thread(store.changed)
        in_another_thread(lambda: store.remove(ALL))
        store.put([draft()])
        in_another_thread(lambda: store.set_meta({"a": "b"}))
        assert store.changed()

    def test_changed_stays_false_after_ones_own_write(self, store: Store) -> None:
        store.changed()
        store.put([draft()])
        store.record({}, {"hits": 1})
        assert not store.changed()

    # record, stats, meta

    def test_record_adds_up(self, store: Store) -> None:
        a, b = store.put([draft("a"), draft("b")])
        store.record({a.id: Use(2, T + 5), 10**9: Use(1, T)}, {"hits": 2, "saved": 0.25})
        store.record({a.id: Use(1, T + 3)}, {"hits": 1})
        store.record({}, {})
        used, unused = store.get([a.id, b.id])
        assert (used.hits, used.last_used_at) == (3, T + 5)
        assert (unused.hits, unused.last_used_at) == (0, T)
        assert store.stats().counters == {"hits": 3.0, "saved": 0.25}
        assert used == replace(a, hits=3, last_used_at=T + 5)

    def test_counters_outlive_the_entries(self, store: Store) -> None:
        store.put([draft()])
        store.record({}, {"hits": 1})
        store.remove(ALL)
        assert store.stats().counters == {"hits": 1.0}

    def test_stats_count(self, five: Store) -> None:
        stats = five.stats()
        assert (stats.entries, stats.scopes, stats.counters) == (5, 2, {})
        assert stats.bytes >= 0

    def test_meta_is_set_and_deleted(self, store: Store) -> None:
        assert store.meta("a") is None
        store.set_meta({"a": "1", "b": "2"})
        store.set_meta({"a": None, "b": "3", "never set": None})
        assert (store.meta("a"), store.meta("b")) == (None, "3")

    def test_nothing_is_stored_or_told_when_the_meta_relied_on_has_changed(
        self, store: Store
    ) -> None:
        store.set_meta({"embedder": "mine"})
        store.rely_on({"embedder": "mine", "begun": None})
        store.put([draft()])
        for change in ({"embedder": "other"}, {"embedder": None}, {"begun": "now"}):
            store.set_meta(change)
            for use in (
                lambda: store.put([draft("another")]),
                lambda: store.changes(-1),
                lambda: store.changes(0),
            ):
                with pytest.raises(EmbedderMismatchError, match="open it again"):
                    use()
            store.set_meta({"embedder": "mine", "begun": None})
        assert len(store.select(ALL)) == 1
        assert store.put([draft("another")])
        assert store.changes(0).seq == 2

    def test_check_finds_nothing_wrong(self, five: Store) -> None:
        assert five.check() == []

    # threads and closing

    def test_threads_lose_nothing(self, store: Store) -> None:
        def work(name: int) -> list[int]:
            ids = []
            for n in range(25):
                (entry,) = store.put([draft(f"{name} {n}"), draft("the same for all")])[:1]
                assert store.find(CITY.digest, entry.question_digest) == entry
                ids.append(entry.id)
            return ids

        with ThreadPoolExecutor(8) as pool:
            ids = [entry_id for part in pool.map(work, range(8)) for entry_id in part]
        assert len(set(ids)) == 200
        assert len(store.get(ids)) == 200
        assert store.stats().entries == 201
        assert store.check() == []

    def test_a_closed_store_says_so(self, make_store: Callable[[], Store]) -> None:
        store = make_store()
        store.put([draft()])
        store.close()
        store.close()
        for use in (
            lambda: store.find("a", "b"),
            lambda: store.put([draft()]),
            store.changed,
            store.stats,
            store.negatives.read,
            lambda: store.negatives.add(negative()),
            lambda: store.learned.read(0),
            store.learned.judgements,
            lambda: learn(store, lessons=(lesson(),)),
            lambda: store.learned.label([1], "right", "person"),
            lambda: in_another_thread(lambda: store.select(ALL)),
        ):
            with pytest.raises(ClosedError):
                use()


def in_another_thread(call: Callable[[], Any]) -> Any:
    """What `call` returns or raises in a thread of its own."""
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
