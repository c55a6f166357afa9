"""What a decision by meaning costs: reading a pair, asking what was learned of it, a whole lookup.

The judge remembers what it has read, and so each pair here is read once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.figure import Figure, Goal
from benchmarks.measure import Pairs, Stopwatch, Times, in_turns, quiet, side_by_side
from benchmarks.setting import Setting, encode
from cacheback import SemanticCache
from cacheback.core.learning import pair_digest
from cacheback.core.parts import Asked, place
from cacheback.core.ports import Lesson, Pair
from cacheback.core.scope import question_digest
from cacheback.judges.learned import LearnedJudge
from cacheback.models import Entry, Reason, Verdict

_WARM = 20
_ENTRIES = 10_000
_START = 2_400  # of questions that no other group lets the judge read
_COMPARED, _TOLD = 400, 100
_MAX_ERROR = 0.02
_SURE = Verdict(True, Reason.ABOVE_THRESHOLD, probability=0.9)


@dataclass(frozen=True)
class _Decision:
    """One pair that is to be decided about, in the shapes that each layer knows."""

    pair: Pair
    asked: Asked
    entry: Entry


def figures(setting: Setting) -> Iterator[Figure]:
    directory = setting.scratch / "judging"
    count = setting.size(250, 20) + _WARM
    with SemanticCache(directory, max_error=_MAX_ERROR) as cache:
        setting.fill(cache, setting.size(_ENTRIES, 200))
        yield _reading(_decisions(cache, setting.asked(_START, count)))
        compared = _teach(cache, setting.stored(setting.size(_COMPARED, 50)))
        yield _learned(cache, _decisions(cache, setting.asked(_START + count, count)), compared)
    judge = _Watched()
    # Among few entries nothing is near; there the judge reads what is not, too.
    threshold = setting.size(cache.settings.similarity_threshold, 0.0)
    with SemanticCache(directory, judge=judge, similarity_threshold=threshold) as cache:
        texts = setting.asked(_START + 2 * count, setting.size(500, 20) + _WARM)
        yield from _lookups(cache, judge, texts)


def _decisions(cache: SemanticCache, texts: Sequence[str]) -> list[_Decision]:
    """Each text with its nearest entry, without a look by anything that would remember it."""
    parts, limits, scope = cache.engine.parts, cache.engine.limits, _scope(cache)
    found = []
    for text in texts:
        asked = place(cache.request(text), parts, limits)
        ((nearest, cosine),) = cache.catalog.nearest(scope, encode(text), 1)
        (entry,) = cache.store.get([nearest])
        found.append(_Decision(Pair(text, entry.question, cosine, 0.0), asked, entry))
    return found


def _scope(cache: SemanticCache) -> str:
    """Where all entries are."""
    return cache.engine.parts.rules.place("", {}, day=str).digest


# One pair ---------------------------------------------------------------------------------


def _reading(decisions: Sequence[_Decision]) -> Figure:
    judge = LearnedJudge()
    pairs = side_by_side(
        lambda one: judge.judge(one.pair),
        lambda one: encode(one.pair.question),
        decisions,
        warm=_WARM,
    )
    return Figure(
        "one pair judged",
        pairs.subject.percentile(50) / 1e3,
        "µs",
        floor=pairs.floor.percentile(50) / 1e3,
        floor_is="one encode of the question: tokenizer + session",
        ratio=pairs.ratio,
        goal=Goal("≤", 1, of="ratio"),
        note=f"p99 {pairs.subject.percentile(99) / 1e3:,.0f} µs; a question and its nearest, "
        "read for the first time",
    )


# What was learned -------------------------------------------------------------------------


def _teach(cache: SemanticCache, stored: Sequence[str]) -> int:
    """Persons' words about other pairs, and a comparison for each of these stored questions.

    Returns how many comparisons there are.
    """
    scope = _scope(cache)
    entries = [cache.store.find(scope, question_digest(text)) for text in stored]
    compared = [
        Lesson(
            at=0.0,
            pair=pair_digest(f"compared {number}", entry.question_digest),
            scope=scope,
            entry_id=entry.id,
            right=number % 10 > 0,
            by="answers",
            score=0.5 + number % 50 / 100,
        )
        for number, entry in enumerate(filter(None, entries))
    ]
    told = [
        Lesson(0.0, pair_digest(f"told {number}", ""), "elsewhere", 0, number % 2 > 0, "person")
        for number in range(_TOLD)
    ]
    learned, learning = cache.store.learned, cache.engine.learning
    learned.add((), [*compared, *told], keep=cache.settings.judgements_kept)
    learning.follow(learned.read(0)[0])
    learning.calibrate()
    return len(compared)


def _learned(cache: SemanticCache, decisions: Sequence[_Decision], compared: int) -> Figure:
    judge, learning = LearnedJudge(), cache.engine.learning

    def ask(one: _Decision) -> None:
        if learning.told(one.asked, one.entry) is not None:
            raise AssertionError("this pair was told about, and nobody would judge it")
        learning.review(one.entry, one.pair.similarity, _SURE)

    subject, floor = _after_encoding(ask), _after_encoding(lambda one: judge.judge(one.pair))
    in_turns(subject, floor, decisions[:_WARM])
    with quiet():
        pairs = in_turns(subject, floor, decisions[_WARM:])
    return Figure(
        "what was learned of a pair",
        pairs.subject.percentile(50) / 1e3,
        "µs",
        floor=pairs.floor.percentile(50) / 1e3,
        floor_is="judging the same pair",
        ratio=pairs.ratio,
        goal=Goal("≤", 100),
        note=f"p99 {pairs.subject.percentile(99) / 1e3:,.0f} µs; with a bound on errors, after "
        f"{compared} comparisons and {_TOLD} words of persons",
    )


def _after_encoding(call: Callable[[_Decision], object]) -> Stopwatch[_Decision]:
    """Times it as it comes in a lookup, where a model has just emptied the processor's caches."""

    def timed(one: _Decision) -> int:
        encode(one.pair.question)
        begun = time.perf_counter_ns()
        call(one)
        return time.perf_counter_ns() - begun

    return timed


