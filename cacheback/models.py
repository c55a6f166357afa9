"""The words of the project as frozen dataclasses; no behaviour beyond what a word means.

Nothing here does I/O, reads a clock or knows another module. Times are Unix seconds (UTC),
durations seconds, money US dollars; vectors are `dim` little-endian float16 values as bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from cacheback.core.flight import Recording
    from cacheback.core.ports import Voice

# Any JSON value. A recursive alias would be exact, but every `json.loads` would need a cast.
JSON: TypeAlias = Any

Provenance = Literal["upstream", "synthesis", "import", "manual"]
Mode = Literal["default", "refresh", "bypass", "only-if-cached", "shadow"]
Label = Literal["right", "wrong"]
Labeller = Literal["person", "answers", "model"]
NegativeState = Literal["active", "review"]
SynthesisMode = Literal["off", "auto", "always"]


class Tier(StrEnum):
    """Who answered."""

    NEGATIVE = "negative"
    EXACT = "exact"
    SEMANTIC = "semantic"
    SYNTHESIS = "synthesis"
    UPSTREAM = "upstream"


class Reason(StrEnum):
    """Why an entry was served or not: the one list of names that logs, headers and the CLI show."""

    # served
    SAME_TEXT = "same_text"
    ABOVE_THRESHOLD = "above_threshold"
    SAME_FLIGHT = "same_flight"
    SYNTHESIZED = "synthesized"
    REPORTED_RIGHT = "reported_right"
    # not served: nothing near enough
    EMPTY = "empty"
    BELOW_THRESHOLD = "below_threshold"
    EXPIRED = "expired"
    # not served: a guard saw a difference in meaning
    NUMBER_DIFFERS = "number_differs"
    NEGATION_DIFFERS = "negation_differs"
    DIRECTION_DIFFERS = "direction_differs"
    COMPARISON_DIFFERS = "comparison_differs"
    OPPOSITE = "opposite"
    TIME_DIFFERS = "time_differs"
    NAME_DIFFERS = "name_differs"
    FORM_DIFFERS = "form_differs"
    MEANING_DIFFERS = "meaning_differs"
    # not served: somebody said so, or it is not sure enough for the bound on errors
    REPORTED_WRONG = "reported_wrong"
    ERROR_BOUND = "error_bound"
    # it would be served, but nothing is in shadow mode
    SHADOW = "shadow"
    # not served as it is: answers are to be written from the near entries
    SYNTHESIS_ALWAYS = "synthesis_always"
    # synthesis was tried, and upstream answered
    SYNTHESIS_REFUSED = "synthesis_refused"
    SYNTHESIS_EMPTY = "synthesis_empty"
    SYNTHESIS_MALFORMED = "synthesis_malformed"
    SYNTHESIS_CUT = "synthesis_cut"
    SYNTHESIS_TIMEOUT = "synthesis_timeout"
    SYNTHESIS_FAILED = "synthesis_failed"
    # only the exact tier may answer
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"
    NO_QUESTION = "no_question"
    TOOLS_EXACT_ONLY = "tools_exact_only"
    STRUCTURED_EXACT_ONLY = "structured_exact_only"
    CHOICES_EXACT_ONLY = "choices_exact_only"
    LOGPROBS_EXACT_ONLY = "logprobs_exact_only"
    EMBEDDING_EXACT_ONLY = "embedding_exact_only"
    SAMPLING_EXACT_ONLY = "sampling_exact_only"
    # not cached at all
    STATEFUL = "stateful"
    BYPASSED = "bypassed"
    REFRESHED = "refreshed"
    DISABLED = "disabled"
    # blocked: neither asked nor answered
    BLOCKED = "blocked"
    # a part failed: a miss
    STORE_FAILED = "store_failed"
    EMBEDDER_FAILED = "embedder_failed"
    INDEX_FAILED = "index_failed"
    JUDGE_FAILED = "judge_failed"
    SCOPE_FAILED = "scope_failed"
    WIRE_FAILED = "wire_failed"
    OBSERVER_FAILED = "observer_failed"
    LEARNING_FAILED = "learning_failed"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a call was billed for, and their cost where the model's price is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None

    @property
    def total(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool that the model asks for. `arguments` is the JSON text as it was sent."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole: in a neutral form, and the provider's own JSON in `raw`.

    `format` names the wire codec that understands `raw` (such as `openai.chat`), or is "" when
    there is only text.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    provider: str | None = None
    format: str = ""
    raw: Mapping[str, JSON] | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything that must be equal before meaning is compared.

    `parts` maps a part's name to its JSON value, after the rules for parts were applied;
    `digest` is the SHA-256 (64 hexadecimal digits) over their canonical form.
    """

    digest: str
    parts: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that is not stored yet, hence without an id.

    `vector` is None for an entry that only the exact tier may serve. `seconds` is how long the
    upstream call took, for telling what a hit saves.
    """

    question: str
    question_digest: str
    scope: Scope
    answer: Answer
    created_at: float
    expires_at: float | None
    provenance: Provenance = "manual"
    tags: tuple[str, ...] = ()
    sources: tuple[int, ...] = ()
    vector: bytes | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A cached question and its answer, as the store returns it.

    `scope` is the scope's digest; `Store.scope_parts` gives the parts. `hits` and `last_used_at`
    are written behind in batches, so they may lag by a few seconds.
    """

    id: int
    question: str
    question_digest: str
    scope: str
    answer: Answer
    created_at: float
    expires_at: float | None
    last_used_at: float
    hits: int = 0
    provenance: Provenance = "manual"
    tags: tuple[str, ...] = ()
    sources: tuple[int, ...] = ()
    seconds: float | None = None

    def expired(self, now: float) -> bool:
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class Verdict:
    """Serve or not, with a named reason and, where it helps a person, what was seen.

    `probability` (0 to 1) is how likely one answer is right for both questions, by a judge that
    tells it.
    """

    serve: bool
    reason: Reason
    detail: str = ""
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A near entry, how near (cosine, -1 to 1), and what the judge said of it."""

    entry: Entry
    similarity: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Saved:
    """What a hit spared the caller. `money` is None when the model's price is not known."""

    tokens: int = 0
    money: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Controls:
    """What one request may ask of the cache; None means the cache's own setting.

    `feedback` is the caller's word on what memory answers to this very request.
    """

    mode: Mode = "default"
    ttl: float | None = None
    threshold: float | None = None
    namespace: str | None = None
    tags: tuple[str, ...] = ()
    feedback: Label | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed call: the question, the raw parts of its scope, and what policy must know.

    `parts` are as the codec or adapter found them; the rules for parts are applied later. `limits`
    are the reasons the codec found for the exact tier only or for no caching at all, in the order
    in which they should be named. `payload` is whatever `Send` needs to call upstream, `patience`
    how many seconds the caller would wait for it. `stream` tells that the caller reads the answer
    while it arrives, `manner` what it wants of the stream's form (only those who want the same read
    one stream together), `asynchronous` that it reads on an event loop; `voice` makes what tells it
    a text that is still being written (without it, such a text is told once it is whole).
    `repeatable` tells that upstream may be called although memory has answered, without anybody's
    noticing.
    """

    question: str
    parts: Mapping[str, JSON] = field(default_factory=dict)
    limits: tuple[Reason, ...] = ()
    controls: Controls = Controls()
    temperature: float | None = None
    payload: object = None
    patience: float | None = None
    stream: bool = False
    manner: JSON = None
    asynchronous: bool = False
    voice: Callable[[Outcome], Voice] | None = None
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Negative:
    """A blocked pattern: questions that match it are not to be answered.

    `reason` is what the person who blocked it wrote. `threshold` is its own bar (cosine):
    `negative_threshold`, raised by every report of a question that it caught by mistake. `reports`
    counts these; after three of them its state is `review`, and it blocks nothing any more.
    """

    id: int
    pattern: str
    reason: str
    namespace: str | None
    created_at: float
    expires_at: float | None
    threshold: float
    reports: int = 0
    state: NegativeState = "active"

    def expired(self, now: float) -> bool:
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class NegativeMatch:
    """A blocked pattern that a question matches, how near it is (cosine), and its reason.

    `rule` says how it was recognised: `exact` is the same text but for case, spaces and the signs
    at its ends; `semantic` is near enough; `contained` is a little less near, but all or most of
    the question's words stand in the pattern.
    """

    entry: Negative
    similarity: float
    reason: str
    query: str
    rule: Literal["exact", "semantic", "contained"]


NegativeHandler: TypeAlias = Callable[
    [NegativeMatch, Request], "Answer | str | Awaitable[Answer | str | None] | None"
]
"""Decides about a blocked question: an answer in its stead, None to let it pass, or it raises."""

OnNegativeHit: TypeAlias = Literal["raise", "skip"] | NegativeHandler


@dataclass(frozen=True, slots=True)
class Reply:
    """What upstream sent: the caller's own `native` response, and the answer if it was whole.

    `failed` tells an error from a success that merely may not be stored; `seconds` is how long
    the call took. `answers` are those of a batch. Of a stream that is still arriving, `native` can
    be read, and `recording` is how others can join it.
    """

    native: Any
    answer: Answer | None = None
    failed: bool = False
    seconds: float | None = None
    recording: Recording | None = None
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer, who gave it and why.

    `answer` is None where memory alone was asked and nothing may answer, or where upstream's was
    not whole. `similarity` is the cosine of the served (or, on a miss, the nearest) entry; `age`
    is seconds since it was stored; `reply` is upstream's, where upstream was called. `sources` are
    the ids of the entries from which a synthesis was written, `writer` the model that writes it.
    `candidate` is the entry that was served by meaning, that would have been (in shadow mode, or
    exactly), or that was the nearest of those which the judge refused. As text it is the answer.
    """

    answer: Answer | None
    tier: Tier
    verdict: Verdict
    similarity: float | None = None
    entry: Entry | None = None
    age: float | None = None
    saved: Saved = Saved()
    reply: Reply | None = None
    sources: tuple[int, ...] = ()
    writer: str | None = None
    candidate: Candidate | None = None

    @property
    def synthesized(self) -> bool:
        """Whether the answer was written from others: just now, or when it was stored."""
        return bool(self.sources)

    @property
    def model(self) -> str | None:
        """The model that wrote the answer, as far as it is known yet."""
        return self.writer or (self.answer.model if self.answer else None)

    def __str__(self) -> str:
        return "" if self.answer is None else self.answer.text


