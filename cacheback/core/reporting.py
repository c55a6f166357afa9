"""Reporting: what memory served, or in shadow mode would have, and how often it was wrong. Pure.

What may live here: the arithmetic from counters, judgements and lessons to figures. What it may not
know: how they are stored, how a report is shown.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cacheback.core.learning import pair_digest
from cacheback.core.ports import Lesson
from cacheback.core.proportions import exact_interval
from cacheback.core.scope import question_digest
from cacheback.models import Judgement, Label, Saved, Tier

# How many bins the scores of hits are put into, and that of the lowest is rounded down to.
_BINS = 20
_ROUND = 20

Score: TypeAlias = Literal["probability", "similarity"]
Doubt: TypeAlias = Literal["contradicting", "compared_wrong", "unsure"]
"""Why somebody should look at a pair: comparisons said both of it; they said that it is wrong; or
nothing was said, and of those the judge was least sure."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Hits by meaning whose answer was compared with upstream's, and how many were wrong.

    `low` and `high` are the 95 % interval of the share of wrong ones (`proportions`).
    """

    compared: int
    wrong: int
    low: float
    high: float

    @property
    def rate(self) -> float | None:
        """The share of wrong ones, 0 to 1; None where nothing was compared."""
        return self.wrong / self.compared if self.compared else None


@dataclass(frozen=True, slots=True)
class Side:
    """What memory did, or in shadow mode would have done.

    `hits` is by tier. `misses` is None where they are not known: no time is kept of those.
    """

    hits: Mapping[str, int]
    misses: int | None
    saved: Saved
    errors: Errors

    @property
    def known(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.hits or self.misses or self.errors.compared)

    @property
    def hit_rate(self) -> float | None:
        """Answers from memory per lookup, 0 to 1; a new synthesis is none. None if not known."""
        if self.misses is None:
            return None
        lookups = sum(self.hits.values()) + self.misses
        served = sum(self.hits.values()) - self.hits.get(Tier.SYNTHESIS, 0)
        return served / lookups if lookups else None


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A pair that is worth a human look: the question that was asked, and the entry's own.

    `similarity`, `probability`, `served` and `at` are those of the newest of its `hits`.
    """

    entry_id: int
    question: str
    other: str
    similarity: float
    probability: float | None
    served: bool
    at: float
    hits: int
    doubt: Doubt


@dataclass(frozen=True, slots=True)
class Bin:
    """Hits by meaning with a score from `low` to below `high`, by what is known of them."""

    low: float
    high: float
    right: int
    wrong: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of hits by meaning, those of shadow mode among them.

    Attributes:
        since: Unix seconds from which on judgements count, or None for all that are kept. With it
            there are no misses, hits and savings are those by meaning alone, and of what checks
            cost only that of checking these hits is taken off: of counters no time is kept.
        shadow: what would have been served.
        served: what was served.
        said: how often persons reported a pair, by label. They look at what strikes them, so
            these say nothing of the share of wrong answers, and are in no `errors`.
        pairs: those most worth a human look, first those that need it most.
        score: what `bins` are over: the judge's probability, or the cosine where it tells none.
        bins: of equal width up to 1; none where nothing was served by meaning.
    """

    since: float | None
    shadow: Side
    served: Side
    said: Mapping[Label, int]
    pairs: tuple[Doubtful, ...] = ()
    score: Score = "probability"
    bins: tuple[Bin, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing was served by meaning, nor would have been."""
        return not (self.bins or self.shadow.known)


def report(
    counters: Mapping[str, float],
    judgements: Sequence[Judgement],
    lessons: Sequence[Lesson],
    *,
    since: float | None = None,
    pairs: int = 10,
) -> Report:
    """The report.

    Args:
        counters: a store's.
        judgements: newest first, none older than `since`.
        lessons: all of them, oldest first.
        since: see `Report`.
        pairs: how many pairs to show at most.
    """
    known = _Known(lessons)
    told = {one.id: known.pair_of(one) for one in judgements}
    score = _score(judgements)
    return Report(
        since=since,
        shadow=_side(counters, judgements, known, told, since=since, served=False),
        served=_side(counters, judgements, known, told, since=since, served=True),
        said=Counter(
            "right" if one.right else "wrong"
            for one in lessons
            if one.by == "person" and one.at >= (since or 0.0)
        ),
        pairs=tuple(_doubtful(judgements, known, told)[:pairs]),
        score=score,
        bins=_bins(judgements, score),
    )


