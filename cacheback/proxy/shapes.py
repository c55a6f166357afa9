"""The JSON of the admin API, as its OpenAPI document describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cacheback.core.feedback import Feedback
from cacheback.core.reporting import Bin, Doubtful, Report, Score, Side
from cacheback.models import Candidate, Entry, Label, Negative, Stats

# What SQLite can number.
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Text = Annotated[str, Field(min_length=1, max_length=8_192)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Seconds = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]


class StatsShape(BaseModel):
    """Figures since the directory was made, of all processes that share it."""

    entries: int
    scopes: int
    bytes: int
    lookups: int
    hit_rate: float
    hits: Mapping[str, int]
    misses: Mapping[str, int]
    faults: Mapping[str, int]
    negatives: int
    blocked: Mapping[str, int]
    saved_tokens: int
    saved_money: float | None
    saved_seconds: float

    @classmethod
    def of(cls, stats: Stats) -> StatsShape:
        return cls(
            entries=stats.entries,
            scopes=stats.scopes,
            bytes=stats.bytes,
            lookups=stats.lookups,
            hit_rate=stats.hit_rate,
            hits=stats.hits,
            misses=stats.misses,
            faults=stats.faults,
            negatives=stats.negatives,
            blocked=stats.blocked,
            saved_tokens=stats.saved.tokens,
            saved_money=stats.saved.money,
            saved_seconds=stats.saved.seconds,
        )


class MinuteShape(BaseModel):
    """How many requests each tier answered in the minute that began at `at` (Unix seconds)."""

    at: int
    tiers: Mapping[str, int]


class EntryShape(BaseModel):
    """A cached question and its answer. Times are Unix seconds."""

    id: int
    question: str
    answer: str
    tool_calls: list[str]
    model: str | None
    created_at: float
    expires_at: float | None
    last_used_at: float
    hits: int
    tags: list[str]
    provenance: str
    sources: list[int]
    scope: str
    parts: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, entry: Entry, parts: Mapping[str, Any] | None = None) -> EntryShape:
        return cls(
            id=entry.id,
            question=entry.question,
            answer=entry.answer.text,
            tool_calls=[f"{call.name}({call.arguments})" for call in entry.answer.tool_calls],
            model=entry.answer.model,
            created_at=entry.created_at,
            expires_at=entry.expires_at,
            last_used_at=entry.last_used_at,
            hits=entry.hits,
            tags=list(entry.tags),
            provenance=entry.provenance,
            sources=list(entry.sources),
            scope=entry.scope,
            parts=parts,
        )


class EntriesShape(BaseModel):
    """A page of entries, and how many there are in all that fit."""

    total: int
    entries: list[EntryShape]


class CandidateShape(BaseModel):
    """A near entry, its cosine, and what the judge says of it."""

    entry: EntryShape
    similarity: float
    serve: bool
    reason: str
    detail: str

    @classmethod
    def of(cls, one: Candidate) -> CandidateShape:
        return cls(
            entry=EntryShape.of(one.entry),
            similarity=one.similarity,
            serve=one.verdict.serve,
            reason=one.verdict.reason.value,
            detail=one.verdict.detail,
        )


class Told(BaseModel):
    """What a client says. A misspelt field is refused: without it more might be done than meant."""

    model_config = ConfigDict(extra="forbid")


class Invalidation(Told):
    """Which entries to delete: all conditions that are given must hold, and one must be."""

    tags: list[Name] = []
    scope: Mapping[str, Any] = {}
    namespace: Name | None = None
    older_than: Seconds | None = None
    dry_run: bool = False


class Invalidated(BaseModel):
    """How many entries were deleted, or would be."""

    count: int
    dry_run: bool


class Opinion(Told):
    """That an entry's answer is wrong for a question, or right; without one, for the last question
    that it was served for by meaning."""

    entry: Id
    label: Label
    question: Text | None = None


class FeedbackShape(BaseModel):
    """What was learned: of the `question` and the entry's own, `other`.

    `judgements` is how many known hits are labelled so now; `own` tells that both are the same
    text, `deleted` that the entry was deleted for that.
    """

    entry_id: int
    label: Label
    question: str
    other: str
    judgements: int
    own: bool
    deleted: bool

    @classmethod
    def of(cls, one: Feedback) -> FeedbackShape:
        return cls(**asdict(one))


class SideShape(BaseModel):
    """What memory did, or in shadow mode would have done, since the directory was made.

    With `since` there are no misses, and hits and savings are those by meaning. Of hits by meaning
    `compared` were compared with upstream's answer, and `wrong` of them were, a share of
    `wrong_rate`, which lies between `wrong_low` and `wrong_high` (95 %).
    """

    hits: Mapping[str, int]
    misses: int | None
    hit_rate: float | None
    saved_tokens: int
    saved_money: float | None
    saved_seconds: float
    compared: int
    wrong: int
    wrong_rate: float | None
    wrong_low: float
    wrong_high: float

    @classmethod
    def of(cls, side: Side) -> SideShape:
        return cls(
            hits=side.hits,
            misses=side.misses,
            hit_rate=side.hit_rate,
            saved_tokens=side.saved.tokens,
            saved_money=side.saved.money,
            saved_seconds=side.saved.seconds,
            compared=side.errors.compared,
            wrong=side.errors.wrong,
            wrong_rate=side.errors.rate,
            wrong_low=side.errors.low,
            wrong_high=side.errors.high,
        )


class ReportShape(BaseModel):
    """How often memory is right, and what it saves, or would; see `SideShape`.

    `reported` counts persons' reports by label; `pairs` are most worth a look; `bins` are hits by
    meaning over `score`, by what is known of them.
    """

    since: float | None
    shadow: SideShape
    served: SideShape
    reported: Mapping[Label, int]
    pairs: list[Doubtful]
    score: Score
    bins: list[Bin]

    @classmethod
    def of(cls, one: Report) -> ReportShape:
        return cls(
            since=one.since,
            shadow=SideShape.of(one.shadow),
            served=SideShape.of(one.served),
            reported=one.said,
            pairs=list(one.pairs),
            score=one.score,
            bins=list(one.bins),
        )


class Pattern(Told):
    """A question to block, and those that ask the same."""

    pattern: Text
    reason: Annotated[str, Field(max_length=1_024)] = ""
    ttl: Annotated[float, Field(gt=0, le=1e10, allow_inf_nan=False)] | None = None
    namespace: Name | None = None


class FalsePositive(Told):
    """The question that a pattern has caught by mistake; without it, the last one it caught."""

    text: Text | None = None


class NegativeShape(BaseModel):
    """A blocked pattern; `threshold` is its own bar (cosine), raised by every report."""

    id: int
    pattern: str
    reason: str
    namespace: str | None
    created_at: float
    expires_at: float | None
    threshold: float
    reports: int
    state: str

    @classmethod
    def of(cls, one: Negative) -> NegativeShape:
        return cls(
            id=one.id,
            pattern=one.pattern,
            reason=one.reason,
            namespace=one.namespace,
            created_at=one.created_at,
            expires_at=one.expires_at,
            threshold=one.threshold,
            reports=one.reports,
            state=one.state,
        )
