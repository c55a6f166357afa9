"""What each row does on the contrast set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.answers.contrast import KINDS, Example, Split
from benchmarks.answers.rows import Row
from benchmarks.answers.scoring import auc, threshold_for
from cacheback.core.ports import Pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.answers.scoring import Labels, Scores
    from cacheback.core.ports import Vectors

    Mask = NDArray[np.bool_]

TUNED: Split = "dev"  # where thresholds are chosen
SHOWN: Split = "test"  # where everything is counted
FALSE_ACCEPTS = (0.01, 0.05)
# Cosines from, to: below the first bound the harness asks no judge on a stream (`streams.FLOOR`).
BANDS = ((-1.0, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 1.01))


@dataclass(frozen=True)
class Asked:
    """All examples of the set as pairs, and what is known of each, in one order."""

    examples: Sequence[Example]
    pairs: Sequence[Pair]

    @classmethod
    def of(cls, examples: Sequence[Example], questions: Vectors, others: Vectors) -> Asked:
        """From vectors of each example's two texts, shape (n, dim), float32, unit length."""
        cosines = np.einsum("ij,ij->i", questions, others)
        pairs = [
            Pair(one.text.text, one.group.question, float(cosine), 0.0)
            for one, cosine in zip(examples, cosines, strict=True)
        ]
        return cls(examples, pairs)

    @property
    def same(self) -> Labels:
        return np.array([one.same for one in self.examples])

    @property
    def long(self) -> Mask:
        return np.array([one.group.long for one in self.examples])

    def split(self, name: Split) -> Mask:
        return np.array([one.group.split == name for one in self.examples])

    def kind(self, name: str) -> Mask:
        return np.array([one.text.kind == name for one in self.examples])


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @classmethod
    def where(cls, accepted: Mask, among: Mask) -> Share:
        return cls(int((accepted & among).sum()), int(among.sum()))

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0

    def __str__(self) -> str:
        return f"{self.share:.1%}" if self.of else "-"


@dataclass(frozen=True)
class Point:
    """What a row accepts of the shown split at one operating point; keys are kinds."""

    name: str
    threshold: float
    false_accepts: Share
    hits: Share
    short: tuple[Share, Share]
    long: tuple[Share, Share]
    kinds: dict[str, Share]


@dataclass(frozen=True)
class Band:
    """Pairs of about the same cosine, and what a row knows beyond it.

    `auc` is None where there are no paraphrases, or nothing else.
    """

    cosines: tuple[float, float]
    others: int
    same: int
    auc: float | None


@dataclass(frozen=True)
class Contrast:
    """One row: at its own thresholds, as a ranking, and at thresholds chosen on `dev`."""

    row: Row
    scores: Scores
    auc: float
    auc_short: float
    auc_long: float
    bands: tuple[Band, ...]
    own: tuple[Point, ...]
    tuned: tuple[Point, ...]


def measure(row: Row, asked: Asked) -> Contrast:
    """Everything that the report shows of a row on the contrast set."""
    same, shown, tuned = asked.same, asked.split(SHOWN), asked.split(TUNED)
    scores = np.array([row.score(pair) for pair in asked.pairs])
    own = []
    for threshold in row.thresholds:
        accepted = np.array([row.serves(pair, threshold) for pair in asked.pairs])
        own.append(point(f"{row.name}, {threshold:g}", threshold, accepted, asked))
    chosen = []
    for share in FALSE_ACCEPTS:
        threshold = threshold_for(scores[tuned], same[tuned], share)
        name = f"{row.name}, {share:.0%} on {TUNED}"
        chosen.append(point(name, threshold, scores >= threshold, asked))
    long = asked.long
    return Contrast(
        row,
        scores,
        auc(scores[shown], same[shown]),
        auc(scores[shown & ~long], same[shown & ~long]),
        auc(scores[shown & long], same[shown & long]),
        tuple(band(cosines, scores, asked) for cosines in BANDS),
        tuple(own),
        tuple(chosen),
    )


def band(cosines: tuple[float, float], scores: Scores, asked: Asked) -> Band:
    """The shown split's pairs whose cosine is in `cosines`."""
    similarities = np.array([pair.similarity for pair in asked.pairs])
    among = asked.split(SHOWN) & (similarities >= cosines[0]) & (similarities < cosines[1])
    same = asked.same[among]
    both = bool(same.any() and not same.all())
    found = auc(scores[among], same) if both else None
    return Band(cosines, int((~same).sum()), int(same.sum()), found)


def point(name: str, threshold: float, accepted: Mask, asked: Asked) -> Point:
    """Shares of the shown split that are accepted."""
    same, shown, long = asked.same, asked.split(SHOWN), asked.long

    def shares(among: Mask) -> tuple[Share, Share]:
        return Share.where(accepted, among & ~same), Share.where(accepted, among & same)

    false_accepts, hits = shares(shown)
    kinds = {kind: Share.where(accepted, shown & asked.kind(kind)) for kind in KINDS}
    return Point(
        name, threshold, false_accepts, hits, shares(shown & ~long), shares(shown & long), kinds
    )
