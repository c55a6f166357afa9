"""The judge that ships: near enough, and no guard objects.

What may live here: deciding about one pair of questions. What it may not know: scopes, expiry, how
near entries were found.
"""

from __future__ import annotations

from collections.abc import Sequence

from cacheback.core.guards import GUARDS, AnyGuard
from cacheback.core.ports import Pair
from cacheback.models import Reason, Verdict


class GuardedThreshold:
    """Serves a pair whose cosine reaches its threshold unless a guard sees another meaning.

    Below the threshold that is the reason given, whatever guards would say: it alone decides there,
    and the figures show how near a miss it was. Above it the first objection is the reason.

    Args:
        guards: asked in this order; `()` leaves the threshold alone.
    """

    def __init__(self, guards: Sequence[AnyGuard] = GUARDS) -> None:
        self._guards = tuple(guards)

    def judge(self, pair: Pair) -> Verdict:
        if pair.similarity < pair.threshold:
            return Verdict(False, Reason.BELOW_THRESHOLD, compared(pair, "<"))
        for guard in self._guards:
            if detail := guard(pair.question, pair.other):
                return Verdict(False, guard.reason, detail)
        return Verdict(True, Reason.ABOVE_THRESHOLD, compared(pair, "≥"))


def compared(pair: Pair, sign: str) -> str:
    """Figures with two digits, or with six where two would look equal and are not."""
    equal = f"{pair.similarity:.2f}" == f"{pair.threshold:.2f}"
    digits = 6 if equal and pair.similarity != pair.threshold else 2
    return f"{pair.similarity:.{digits}f} {sign} {pair.threshold:.{digits}f}"
