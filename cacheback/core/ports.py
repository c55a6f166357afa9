"""What the engine needs from the outside world, as protocols.

What may live here: interfaces whose docstrings are promises, and the few shapes they exchange.
What it may not know: SQLite, numpy arrays' makers, models, files. Every part is synchronous,
thread-safe, and free to raise: the engine turns an error into a counted miss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from cacheback.models import (
    JSON,
    Draft,
    Entry,
    Judgement,
    Label,
    Labeller,
    Provenance,
    Reason,
    Reply,
    Saved,
    Tier,
    Usage,
    Verdict,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cacheback.core.synthesis import Prompt, Telling

    Vector = NDArray[np.float32]
    """Unit length, shape (dim,), float32."""
    Vectors = NDArray[np.float32]
    """Unit-length rows, shape (n, dim), float32."""
    Ids = NDArray[np.int64]
    """Entry ids, shape (n,), int64."""


class Embedder(Protocol):
    """Turns a question into a unit vector. Two equal texts always give the same vector.

    `name` and `dim` name the vector space, `modality` is what it reads (`text`), `fingerprint` is
    the SHA-256 of the model's file, or "" when there is none.
    """

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def modality(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...

    def encode(self, text: str) -> Vector:
        """One text → shape (dim,), float32, unit length."""
        ...

    def encode_batch(self, texts: Sequence[str]) -> Vectors:
        """n texts → shape (n, dim), float32, unit length, in the order given."""
        ...

    def blind_to(self, text: str) -> Reason | None:
        """Why this text must not be compared by meaning (`TOO_LONG`, `UNREADABLE`), or None.

        A text that the model sees only in part could be served another's answer.
        """
        ...


class Index(Protocol):
    """Nearest vectors among those of one scope."""

    def __len__(self) -> int: ...

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add or replace vectors by id."""
        ...

    def remove(self, ids: Ids) -> None:
        """Remove ids; unknown ones are passed over. A removed id is never found again."""
        ...

    def search(self, vector: Vector, k: int) -> list[tuple[int, float]]:
        """At most k (id, cosine) pairs, nearest first; fewer when there are fewer."""
        ...


class Catalog(Protocol):
    """The indexes of all scopes, loaded from the store when they are first asked for."""

    def nearest(self, scope: str, vector: Vector, k: int) -> list[tuple[int, float]]:
        """At most k (entry id, cosine) pairs of this scope and no other, nearest first."""
        ...

    def apply(self, changes: Iterable[Change]) -> None:
        """Follow what anybody wrote to the store; applying a change twice is harmless."""
        ...

    def forget(self) -> None:
        """Drop everything in memory; it is loaded from the store again when asked for."""
        ...

    def close(self) -> None:
        """Stop background work and keep what is worth keeping on disk. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Pair:
    """A question asked now, a question answered before, and how near they are (cosine).

    `threshold` is the cosine from which the judge may serve, `at_least` the probability from which
    one that tells a probability does; None leaves that to the judge.
    """

    question: str
    other: str
    similarity: float
    threshold: float
    at_least: float | None = None


class Judge(Protocol):
    """Decides whether the answer to `pair.other` may be served for `pair.question`."""

    def judge(self, pair: Pair) -> Verdict:
        """Serve only when one answer is right for both questions."""
        ...


@runtime_checkable
class Synthesizer(Protocol):
    """A model that writes an answer as a prompt demands; `model` is its name, as prices know it.

    It may also have `provider` (text or None: whose prices count) and `awrite` (like `write`, an
    asynchronous iterator, which is preferred on an event loop).
    """

    @property
    def model(self) -> str: ...

    def write(self, prompt: Prompt) -> Iterable[str]:
        """The reply, piece by piece as it comes; called in a thread of its own.

        Once it is exhausted the iterable may have `usage` (a `Usage`) and `finish_reason` (one of
        `synthesis.WHOLE`, or None, where the reply was whole). If it has `close()`, that is called.
        """
        ...


class Writing(Protocol):
    """What a model is writing, for a thread or for an event loop.

    `piece()` is the next piece or None at the end, on an event loop as an awaitable; see
    `plan.Read`. Until `decided` is set its time limit is for all pieces together, then for each.
    `seconds` since it began, until its end; `usage` and `finish_reason` are known at the end.
    """

    decided: bool

    @property
    def usage(self) -> Usage | None: ...
    @property
    def finish_reason(self) -> str | None: ...
    @property
    def seconds(self) -> float: ...

    def piece(self) -> Any: ...

    def stream(self, telling: Telling, sources: tuple[int, ...]) -> Reply:
        """What tells the rest as a stream that others may join."""
        ...

    def abandon(self) -> None:
        """Nobody reads on. Does not wait; idempotent."""
        ...


class Writer(Protocol):
    """Opens what a synthesizer writes, in either colour; what it raises is raised by `piece`."""

    @property
    def model(self) -> str: ...
    @property
    def provider(self) -> str | None: ...

    def open(self, prompt: Prompt, patience: float | None) -> Writing:
        """Begin to write; `patience` seconds limit its time as the writer's own do."""
        ...

    def aopen(self, prompt: Prompt, patience: float | None) -> Writing:
        """`open` on the running event loop."""
        ...