class _Known:
    """What lessons say of pairs: the labels since a person's last word, that one included."""

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        self.labels: dict[str, set[Label]] = {}
        self.told = {one.pair for one in lessons if one.by == "person"}
        self.compared = {(one.entry_id, one.pair) for one in lessons if one.by != "person"}
        self._digests: dict[str, str] = {}
        for one in lessons:
            label: Label = "right" if one.right else "wrong"
            if one.by == "person":
                self.labels[one.pair] = {label}
            else:
                self.labels.setdefault(one.pair, set()).add(label)

    def pair_of(self, judgement: Judgement) -> str:
        return pair_digest(self._digest(judgement.question), self._digest(judgement.other))

    def _digest(self, question: str) -> str:
        known = self._digests.get(question)
        if known is None:
            known = self._digests[question] = question_digest(question)
        return known


def _side(
    counters: Mapping[str, float],
    judgements: Sequence[Judgement],
    known: _Known,
    told: Mapping[int, str],
    *,
    since: float | None,
    served: bool,
) -> Side:
    judged = [one for one in judgements if one.served is served]
    # A person's label takes the place of a comparison's: it is the better one, but only what was
    # chosen without looking may be counted.
    compared = [
        one.label
        for one in judged
        if one.label is not None
        and (one.labelled_by != "person" or (one.entry_id, told[one.id]) in known.compared)
    ]
    wrong = compared.count("wrong")
    errors = Errors(len(compared), wrong, *exact_interval(wrong, len(compared)))
    if since is not None:
        hits = {Tier.SEMANTIC.value: len(judged)} if judged else {}
        return Side(hits, None, _sum(one.saved for one in judged), errors)
    prefix = "" if served else "shadow."
    misses = sum(_under(f"{prefix}misses", counters).values())
    saved = Saved(
        tokens=int(counters.get(f"{prefix}saved.tokens", 0)),
        money=counters.get(f"{prefix}saved.money") or None,  # of unknown prices nothing is known
        seconds=counters.get(f"{prefix}saved.seconds", 0.0),
    )
    return Side(_under(f"{prefix}hits.", counters), misses, saved, errors)


def _under(prefix: str, counters: Mapping[str, float]) -> dict[str, int]:
    return {
        name.removeprefix(prefix): int(amount)
        for name, amount in sorted(counters.items())
        if name.startswith(prefix)
    }


def _sum(saved: Iterable[Saved]) -> Saved:
    some = list(saved)
    money = [one.money for one in some if one.money is not None]
    return Saved(
        tokens=sum(one.tokens for one in some),
        money=sum(money) if money else None,
        seconds=sum(one.seconds for one in some),
    )


_DOUBTS: Sequence[Doubt] = ("contradicting", "compared_wrong", "unsure")


def _doubtful(
    judgements: Sequence[Judgement], known: _Known, told: Mapping[int, str]
) -> list[Doubtful]:
    """Pairs that nobody has settled: contradicting first, and in each kind the least sure."""
    of_pair: dict[tuple[int, str], list[Judgement]] = {}
    for one in judgements:
        of_pair.setdefault((one.entry_id, told[one.id]), []).append(one)
    found = []
    for (_, pair), some in of_pair.items():
        doubt = _doubt(known.labels.get(pair, set()), settled=pair in known.told)
        if doubt is not None:
            newest = some[0]
            found.append(
                Doubtful(
                    entry_id=newest.entry_id,
                    question=newest.question,
                    other=newest.other,
                    similarity=newest.similarity,
                    probability=newest.probability,
                    served=newest.served,
                    at=newest.at,
                    hits=len(some),
                    doubt=doubt,
                )
            )
    found.sort(key=lambda one: (_DOUBTS.index(one.doubt), sureness(one)))
    return found


def _doubt(labels: set[Label], *, settled: bool) -> Doubt | None:
    if len(labels) > 1:
        return "contradicting"
    if settled or "right" in labels:
        return None
    return "compared_wrong" if labels else "unsure"


def sureness(one: Judgement | Doubtful) -> float:
    """The judge's probability; the cosine where it tells none."""
    return one.similarity if one.probability is None else one.probability


def _score(judgements: Sequence[Judgement]) -> Score:
    tells = any(one.probability is not None for one in judgements) or not judgements
    return "probability" if tells else "similarity"


def _bins(judgements: Sequence[Judgement], score: Score) -> tuple[Bin, ...]:
    """All of one width, from what is just below the lowest score up to 1."""
    scored = [
        (value, one.label)
        for one in judgements
        if (value := one.probability if score == "probability" else one.similarity) is not None
    ]
    if not scored:
        return ()
    lowest = min(value for value, _ in scored)
    start = min(math.floor(lowest * _ROUND), _ROUND - 1) / _ROUND
    width = (1 - start) / _BINS
    counts = Counter(
        (min(_BINS - 1, int((value - start) / width)), label) for value, label in scored
    )
    return tuple(
        Bin(
            low=round(start + at * width, 6),
            high=round(start + (at + 1) * width, 6),
            right=counts[at, "right"],
            wrong=counts[at, "wrong"],
            unknown=counts[at, None],
        )
        for at in range(_BINS)
    )
