"""What is measured against each other: judges by name, each at the thresholds it is shown at."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from benchmarks.answers.regression import RegressionJudge
from benchmarks.answers.shortcuts import differing_words
from cacheback.config import Settings
from cacheback.core.judge import GuardedThreshold
from cacheback.core.ports import Judge, Pair
from cacheback.judges import LearnedJudge
from cacheback.models import Reason, Verdict

NEVER = -2.0  # the score of what is served at no threshold: below every cosine
_ALWAYS = -1.0


@runtime_checkable
class Scored(Judge, Protocol):
    """A judge that can be asked at any operating point, not only at its own."""

    def score(self, pair: Pair) -> float:
        """Higher means more likely the same answer; `pair.threshold` says nothing here."""
        ...


@dataclass(frozen=True)
class Row:
    """A judge, and the values of `similarity_threshold` at which its own verdicts are shown."""

    name: str
    judge: Judge
    thresholds: tuple[float, ...]

    def serves(self, pair: Pair, threshold: float) -> bool:
        """What a user gets who sets this threshold."""
        return self.judge.judge(replace(pair, threshold=threshold)).serve

    def score(self, pair: Pair) -> float:
        """The judge's score; of one that has none, the highest threshold at which it serves.

        That is the pair's cosine, or `NEVER` if the judge refuses whatever the threshold.
        """
        if isinstance(self.judge, Scored):
            return self.judge.score(pair)
        return pair.similarity if self.serves(pair, _ALWAYS) else NEVER


class FewDifferingWords:
    """The shortcut: serves what differs by few words, whatever they are."""

    def judge(self, pair: Pair) -> Verdict:
        return Verdict(self.score(pair) >= -_FEW, Reason.ABOVE_THRESHOLD)

    def score(self, pair: Pair) -> float:
        return -float(differing_words(pair.question, pair.other))


class Gated:
    """A judge with scores behind the gate that ships: what is less near counts as refused."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._said: dict[tuple[str, str], Verdict] = {}

    def judge(self, pair: Pair) -> Verdict:
        if pair.similarity < pair.threshold:
            return Verdict(False, Reason.BELOW_THRESHOLD)
        # What it says of a pair that is near enough hangs on no threshold: each is read once.
        key = (pair.question, pair.other)
        if key not in self._said:
            self._said[key] = self._judge.judge(replace(pair, threshold=_ALWAYS))
        return self._said[key]

    def score(self, pair: Pair) -> float:
        told = self.judge(replace(pair, threshold=DEFAULT))
        return NEVER if told.probability is None else told.probability


_FEW = 4  # one word for another is 2
_SHOWN = (0.85, 0.92)
DEFAULT = Settings().similarity_threshold

THRESHOLD = Row("threshold only", GuardedThreshold(guards=()), _SHOWN)
GUARDS = Row("threshold and guards", GuardedThreshold(), _SHOWN)
LEARNED = Row("learned judge", Gated(LearnedJudge()), (0.8, *_SHOWN))
UNGATED = Row("learned judge, no gate", LearnedJudge(), ())
REGRESSION = Row("regression over figures", RegressionJudge(), (0.85,))
SHORTCUT = Row("at most 4 differing words", FewDifferingWords(), (DEFAULT,))


def named(told: str) -> Row:
    """A row of `NAME=module:attribute`, whose attribute is a judge, or makes one when called.

    Raises:
        ValueError: `told` has another form.
        TypeError: what it names is no judge.
    """
    name, _, place = told.partition("=")
    module, _, attribute = place.partition(":")
    if not (name and module and attribute):
        raise ValueError(f"{told!r} is not NAME=module:attribute")
    found = getattr(importlib.import_module(module), attribute)
    judge = found() if isinstance(found, type) or not hasattr(found, "judge") else found
    if not callable(getattr(judge, "judge", None)):
        raise TypeError(f"{place} has no method `judge`")
    return Row(name, judge, (DEFAULT,))


def rows(judges: Sequence[str]) -> list[Row]:
    """The rows of a run: what ships, what shipped before, then judges that were named."""
    return [THRESHOLD, GUARDS, LEARNED, *map(named, judges)]