class Voice(Protocol):
    """Tells a text as a stream while it is still being written; see `wire.codec.Voice`."""

    def opening(self) -> bytes: ...

    def text(self, piece: str) -> bytes: ...

    def closing(self, usage: Usage | None) -> bytes: ...

    def failure(self, message: str) -> bytes: ...


class Tally(Protocol):
    """Counts what happens; written to the store behind the caller's back, in batches."""

    def hit(self, entry_id: int, tier: Tier, saved: Saved, now: float) -> None:
        """One more hit of an entry by this tier, last used now, and what it saved."""
        ...

    def count(self, name: str, amount: float = 1) -> None:
        """Add to a counter that survives restarts."""
        ...


class Notes(Protocol):
    """Takes down decisions and lessons; written to the store behind the caller's back, in batches.

    A killed process loses what was not written yet: statistics, and no person's word.
    """

    def judgement(self, draft: JudgementDraft, *, quietly: bool = False) -> None:
        """Take it down; `quietly` without writing a batch, where that could be in the middle of
        anything: while garbage is collected, or somebody is cancelled."""
        ...

    def lesson(self, lesson: Lesson) -> None: ...

    def record(self, *, wait: bool = True) -> None:
        """Write what was noted, as somebody wants to read it; raises StoreError."""
        ...


class Faults(Protocol):
    """Where the error of a failing part goes when the call must not fail with it."""

    def report(self, part: Reason, error: Exception) -> None:
        """Count it, and log the first of its kind."""
        ...