@dataclass(frozen=True, slots=True)
class Hit:
    """What `lookup` found. True, and as text it is the answer.

    `entry` is None where the answer is not stored: where `on_negative_hit` gave it.
    """

    answer: Answer
    tier: Tier
    verdict: Verdict
    similarity: float
    entry: Entry | None
    age: float
    saved: Saved

    def __str__(self) -> str:
        return self.answer.text


@dataclass(frozen=True, slots=True)
class Difference:
    """A part in which two scopes differ: an excerpt of each side around the first difference."""

    part: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The same question, answered in another scope, and what that scope has different."""

    entry: Entry
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a question would be served or not, without serving it.

    `tier` is who would answer from memory, or None; `verdict` the reason. `candidates` are the
    nearest entries of the scope with the judge's word on each, `sources` those from which synthesis
    would be tried.
    """

    question: str
    scope: Scope
    tier: Tier | None
    verdict: Verdict
    candidates: tuple[Candidate, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    sources: tuple[Candidate, ...] = ()

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A question that was served by meaning, or would have been, and what became known of it.

    `served` is False where it only would have been: in shadow mode. `label` says whether the
    entry's answer was right for the question, `labelled_by` who says so: a person, a comparison
    of the two answers, or a model that compared them; both are None while nobody has looked.
    `saved` is what the hit saved, less what checking it cost; or what it would have saved.
    """

    id: int
    at: float
    scope: str
    entry_id: int
    question: str
    other: str
    similarity: float
    probability: float | None
    served: bool
    saved: Saved = Saved()
    label: Label | None = None
    labelled_by: Labeller | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a tier's calls of a model cost; `money` as far as prices and tokens are known."""

    calls: int = 0
    tokens: int = 0
    money: float = 0.0


@dataclass(frozen=True, slots=True)
class Shadow:
    """What memory would have served while shadow mode let upstream answer everything.

    `hits` is by tier, `saved` what they would have saved.
    """

    hits: Mapping[str, int] = field(default_factory=dict)
    misses: int = 0
    saved: Saved = Saved()

    @property
    def lookups(self) -> int:
        return sum(self.hits.values()) + self.misses

    @property
    def hit_rate(self) -> float:
        """What would have come from memory per lookup, 0 to 1."""
        return sum(self.hits.values()) / self.lookups if self.lookups else 0.0


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of a cache since its directory was made; counters lag by a few seconds at most.

    `hits` is by tier, `misses` by reason, `faults` by the part that failed; `bytes` is the size
    on disk. `negatives` counts the blocked patterns, `blocked` the questions that matched one, by
    what was done: `raised`, `skipped`, `answered` or `passed`. `synthesis` counts by reason
    the attempts after which upstream answered, `spent` is by tier (`synthesis`; `upstream`, of
    answers that were stored; `audit`, of calls that only checked a hit; `referee`, of the model
    that compared two answers). `saved` is less what all but `upstream` cost. `shadow` is what would
    have been served in shadow mode, apart from `hits`, `misses` and `saved`.
    """

    entries: int
    scopes: int
    bytes: int
    hits: Mapping[str, int]
    misses: Mapping[str, int]
    faults: Mapping[str, int]
    saved: Saved
    negatives: int = 0
    blocked: Mapping[str, int] = field(default_factory=dict)
    synthesis: Mapping[str, int] = field(default_factory=dict)
    spent: Mapping[str, Spent] = field(default_factory=dict)
    shadow: Shadow = Shadow()

    @property
    def lookups(self) -> int:
        return sum(self.hits.values()) + sum(self.misses.values())

    @property
    def hit_rate(self) -> float:
        """Answers from memory per lookup, 0 to 1; a new synthesis is none."""
        written = self.hits.get(Tier.SYNTHESIS, 0)
        return (sum(self.hits.values()) - written) / self.lookups if self.lookups else 0.0