# A whole lookup ---------------------------------------------------------------------------


@dataclass
class _Watched:
    """The judge; of the last lookup the nanoseconds that it took, and how many pairs it read."""

    own: LearnedJudge = field(default_factory=LearnedJudge)
    taken: int = 0
    read: int = 0

    def judge(self, pair: Pair) -> Verdict:
        begun = time.perf_counter_ns()
        verdict = self.own.judge(pair)
        self.taken += time.perf_counter_ns() - begun
        self.read += verdict.probability is not None
        return verdict


@dataclass
class _Lookup:
    """Nanoseconds of one lookup and of the judge in it, then of one encode and one search.

    `reads` is how many pairs were read.
    """

    whole: int
    judging: int
    encoding: int
    searching: int
    reads: int

    @property
    def floor(self) -> int:
        return self.encoding + self.searching + self.judging


def _lookups(cache: SemanticCache, judge: _Watched, texts: Sequence[str]) -> Iterator[Figure]:
    """Those in which the judge reads something."""
    for text in texts[:_WARM]:
        _look_up(cache, judge, text)
    with quiet():
        every = [_look_up(cache, judge, text) for text in texts[_WARM:]]
    decided = [one for one in every if one.reads]
    whole = Pairs(Times([one.whole for one in decided]), Times([one.floor for one in decided]))
    judging = Pairs(
        Times([one.judging for one in decided]), Times([one.encoding for one in decided])
    )
    reads = sum(one.reads for one in decided) / len(decided)
    yield Figure(
        "judging in a lookup that needs it",
        judging.subject.percentile(50) / 1e3,
        "µs",
        floor=judging.floor.percentile(50) / 1e3,
        floor_is="one encode of the question: tokenizer + session",
        ratio=judging.ratio,
        goal=Goal("≤", 1, of="ratio"),
        note=f"p99 {judging.subject.percentile(99) / 1e3:,.0f} µs; {reads:.1f} pairs read; "
        f"{len(decided) / len(every):.0%} of all lookups need it",
    )
    yield Figure(
        "semantic lookup that the judge decides",
        whole.subject.percentile(50) / 1e3,
        "µs",
        floor=whole.floor.percentile(50) / 1e3,
        floor_is="tokenizer + session, the index's search, and what the judge took in this lookup",
        ratio=whole.ratio,
        note=f"p99 {whole.subject.percentile(99) / 1e3:,.0f} µs",
    )


def _look_up(cache: SemanticCache, judge: _Watched, text: str) -> _Lookup:
    judge.taken = judge.read = 0
    scope = _scope(cache)
    begun = time.perf_counter_ns()
    cache.lookup(text)
    found = time.perf_counter_ns()
    vector = encode(text)
    encoded = time.perf_counter_ns()
    cache.catalog.nearest(scope, vector, cache.settings.candidates)
    searched = time.perf_counter_ns()
    return _Lookup(
        whole=found - begun,
        judging=judge.taken,
        encoding=encoded - found,
        searching=searched - encoded,
        reads=judge.read,
    )
