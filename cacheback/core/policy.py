"""Policy: may this request be cached at all, and which tiers may answer it? Pure.

What may live here: the rules that follow from the request alone. What it may not know: what is
stored, what is near.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cacheback.models import Mode, Reason, Request

NEVER = frozenset({Reason.STATEFUL})
"""Reasons for which a request is neither answered from memory nor stored."""

_MODES: dict[Mode, Reason] = {"bypass": Reason.BYPASSED, "refresh": Reason.REFRESHED}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What may happen to a request; `reason` names what was taken away, if anything.

    `recall`: memory may answer. `semantic`: also by meaning. `keep`: the answer may be stored.
    `call`: upstream may be called.
    """

    recall: bool
    semantic: bool
    keep: bool
    call: bool
    reason: Reason | None = None


def rule(request: Request, *, enabled: bool, exact_above_temperature: float | None) -> Ruling:
    """The ruling on a request: the strongest limit wins and is named."""
    widely = _samples_widely(request, exact_above_temperature)
    wrong = request.controls.feedback == "wrong"
    return _ruling(request.controls.mode, request.limits, enabled, widely, wrong)


@lru_cache(maxsize=256)  # there are few kinds of request, and an exact hit has 20 µs in all
def _ruling(
    mode: Mode, limits: tuple[Reason, ...], enabled: bool, widely: bool, wrong: bool
) -> Ruling:
    call = mode != "only-if-cached"
    never = next((limit for limit in limits if limit in NEVER), None)
    if not enabled:
        never = Reason.DISABLED
    if mode == "bypass":
        never = _MODES[mode]
    if never is not None:
        return Ruling(recall=False, semantic=False, keep=False, call=call, reason=never)
    limit = next(iter(limits), None)
    if limit is None and widely:
        limit = Reason.SAMPLING_EXACT_ONLY
    return Ruling(
        recall=mode != "refresh" and not wrong,
        semantic=limit is None,
        keep=True,
        call=call,
        reason=Reason.REPORTED_WRONG if wrong else _MODES.get(mode, limit),
    )


def _samples_widely(request: Request, limit: float | None) -> bool:
    return limit is not None and request.temperature is not None and request.temperature > limit
