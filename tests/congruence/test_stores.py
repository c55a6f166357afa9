"""The store in memory is so simple that it can be the oracle of the one in SQLite.

Both are driven by the same random operations and must show the same at every step.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cacheback.core.learning import pair_digest
from cacheback.core.negative import pattern_digest
from cacheback.core.ports import (
    JudgementDraft,
    Lesson,
    NegativeDraft,
    Report,
    Selection,
    Store,
    Use,
)
from cacheback.errors import CachebackError
from cacheback.models import Answer, Draft, Label, Labeller, Saved, Scope, ToolCall, Usage
from cacheback.store.memory import MemoryStore
from cacheback.store.sqlite import SQLiteStore
from cacheback.testing.store_contract import draft, vector_of

texts = st.text(max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
answers = st.builds(
    Answer,
    text=texts,
    tool_calls=st.tuples() | st.tuples(st.builds(ToolCall, texts, texts, texts)),
    reasoning=st.none() | texts,
    usage=st.none() | st.builds(Usage, st.integers(0), st.integers(0)),
    format=texts,
    raw=st.none() | st.dictionaries(texts, json_values, max_size=3),
)
scopes = st.sampled_from(
    [
        Scope("a", {"tenant": "x", "n": 1}),
        Scope("b", {"tenant": "x", "n": 1.0, "more": None}),
        Scope("c", {"tenant": "y", "n": True}),
        Scope("d", {}),
    ]
)
times = st.floats(0, 10).map(lambda t: round(t, 1))
tags = st.sampled_from(["s", "t", "ü", ""])
questions = st.sampled_from(["Straße", "STRASSE", "a_b%", "A\x00", "why?", "Why not?"])
provenances = st.sampled_from(["upstream", "import", "manual"])
ids = st.integers(0, 40)


@st.composite
def drafts(pick: Callable[[Any], Any]) -> Draft:
    provenance = pick(st.just("synthesis") | provenances)
    return draft(
        pick(questions),
        pick(scopes),
        answer=pick(answers),
        created_at=pick(times),
        expires_at=pick(st.none() | times),
        provenance=provenance,
        tags=tuple(pick(st.lists(tags, max_size=3))),
        sources=tuple(pick(st.lists(ids, max_size=2))) if provenance == "synthesis" else (),
        vector=pick(st.none() | st.just(vector_of(1, 0)) | st.just(vector_of(0, 1))),
        seconds=pick(st.none() | times),
    )


selections = st.builds(
    Selection,
    ids=st.none() | st.lists(ids, max_size=5).map(tuple),
    tags=st.lists(tags, max_size=2).map(tuple),
    scope=st.none() | st.sampled_from(["a", "b", "none"]),
    parts=st.dictionaries(
        st.sampled_from(["tenant", "n", "more", 'odd".name']),
        st.sampled_from(["x", "y", 1, 1.0, True, None]),
        max_size=2,
    ),
    text=st.none() | st.sampled_from(["ss", "WHY", "_", "%", "\x00", ""]),
    provenance=st.none() | provenances,
    created_before=st.none() | times,
    expired_at=st.none() | times,
)
negatives = st.builds(
    NegativeDraft,
    pattern=questions,
    digest=questions.map(pattern_digest),
    reason=texts,
    namespace=st.none() | st.just("n"),
    created_at=times,
    expires_at=st.none() | times,
    vector=st.none() | st.just(vector_of(1, 0)),
)
reports = st.builds(Report, times, st.none() | texts)
judgements = st.builds(
    JudgementDraft,
    at=times,
    scope=st.sampled_from("ab"),
    entry_id=ids,
    question=questions | texts,
    question_digest=st.sampled_from("qr"),
    similarity=times,
    probability=st.none() | times,
    served=st.booleans(),
    saved=st.builds(Saved, st.integers(0, 9), st.none() | times, times),
    label=st.none() | st.sampled_from(["right", "wrong"]),
    labelled_by=st.none() | st.sampled_from(["person", "answers", "model"]),
)
lessons = st.builds(
    Lesson,
    at=times,
    pair=st.sampled_from([pair_digest(one, "") for one in "abc"]),
    scope=st.sampled_from("ab"),
    entry_id=ids,
    right=st.booleans(),
    by=st.sampled_from(["person", "answers", "model"]),
    score=st.none() | times,
    paid=st.booleans(),
)
narrow = st.one_of(
    st.lists(ids, max_size=4).map(lambda some: Selection(ids=tuple(some))),
    st.builds(lambda tag: Selection(tags=(tag,)), tags),
    selections,
)


class Stores(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.fast: Store = SQLiteStore(self.directory)
        self.plain: Store = MemoryStore()
        self.seq = 0

    def teardown(self) -> None:
        self.fast.close()
        shutil.rmtree(self.directory)

    def both(self, use: Callable[[Store], Any]) -> None:
        """Whatever the one returns or raises, the other does."""
        assert outcome(use, self.fast) == outcome(use, self.plain)

    @rule(batch=st.lists(drafts(), max_size=5))
    def put(self, batch: list[Draft]) -> None:
        self.both(lambda store: store.put(batch))

    @rule(selection=narrow)
    def remove(self, selection: Selection) -> None:
        self.both(lambda store: store.remove(selection))

    @rule(most=st.integers(0, 12), now=times)
    def evict(self, most: int, now: float) -> None:
        self.both(lambda store: store.evict(most, now))

    @rule(
        uses=st.dictionaries(ids, st.builds(Use, st.integers(1, 3), times), max_size=5),
        counters=st.dictionaries(st.sampled_from("hm"), st.integers(0, 5), max_size=2),
    )
    def record(self, uses: dict[int, Use], counters: dict[str, float]) -> None:
        self.both(lambda store: store.record(uses, counters))

    @rule(
        vectors=st.lists(st.tuples(ids, st.none() | st.just(vector_of(1, 1))), max_size=4),
        meta=st.dictionaries(st.sampled_from("ab"), st.none() | st.just("x"), max_size=2),
    )
    def replace_vectors(
        self, vectors: list[tuple[int, bytes | None]], meta: dict[str, str | None]
    ) -> None:
        self.both(lambda store: store.replace_vectors(vectors, meta))

    @rule(draft=negatives)
    def block(self, draft: NegativeDraft) -> None:
        self.both(lambda store: store.negatives.add(draft))

    @rule(negative_id=ids, report=reports)
    def report(self, negative_id: int, report: Report) -> None:
        self.both(lambda store: store.negatives.report(negative_id, report))

    @rule(negative_id=ids, now=times)
    def unblock(self, negative_id: int, now: float) -> None:
        self.both(lambda store: store.negatives.remove(negative_id))
        self.both(lambda store: store.negatives.evict(now))

    @rule(
        judged=st.lists(judgements, max_size=4),
        taught=st.lists(lessons, max_size=3),
        keep=st.integers(0, 8),
        wait=st.booleans(),
    )
    def learn(
        self, judged: list[JudgementDraft], taught: list[Lesson], keep: int, wait: bool
    ) -> None:
        self.both(lambda store: store.learned.add(judged, taught, keep=keep, wait=wait))

    @rule(
        wanted=st.lists(ids, max_size=4),
        label=st.sampled_from(["right", "wrong"]),
        by=st.sampled_from(["person", "answers", "model"]),
    )
    def label(self, wanted: list[int], label: Label, by: Labeller) -> None:
        self.both(lambda store: store.learned.label(wanted, label, by))

    @rule(
        entry_id=st.none() | ids,
        digest=st.none() | st.sampled_from("qr"),
        since=times,
        limit=st.none() | st.integers(0, 4),
        after=ids,
    )
    def look_back(
        self, entry_id: int | None, digest: str | None, since: float, limit: int | None, after: int
    ) -> None:
        self.both(
            lambda store: store.learned.judgements(
                entry_id=entry_id, question_digest=digest, since=since, limit=limit
            )
        )
        self.both(lambda store: store.learned.read(after))

    @rule(selection=selections, after=ids, limit=st.none() | st.integers(0, 4))
    def select(self, selection: Selection, after: int, limit: int | None) -> None:
        self.both(lambda store: store.select(selection, after=after, limit=limit))
        self.both(lambda store: store.count(selection))

    @rule(wanted=st.lists(ids, max_size=6))
    def get(self, wanted: list[int]) -> None:
        self.both(lambda store: store.get(wanted))
        self.both(lambda store: store.vectors("a", wanted))

    @rule()
    def follow(self) -> None:
        """One removal may tell of its entries in any order."""
        self.both(lambda store: changed_ids(store, self.seq))
        self.seq = self.plain.changes(-1).seq

    @rule()
    def reopen(self) -> None:
        self.fast.close()
        self.fast = SQLiteStore(self.directory)

    @invariant()
    def they_show_the_same(self) -> None:
        self.both(lambda store: store.select(Selection()))
        self.both(lambda store: replace(store.stats(), bytes=0))
        self.both(lambda store: [store.meta(key) for key in "ab"])
        self.both(lambda store: store.scopes(10))
        self.both(lambda store: [store.vectors(scope) for scope in "abcd"])
        self.both(lambda store: [store.vector_count(scope) for scope in "abcd"])
        self.both(lambda store: [store.scope_parts(scope) for scope in "abcd"])
        self.both(lambda store: store.negatives.read()[1])
        self.both(lambda store: store.learned.judgements())
        self.both(lambda store: store.learned.read(0))
        self.both(lambda store: store.changes(-1).lessons)
        self.both(lambda store: store.check())
        assert self.fast.check() == []


def outcome(use: Callable[[Store], Any], store: Store) -> Any:
    try:
        return use(store)
    except CachebackError as error:
        return type(error)


def changed_ids(store: Store, since: int) -> tuple[int, Any]:
    changes = store.changes(since)
    assert changes.changes is not None
    return changes.seq, sorted(
        (change.kind, change.entry_id, change.scope, change.question_digest)
        for change in changes.changes
    )


Stores.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
TestStores = Stores.TestCase