ChangeKind = Literal["added", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that was added to the store or removed from it, by anybody."""

    kind: ChangeKind
    entry_id: int
    scope: str
    question_digest: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What was written after a point in the change sequence.

    `seq` is the point reached. `changes` is None when the log no longer reaches back far enough:
    the reader must forget what it holds and read again. `negatives` is the point that blocked
    patterns have reached, see `Negatives.read`; `lessons` is the id of the newest lesson.
    """

    seq: int
    changes: tuple[Change, ...] | None
    negatives: int = 0
    lessons: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """Hits of one entry since they were last recorded."""

    hits: int
    last_used_at: float


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries: all conditions must hold; an unset one always does.

    `tags` matches entries with any of them, `parts` scopes in which each named part equals the
    given value, `text` questions that contain it (case-insensitive), `created_before` and
    `expired_at` are Unix seconds.
    """

    ids: tuple[int, ...] | None = None
    tags: tuple[str, ...] = ()
    scope: str | None = None
    parts: Mapping[str, JSON] = field(default_factory=dict)
    question_digest: str | None = None
    text: str | None = None
    provenance: Provenance | None = None
    created_before: float | None = None
    expired_at: float | None = None


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Figures of a store; `bytes` is its size on disk (0 in memory), `negatives` of patterns."""

    entries: int
    scopes: int
    bytes: int
    counters: Mapping[str, float]
    negatives: int = 0


@dataclass(frozen=True, slots=True)
class NegativeDraft:
    """A pattern that is to be blocked, not stored yet.

    `digest` is what must be equal for the same pattern (`core.negative.pattern_digest`);
    `vector` is None where only the same text is to be caught.
    """

    pattern: str
    digest: str
    reason: str
    namespace: str | None
    created_at: float
    expires_at: float | None
    vector: bytes | None


@dataclass(frozen=True, slots=True)
class Report:
    """A question that a pattern caught by mistake; all but the time is None if it is not known."""

    created_at: float
    text: str | None = None
    vector: bytes | None = None


@dataclass(frozen=True, slots=True)
class HeldNegative:
    """A blocked pattern as it is stored, with the reports on it, oldest first."""

    id: int
    draft: NegativeDraft
    reports: tuple[Report, ...] = ()


class Negatives(Protocol):
    """The blocked patterns of a store. Fails as the store does; what returned is kept.

    There is one pattern per namespace and digest: adding another replaces the first, with the
    reports on it, under a new id. Ids only ever grow. Every write is seen by `Store.changed` and
    moves the point that `Store.changes` tells.
    """

    def add(self, draft: NegativeDraft) -> int:
        """Block a pattern; returns its id. Patterns expired at its `created_at` are removed."""
        ...

    def read(self) -> tuple[int, list[HeldNegative]]:
        """The point reached (0: nothing was ever blocked), and all patterns by ascending id,
        expired or not."""
        ...

    def report(self, negative_id: int, report: Report) -> bool:
        """Add a report to a pattern; False when there is no such pattern."""
        ...

    def remove(self, negative_id: int) -> bool:
        """Remove a pattern and the reports on it; False when there is none."""
        ...

    def evict(self, now: float) -> int:
        """Remove what expired before or at `now`; returns how many."""
        ...

    def replace_vectors(
        self, vectors: Sequence[tuple[int, bytes | None, Sequence[bytes | None]]]
    ) -> None:
        """For each id, the pattern's vector and those of the reports on it, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned about one pair of questions: whether one answer is right for both.

    `pair` is a digest of both questions (`core.learning.pair_digest`); no text is kept. `by` says
    who taught it. `score` is the judge's probability, None from a judge that tells none; `paid` is
    True where the answer was fetched to learn this, False where it had to be fetched anyway: of
    pairs that are served only those are known, so they stand for many.
    """

    at: float
    pair: str
    scope: str
    entry_id: int
    right: bool
    by: Labeller
    score: float | None = None
    paid: bool = False


@dataclass(frozen=True, slots=True)
class JudgementDraft:
    """A `Judgement` that is not stored yet; the other question is the entry's."""

    at: float
    scope: str
    entry_id: int
    question: str
    question_digest: str
    similarity: float
    probability: float | None
    served: bool
    saved: Saved = field(default_factory=Saved)
    label: Label | None = None
    labelled_by: Labeller | None = None


class Learned(Protocol):
    """What a store keeps of decisions by meaning. Fails as the store does.

    *Judgements* hold texts: a log of what was served by meaning or would have been, the oldest
    going first, and each with its entry: whoever deletes an entry deletes what was asked of it.
    *Lessons* hold none and stay; those of persons for ever, others while they are among the last.
    """

    def add(
        self,
        judgements: Sequence[JudgementDraft],
        lessons: Sequence[Lesson],
        *,
        keep: int,
        wait: bool = True,
    ) -> None:
        """Add both in one transaction, judgements of entries that are gone left out.

        At most `keep` judgements remain, and `LESSONS_KEPT` lessons that no person taught.
        Without `wait` it never waits for a lock: StoreLockedError, and nothing was written.
        """
        ...

    def read(self, after: int) -> tuple[int, list[Lesson]]:
        """The id of the newest lesson (0: there was none yet), and those above `after`, oldest
        first."""
        ...

    def judgements(
        self,
        *,
        entry_id: int | None = None,
        question_digest: str | None = None,
        since: float = 0.0,
        limit: int | None = None,
    ) -> list[Judgement]:
        """Those for which all that is given holds, newest first."""
        ...

    def label(self, judgement_ids: Sequence[int], label: Label, by: Labeller) -> None:
        """Note what became known of judgements; ids that are gone are passed over."""
        ...


LESSONS_KEPT = 5_000
"""Lessons that no person taught: 1 MB of them, more than any calibration looks back upon."""


class Store(Protocol):
    """The truth: entries with their vectors, scopes, blocked patterns, counters and meta.

    Every failure is raised as a `StoreError` of the right kind; nothing that was acknowledged
    (returned from `put`) is lost when the process is killed. There is one entry per scope and
    question digest: putting another replaces the first, under a new id. Ids only ever grow.
    """

    @property
    def negatives(self) -> Negatives:
        """The blocked patterns."""
        ...

    @property
    def learned(self) -> Learned:
        """What was decided by meaning, and what became known of it."""
        ...

    def put(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Store drafts in one transaction; either all are kept or none."""
        ...

    def find(self, scope: str, question_digest: str) -> Entry | None:
        """The entry for exactly this question in this scope, expired or not."""
        ...

    def get(self, ids: Sequence[int]) -> list[Entry]:
        """Entries by id, in the order asked for; missing ones are left out."""
        ...

    def select(
        self, selection: Selection, *, after: int = 0, limit: int | None = None
    ) -> list[Entry]:
        """Selected entries with an id above `after`, by ascending id."""
        ...

    def count(self, selection: Selection) -> int: ...

    def remove(self, selection: Selection) -> int:
        """Remove the selected entries, and those synthesised from them; returns how many."""
        ...

    def evict(self, max_entries: int, now: float) -> int:
        """Remove what expired before `now`, then the least recently used above `max_entries`."""
        ...

    def vectors(self, scope: str, ids: Sequence[int] | None = None) -> tuple[list[int], bytes]:
        """Ids and their float16 vectors, joined, of a scope's entries that have one, by id."""
        ...

    def vector_count(self, scope: str) -> int:
        """How many entries of a scope have a vector."""
        ...

    def scope_parts(self, scope: str) -> Mapping[str, JSON] | None:
        """The parts behind a scope's digest, or None when it has no entry."""
        ...

    def scopes(self, limit: int) -> list[str]:
        """Digests of scopes, those with the most entries first."""
        ...

    def changed(self) -> bool:
        """True when anybody but the calling thread may have written since it last asked.

        Costs microseconds; the first call of a thread returns True.
        """
        ...

    def changes(self, since: int) -> Changes:
        """What was written after `since`; pass -1 to learn only the current point."""
        ...

    def record(self, uses: Mapping[int, Use], counters: Mapping[str, float]) -> None:
        """Add to hits and counters in one transaction.

        Never waits for a lock: raises `StoreLockedError` at once, and nothing was written.
        """
        ...

    def stats(self) -> StoreStats: ...

    def meta(self, key: str) -> str | None: ...

    def set_meta(self, values: Mapping[str, str | None]) -> None:
        """Set, or with None delete, several at once."""
        ...

    def rely_on(self, meta: Mapping[str, str | None]) -> None:
        """From now on this object's writes of vectors and its `changes` raise
        EmbedderMismatchError when the meta is not so (None: not set): then somebody has changed
        whose vectors these are."""
        ...

    def replace_vectors(
        self, vectors: Sequence[tuple[int, bytes | None]], meta: Mapping[str, str | None]
    ) -> None:
        """Replace vectors of entries and set meta in one transaction (for re-embedding).

        Not written to the change log: whoever does this sets meta that makes others start anew.
        """
        ...

    def check(self) -> list[str]:
        """Look for damage and inconsistency; an empty list means that all is well."""
        ...

    def close(self) -> None:
        """Close every connection. Idempotent."""
        ...
