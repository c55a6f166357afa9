"""The promises of `cacheback.core.ports.Learned`, as a part of the contract of stores."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cacheback.core.learning import pair_digest
from cacheback.core.ports import LESSONS_KEPT, JudgementDraft, Lesson, Selection
from cacheback.models import Answer, Draft, Judgement, Saved, Scope

if TYPE_CHECKING:
    from cacheback.core.ports import Store
    from cacheback.models import Entry

T = 1_000_000.0
SCOPE = Scope("d" * 64, {"model": "small"})
MANY = 1_000


def entry_in(store: Store, question: str = "What was asked?", **fields: Any) -> Entry:
    """An entry that judgements can be about; `fields` replace any other field of its draft."""
    digest = sha256(question.encode("utf-8", "surrogatepass")).hexdigest()
    draft = Draft(
        question=question,
        question_digest=digest,
        scope=SCOPE,
        answer=Answer("So."),
        created_at=T,
        expires_at=None,
    )
    (entry,) = store.put([replace(draft, **fields)])
    return entry


def judgement(entry_id: int, question: str = "What is asked?", **fields: Any) -> JudgementDraft:
    """A judgement of an entry; `fields` replace any other field."""
    plain = JudgementDraft(
        at=T,
        scope=SCOPE.digest,
        entry_id=entry_id,
        question=question,
        question_digest=f"digest of {question!r}",
        similarity=0.9,
        probability=0.75,
        served=True,
    )
    return replace(plain, **fields)


def lesson(pair: str = "pair", **fields: Any) -> Lesson:
    """A lesson about a pair of that name; `fields` replace any other field."""
    plain = Lesson(
        at=T,
        pair=pair_digest(pair, "other"),
        scope=SCOPE.digest,
        entry_id=1,
        right=True,
        by="answers",
    )
    return replace(plain, **fields)


def learn(
    store: Store, *judgements: JudgementDraft, lessons: Sequence[Lesson] = (), keep: int = MANY
) -> None:
    store.learned.add(judgements, lessons, keep=keep)


def lessons_of(store: Store) -> list[Lesson]:
    return store.learned.read(0)[1]


def asked(judgements: Sequence[Judgement]) -> list[str]:
    """Their questions."""
    return [one.question for one in judgements]


class LearnedContract:
    """Tests of `store.learned`; `StoreContract` says how stores are made."""

    def test_judgements_are_read_whole(self, store: Store) -> None:
        entry = entry_in(store, "naïve «Frage»\x00 🌃 \ud83d")
        bare = judgement(entry.id, "\udc00 bare", probability=None, served=False)
        full = judgement(
            entry.id,
            "full 🌃",
            at=T + 0.25,
            scope="e" * 64,
            similarity=-0.5,
            saved=Saved(12, 0.0015, 1.5),
            label="wrong",
            labelled_by="person",
        )
        learn(store, bare, full)
        newest, oldest = store.learned.judgements()
        assert oldest == Judgement(
            id=oldest.id,
            at=T,
            scope=SCOPE.digest,
            entry_id=entry.id,
            question="\udc00 bare",
            other="naïve «Frage»\x00 🌃 \ud83d",
            similarity=0.9,
            probability=None,
            served=False,
            saved=Saved(0, None, 0.0),
        )
        assert newest == Judgement(
            id=newest.id,
            at=T + 0.25,
            scope="e" * 64,
            entry_id=entry.id,
            question="full 🌃",
            other="naïve «Frage»\x00 🌃 \ud83d",
            similarity=-0.5,
            probability=0.75,
            served=True,
            saved=Saved(12, 0.0015, 1.5),
            label="wrong",
            labelled_by="person",
        )
        assert newest.id > oldest.id > 0
        assert (oldest.served, newest.served) == (False, True)  # and no other number
        assert store.check() == []

    def test_lessons_are_read_whole_and_oldest_first(self, store: Store) -> None:
        bare = lesson("bare", right=False, by="person")
        full = lesson("full", at=T - 1, entry_id=10**9, by="model", score=0.25, paid=True)
        learn(store, lessons=(bare, full))
        assert lessons_of(store) == [bare, full]
        assert [(type(one.right), type(one.paid)) for one in lessons_of(store)] == [
            (bool, bool)
        ] * 2
        assert store.check() == []

    def test_nothing_added_is_nothing_learned(self, store: Store) -> None:
        learn(store)
        assert store.learned.read(0) == (0, [])
        assert store.learned.judgements() == []

    def test_lessons_are_followed_from_a_point(self, store: Store) -> None:
        first, second, third = (lesson(name) for name in "abc")
        learn(store, lessons=(first, second))
        point, found = store.learned.read(0)
        assert found == [first, second]
        assert store.learned.read(point) == (point, [])
        learn(store, lessons=(third,))
        newest, found = store.learned.read(point)
        assert newest > point
        assert found == [third]
        assert store.learned.read(newest + 5) == (newest, [])

    def test_lessons_move_the_point_and_judgements_do_not(self, store: Store) -> None:
        entry = entry_in(store)
        before = store.changes(-1)
        assert (before.lessons, store.learned.read(0)[0]) == (0, 0)
        learn(store, judgement(entry.id))
        assert store.changes(before.seq) == replace(before, changes=())
        learn(store, lessons=(lesson(),))
        after = store.changes(before.seq)
        assert after.lessons > 0
        assert after.lessons == store.changes(-1).lessons == store.learned.read(0)[0]
        assert after == replace(before, changes=(), lessons=after.lessons)

    def test_anothers_lesson_is_noticed(self, store: Store) -> None:
        store.changed()
        assert not store.changed()
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(learn, store, lessons=(lesson(),)).result()
        assert store.changed()

    def test_the_point_stays_when_lessons_go(self, store: Store) -> None:
        many = [lesson(str(n)) for n in range(LESSONS_KEPT + 1)]
        learn(store, lessons=many)
        point = store.learned.read(0)[0]
        learn(store, lessons=many)
        assert store.learned.read(0)[0] == store.changes(-1).lessons == point + len(many)

    def test_of_lessons_of_comparisons_the_last_are_kept_and_of_persons_all(
        self, store: Store
    ) -> None:
        said = [lesson("said first", by="person"), lesson("said later", by="person")]
        compared = [
            lesson(str(n), by=("answers", "model")[n % 2], score=n / 10_000)
            for n in range(LESSONS_KEPT + 3)
        ]
        learn(store, lessons=(said[0], *compared[:10], said[1]))
        learn(store, lessons=compared[10:])
        assert lessons_of(store) == [said[0], *compared[3:10], said[1], *compared[10:]]

    def test_judgements_are_kept_up_to_a_bound_the_newest_ones(self, store: Store) -> None:
        entry = entry_in(store)
        learn(store, *(judgement(entry.id, name) for name in "abc"), keep=2)
        assert asked(store.learned.judgements()) == ["c", "b"]
        learn(store, judgement(entry.id, "d"), keep=2)
        assert asked(store.learned.judgements()) == ["d", "c"]
        learn(store, keep=1)
        assert asked(store.learned.judgements()) == ["d"]

    def test_a_bound_of_none_keeps_no_judgement_and_every_lesson(self, store: Store) -> None:
        entry = entry_in(store)
        learn(store, judgement(entry.id, "before"))
        learn(store, judgement(entry.id), lessons=(lesson(),), keep=0)
        assert store.learned.judgements() == []
        assert lessons_of(store) == [lesson()]

    def test_ids_of_judgements_are_never_used_again(self, store: Store) -> None:
        entry = entry_in(store)
        learn(store, judgement(entry.id))
        (first,) = store.learned.judgements()
        learn(store, keep=0)
        learn(store, judgement(entry.id))
        (second,) = store.learned.judgements()
        assert second.id > first.id

    def test_judgements_of_entries_that_are_gone_are_left_out(self, store: Store) -> None:
        entry, gone = entry_in(store), entry_in(store, "gone")
        store.remove(Selection(ids=(gone.id,)))
        some = (judgement(gone.id, "no"), judgement(entry.id, "yes"), judgement(10**9, "never"))
        learn(store, *some, lessons=(lesson(entry_id=gone.id),))
        assert asked(store.learned.judgements()) == ["yes"]
        assert lessons_of(store) == [lesson(entry_id=gone.id)]

    def test_judgements_die_with_their_entry_and_lessons_stay(self, store: Store) -> None:
        removed, replaced, expired, source, kept = (
            entry_in(store, name, expires_at=T + 1 if name == "expired" else None)
            for name in ("removed", "replaced", "expired", "source", "kept")
        )
        written = entry_in(store, "written", provenance="synthesis", sources=(source.id,))
        all_of_them = (removed, replaced, expired, source, written, kept)
        taught = [lesson(one.question, entry_id=one.id) for one in all_of_them]
        for one in all_of_them:
            learn(store, judgement(one.id, f"{one.question}?"), judgement(one.id, "twice"))
        learn(store, lessons=taught)

        def about() -> set[int]:
            return {one.entry_id for one in store.learned.judgements()}

        store.remove(Selection(ids=(removed.id,)))
        assert about() == {one.id for one in all_of_them[1:]}
        again = entry_in(store, "replaced")
        assert about() == {one.id for one in all_of_them[2:]}
        assert store.evict(100, T + 1) == 1
        assert about() == {source.id, written.id, kept.id}
        store.remove(Selection(ids=(source.id,)))
        assert about() == {kept.id}
        learn(store, judgement(again.id))
        assert about() == {kept.id, again.id}
        store.evict(0, T)
        assert store.learned.judgements() == []
        assert lessons_of(store) == taught
        assert store.check() == []

    def test_an_entry_whose_judgements_are_gone_can_go(self, store: Store) -> None:
        entry = entry_in(store)
        learn(store, judgement(entry.id), judgement(entry.id, "newest"), keep=1)
        assert store.remove(Selection()) == 1
        assert store.learned.judgements() == []

    def test_judgements_are_found_by_all_that_is_given(self, store: Store) -> None:
        one, other = entry_in(store, "one"), entry_in(store, "other")
        learn(
            store,
            judgement(one.id, "a", question_digest="A", at=T),
            judgement(other.id, "b", question_digest="B", at=T + 2),
            judgement(one.id, "c", question_digest="B", at=T + 1),
            judgement(one.id, "d", question_digest="A", at=T + 3),
        )
        find = store.learned.judgements
        assert asked(find()) == ["d", "c", "b", "a"]
        assert asked(find(entry_id=one.id)) == ["d", "c", "a"]
        assert asked(find(question_digest="B")) == ["c", "b"]
        assert asked(find(entry_id=one.id, question_digest="B")) == ["c"]
        assert asked(find(since=T + 2)) == ["d", "b"]
        assert asked(find(limit=2)) == ["d", "c"]
        assert asked(find(entry_id=one.id, since=T + 1, limit=1)) == ["d"]
        assert find(limit=0) == find(entry_id=10**9) == find(question_digest="C") == []

    def test_what_became_known_is_noted(self, store: Store) -> None:
        entry = entry_in(store)
        learn(store, *(judgement(entry.id, name) for name in "abc"), lessons=(lesson(),))
        third, second, first = store.learned.judgements()
        store.learned.label([first.id, 10**9, second.id], "right", "answers")
        store.learned.label([second.id], "wrong", "person")
        assert store.learned.judgements() == [
            third,
            replace(second, label="wrong", labelled_by="person"),
            replace(first, label="right", labelled_by="answers"),
        ]
        store.learned.label([], "right", "model")
        store.remove(Selection())
        store.learned.label([first.id], "right", "model")
        assert store.learned.judgements() == []

    def test_what_is_learned_leaves_entries_and_patterns_alone(self, store: Store) -> None:
        entry = entry_in(store)
        before = replace(store.stats(), bytes=0)
        learn(store, judgement(entry.id), lessons=(lesson(),))
        assert replace(store.stats(), bytes=0) == before
        assert store.get([entry.id]) == [entry]
        assert store.negatives.read() == (0, [])

    def test_without_waiting_it_is_added_where_nobody_is_in_the_way(self, store: Store) -> None:
        entry = entry_in(store)
        store.learned.add((judgement(entry.id),), (lesson(),), keep=MANY, wait=False)
        assert (len(store.learned.judgements()), len(lessons_of(store))) == (1, 1)

    def test_threads_lose_nothing_of_what_is_learned(self, store: Store) -> None:
        entry = entry_in(store)

        def work(name: int) -> None:
            for n in range(10):
                learn(store, judgement(entry.id, f"{name} {n}"), lessons=(lesson(f"{name} {n}"),))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        names = {f"{name} {n}" for name in range(4) for n in range(10)}
        assert set(asked(store.learned.judgements())) == names
        assert len(lessons_of(store)) == store.changes(-1).lessons == 40
        assert set(lessons_of(store)) == {lesson(name) for name in names}
