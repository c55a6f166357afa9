"""The learned judge: near enough, and a model that reads both questions is sure enough.

Importing this loads neither numpy nor the model; the first pair that is near enough does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cacheback.core.guards import GUARDS
from cacheback.core.judge import GuardedThreshold, compared
from cacheback.embedders.minilm import blindness
from cacheback.errors import ConfigurationError
from cacheback.judges import wording
from cacheback.models import Reason, Verdict
from cacheback.pinned import differing

if TYPE_CHECKING:
    from cacheback.core.ports import Pair

_FOLDER = Path(__file__).parent
_CALIBRATION = _FOLDER / "calibration.json"

UNREAD = 0.92
"""Cosine from which threshold and guards alone decide about a text that the model cannot read.

There, in English, they are wrong on 0.5 % (CLINC150) to 2.2 % (BANKING77) of their hits.
"""


_SURE = 0.999  # that two texts of the same words have one answer
# Where a guard objects and one word at most is exchanged, 17 of 211 pairs have one answer (held-out
# groups and the contrast set's dev and test); where more differs, nearly half of the held-out ones.
_OBJECTED = 0.08


@dataclass(frozen=True, slots=True)
class PairReading:
    """What was read in a pair: how likely one answer is right for both (0 to 1, how well that
    holds: `README.md` here), and the first guard's objection, if there is one."""

    probability: float
    objection: Verdict | None


class LearnedJudge:
    """Serves a pair that is near enough and that has one right answer, as far as it can be read.

    How likely that is, is estimated by a small model that reads both and aligns their words
    (`reading.py`, `aligner.py`); where no more than a word is exchanged, a guard's objection
    outweighs it. It takes an encode for the other question and about one more; nothing for what is
    below the threshold or was read lately. It reads English up to 256 tokens, whatever embedder the
    cache uses; what it cannot read is left to threshold and guards, from a cosine of `UNREAD`.

    Where it refuses and a guard objects, the guard's reason is given: it names what differs.

    Args:
        at_least: probability (0 to 1) from which a pair is served; None for the shipped operating
            point, which was chosen on the `dev` split of `benchmarks/answers`.

    Raises:
        ConfigurationError: `at_least` is not between 0 and 1.
    """

    def __init__(self, at_least: float | None = None) -> None:
        if at_least is not None and not 0 <= at_least <= 1:
            raise ConfigurationError(f"at_least is {at_least!r}; it must be between 0 and 1")
        self._at_least = at_least
        self._unread = GuardedThreshold()

    @property
    def at_least(self) -> float:
        """The probability from which a pair is served."""
        return operating_point() if self._at_least is None else self._at_least

    def check(self) -> list[str]:
        """Compare the model's files with their pinned hashes; an empty list means all is well.

        Raises:
            OSError: a file cannot be read.
        """
        return differing(_FOLDER)

    def judge(self, pair: Pair) -> Verdict:
        if pair.similarity < pair.threshold:
            return Verdict(False, Reason.BELOW_THRESHOLD, compared(pair, "<"))
        if blindness(pair.question) or blindness(pair.other):
            return self._judge_unread(pair)
        found = read_pair(pair.question, pair.other)
        bar = self.at_least if pair.at_least is None else pair.at_least
        told = f"one answer for both: {found.probability:.1%} likely"
        if found.probability >= bar:
            detail = f"{compared(pair, '≥')}, {told}"
            return Verdict(True, Reason.ABOVE_THRESHOLD, detail, found.probability)
        told = f"{told}, {bar:.1%} needed"
        if found.objection is None:
            return Verdict(False, Reason.MEANING_DIFFERS, told, found.probability)
        detail = f"{found.objection.detail} ({told})"
        return Verdict(False, found.objection.reason, detail, found.probability)

    def _judge_unread(self, pair: Pair) -> Verdict:
        if pair.similarity < UNREAD:
            detail = f"{pair.similarity:.2f} < {UNREAD}, as the judge cannot read it"
            return Verdict(False, Reason.BELOW_THRESHOLD, detail)
        return self._unread.judge(pair)

    def score(self, pair: Pair) -> float:
        """For curves: the probability; of what cannot be read, 1 where it is served, else 0."""
        verdict = self.judge(pair)
        return float(verdict.serve) if verdict.probability is None else verdict.probability


# A question's candidates are mostly the same when it is asked again: 2 MB at most.
@lru_cache(4_096)
def read_pair(question: str, other: str) -> PairReading:
    """Read a pair; both texts must be readable (`embedders.minilm.blindness`)."""
    from cacheback.judges.reading import shared  # noqa: PLC0415 - loads numpy and the model

    objections = ((guard, guard(question, other)) for guard in GUARDS)
    first = next(((guard.reason, detail) for guard, detail in objections if detail), None)
    if first is None and wording.same(question, other):
        return PairReading(_SURE, None)
    probability = calibrated(shared().log_odds(question, other))
    if first is None:
        return PairReading(probability, None)
    if wording.one_exchanged(question, other):
        probability = min(probability, _OBJECTED)
    return PairReading(probability, Verdict(False, *first))


BEND = 2.0
"""Log-odds of the aligner from which its curve is steeper: it was trained never to be quite sure
(its labels were smoothed), and so what it says is drawn in."""


def calibrated(log_odds: float) -> float:
    """The probability, by a logistic curve (Platt 1999) with a bend."""
    fitted = _calibration()
    found = fitted["log_odds"] * log_odds + fitted["beyond"] * max(0.0, log_odds - BEND)
    found += fitted["bias"]
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, found))))


def operating_point() -> float:
    """The probability from which pairs are served unless another is asked for."""
    return _calibration()["operating_point"]


@cache
def _calibration() -> Mapping[str, float]:
    fitted: Mapping[str, float] = json.loads(_CALIBRATION.read_text(encoding="utf-8"))
    return fitted
