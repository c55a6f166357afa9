"""Guards: each sees one kind of difference in meaning that similarity does not.

Near entries whose words are nearly the same can mean the opposite ("enable", "disable"), or ask for
another number, place or form. A guard reads both texts by rule and vetoes; it is built to be wrong
on the side of a miss. All of them together cost about 6 µs for a pair whose texts were read before
and 100 µs to read a text of 15 words (one thread, 2.5 GHz; an encode takes 1500 µs).
"""

from __future__ import annotations

from typing import Any, TypeAlias

from cacheback.core.guards.forms import FORMS
from cacheback.core.guards.guard import Guard
from cacheback.core.guards.names import NAMES
from cacheback.core.guards.negation import NEGATION
from cacheback.core.guards.numbers import NUMBERS
from cacheback.core.guards.opposites import OPPOSITES
from cacheback.core.guards.order import COMPARISON, DIRECTION
from cacheback.core.guards.times import TIMES

AnyGuard: TypeAlias = Guard[Any]

# The first that objects names the reason: from what a person sees at once to what needs a thought.
GUARDS: tuple[AnyGuard, ...] = (
    TIMES,
    NUMBERS,
    NEGATION,
    OPPOSITES,
    FORMS,
    NAMES,
    DIRECTION,
    COMPARISON,
)

__all__ = ["GUARDS", "AnyGuard", "Guard"]
