"""What was decided lately, in this process's memory: for the dashboard, and for nobody else."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from cacheback.core.observing import Event
from cacheback.errors import BlockedError, NotCachedError
from cacheback.models import Reason, Tier

# Characters of a question that are kept.
_QUESTION = 500
# Minutes of history: a day.
_MINUTES = 1_440
_MINUTE = 60

# Reasons by which a near entry was not served, and from which cosine that is worth a look by a
# person: most paraphrases are above it with the bundled model.
_WORTH = 0.75
_REASONS = frozenset(
    {
        Reason.NUMBER_DIFFERS,
        Reason.NEGATION_DIFFERS,
        Reason.DIRECTION_DIFFERS,
        Reason.COMPARISON_DIFFERS,
        Reason.OPPOSITE,
        Reason.TIME_DIFFERS,
        Reason.NAME_DIFFERS,
        Reason.FORM_DIFFERS,
        Reason.MEANING_DIFFERS,
        Reason.BELOW_THRESHOLD,
    }
)


_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Decision:
    """One request, who answered it and why. `seconds` is until the answer began.

    `tier` is "none" where nobody answered; then `reason` is the reason or the error's name.
    `tenant` is the beginning of its digest, or its name.
    """

    id: int
    at: float
    tier: str
    reason: str
    detail: str
    similarity: float | None
    question: str
    model: str
    tenant: str
    endpoint: str
    entry: int | None
    pattern: int | None
    seconds: float
    money: float | None


def decided(event: Event) -> Decision:
    """What an event says to a person."""
    parts, outcome = event.request.parts, event.outcome
    tier, reason, detail = _verdict(event)
    return Decision(
        id=next(_numbers),
        at=event.at,
        tier=tier,
        reason=reason,
        detail=detail,
        similarity=outcome.similarity if outcome else None,
        question=event.request.question[:_QUESTION],
        model=str(parts.get("model", "")),
        tenant=str(parts.get("tenant", ""))[:12],
        endpoint=str(parts.get("endpoint", "")),
        entry=outcome.entry.id if outcome and outcome.entry else None,
        pattern=_pattern(event.error),
        seconds=event.seconds,
        money=outcome.saved.money if outcome else None,
    )


def _verdict(event: Event) -> tuple[str, str, str]:
    if event.outcome is not None:
        verdict = event.outcome.verdict
        return event.outcome.tier.value, verdict.reason.value, verdict.detail
    if isinstance(event.error, BlockedError):
        match = event.error.match
        return Tier.NEGATIVE.value, Reason.BLOCKED.value, match.reason if match else ""
    kind = "only_if_cached" if isinstance(event.error, NotCachedError) else "upstream_failed"
    return "none", kind, type(event.error).__name__


def _pattern(error: Exception | None) -> int | None:
    return error.match.entry.id if isinstance(error, BlockedError) and error.match else None


def _near(one: Decision) -> bool:
    return one.reason in _REASONS and one.similarity is not None and one.similarity >= _WORTH


class Recent:
    """The last decisions, and how many there were of each tier by minute. Thread-safe.

    Args:
        size: how many decisions are kept.
    """

    def __init__(self, size: int) -> None:
        self._decisions: deque[Decision] = deque(maxlen=size)
        self._minutes: deque[tuple[int, Counter[str]]] = deque(maxlen=_MINUTES)
        self._lock = threading.Lock()

    def add(self, decision: Decision) -> None:
        """Keep it, and count it."""
        with self._lock:
            self._decisions.append(decision)
            minute = int(decision.at) // _MINUTE * _MINUTE
            if not self._minutes or self._minutes[-1][0] < minute:
                self._minutes.append((minute, Counter()))
            self._minutes[-1][1][decision.tier] += 1

    def decisions(self, *, near: bool, tier: str | None, limit: int) -> list[Decision]:
        """The newest first; with `near` only those where an entry was near, and not served."""
        with self._lock:
            known = list(self._decisions)
        found = [
            one
            for one in reversed(known)
            if (tier is None or one.tier == tier) and not (near and not _near(one))
        ]
        return found[:limit]

    def history(self) -> list[tuple[int, Mapping[str, int]]]:
        """By minute (Unix seconds of its beginning): how many requests each tier answered."""
        with self._lock:
            return [(minute, dict(tiers)) for minute, tiers in self._minutes]
