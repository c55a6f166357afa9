"""What the embedder and the judge of a cache say of labelled pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cacheback.cli.calibration.pairs import LabelledPair
from cacheback.core.ports import Embedder, Judge, Pair
from cacheback.models import Reason, Verdict

if TYPE_CHECKING:
    from cacheback.core.ports import Vector

_BATCH = 256  # texts that are encoded at once, as an import does
# What any pair is near enough for, and likely enough.
_ANY_COSINE, _ANY_PROBABILITY = -1.0, 0.0
_NOT_COMPARED = frozenset({Reason.TOO_LONG, Reason.UNREADABLE})


@dataclass(frozen=True, slots=True)
class Measured:
    """A pair, its cosine, and what the judge says of it.

    `veto` is why it is not served however near it is, or None; `probability` is that of a judge
    that tells one, where it does not object. `now` is the verdict under the cache's settings.
    """

    pair: LabelledPair
    cosine: float
    veto: Verdict | None
    probability: float | None
    now: Verdict

    @property
    def nearness(self) -> float | None:
        """The cosine, None where the judge objects."""
        return self.cosine if self.veto is None else None

    @property
    def telling(self) -> Verdict:
        """What the judge objects to says more than that the pair is not near enough anyway."""
        return self.veto or self.now


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A pair that is never compared by meaning, and why."""

    pair: LabelledPair
    reason: Reason


def measure(
    pairs: Sequence[LabelledPair],
    embedder: Embedder,
    judge: Judge,
    threshold: float,
    on_progress: Callable[[int], None] = lambda _: None,
) -> tuple[list[Measured], list[LeftOut]]:
    """Score every pair.

    Args:
        threshold: the cosine from which the cache serves, as it is set.
        on_progress: called with how many pairs more are done.

    Raises:
        EmbedderError: the embedder failed.
    """
    measured: list[Measured] = []
    left_out: list[LeftOut] = []
    for first in range(0, len(pairs), _BATCH // 2):
        some = pairs[first : first + _BATCH // 2]
        for one in _measured(some, embedder, judge, threshold):
            (measured if isinstance(one, Measured) else left_out).append(one)  # type: ignore[arg-type]  # either list's own
        on_progress(len(some))
    return measured, left_out


def _measured(
    pairs: Sequence[LabelledPair], embedder: Embedder, judge: Judge, threshold: float
) -> Iterator[Measured | LeftOut]:
    seen: list[LabelledPair] = []
    for pair in pairs:
        blind = embedder.blind_to(pair.question) or embedder.blind_to(pair.other)
        if blind is None:
            seen.append(pair)
        else:
            yield LeftOut(pair, blind)
    texts = list(dict.fromkeys(text for pair in seen for text in (pair.question, pair.other)))
    vectors = dict(zip(texts, embedder.encode_batch(texts), strict=True))
    for pair in seen:
        cosine = _cosine(vectors[pair.question], vectors[pair.other])
        yield _judged(pair, cosine, judge, threshold)


def _cosine(one: Vector, other: Vector) -> float:
    return min(1.0, float(one @ other))


def _judged(
    pair: LabelledPair, cosine: float, judge: Judge, threshold: float
) -> Measured | LeftOut:
    asked = (pair.question, pair.other, cosine)
    free = judge.judge(Pair(*asked, threshold=_ANY_COSINE, at_least=_ANY_PROBABILITY))
    if free.reason in _NOT_COMPARED:
        return LeftOut(pair, free.reason)
    return Measured(
        pair=pair,
        cosine=cosine,
        veto=None if free.serve else free,
        probability=free.probability if free.serve else None,
        now=judge.judge(Pair(*asked, threshold=threshold)),
    )
