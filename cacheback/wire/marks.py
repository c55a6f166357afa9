"""How a response tells what the cache did: marks in its JSON, headers, and the typed way to read.

What may live here: the names under which an outcome travels. What it may not know: HTTP libraries
and SDKs. Marks stand at a response's top level only: SDKs keep them there as attributes, while
inside a message they would be sent back upstream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cacheback.models import JSON, Outcome, Reason, Saved, Tier

BLOCKED = (
    ("X-Cacheback-Hit", "false"),
    ("X-Cacheback-Tier", Tier.NEGATIVE.value),
    ("X-Cacheback-Reason", Reason.BLOCKED.value),
)
"""Headers of a response that refuses a blocked question."""

_SERVED = frozenset({Tier.EXACT, Tier.SEMANTIC, Tier.NEGATIVE})


@dataclass(frozen=True, slots=True)
class Info:
    """What the cache did for one response.

    `hit` is True when memory answered. `similarity` is the cosine of the served (on a miss, the
    nearest) entry, `entry` the id of the served one, `age` its seconds since it was stored. Where
    the answer is `synthesized`, `sources` are the ids of the entries that it was written from, and
    `model` is who wrote it.
    """

    hit: bool
    synthesized: bool
    tier: Tier
    reason: Reason
    detail: str = ""
    similarity: float | None = None
    entry: int | None = None
    age: float | None = None
    saved: Saved = field(default_factory=Saved)
    sources: tuple[int, ...] = ()
    model: str | None = None


def marks(outcome: Outcome, *, discreet: bool = False) -> dict[str, JSON]:
    """The outcome as top-level fields of a response's JSON; `info` reads them back.

    They are `cacheback_hit` and `cacheback_synthesized` (true or false), and `cacheback`: tier,
    reason and its detail, similarity, id of the served entry, age in seconds, and what was saved
    (tokens, US dollars, seconds). What is not known is null. With `discreet` there are only the
    first two: the others tell of what was asked by all who share entries.
    """
    told = {
        "cacheback_hit": outcome.tier in _SERVED,
        "cacheback_synthesized": outcome.synthesized,
    }
    if discreet:
        return told
    return {
        **told,
        "cacheback": {
            "tier": outcome.tier.value,
            "reason": outcome.verdict.reason.value,
            "detail": outcome.verdict.detail,
            "similarity": outcome.similarity,
            "entry": outcome.entry.id if outcome.entry else None,
            "age": outcome.age,
            "saved": {
                "tokens": outcome.saved.tokens,
                "money": outcome.saved.money,
                "seconds": outcome.saved.seconds,
            },
            **_written(outcome),
        },
    }


def _written(outcome: Outcome) -> dict[str, JSON]:
    """From what a synthesised answer was written, and by whom."""
    if not outcome.synthesized:
        return {}
    return {"sources": list(outcome.sources), "model": outcome.model}


def headers(outcome: Outcome, *, discreet: bool = False) -> list[tuple[str, str]]:
    """The outcome as response headers, `X-Cacheback-*`; what is not known is left out.

    With `discreet` reason, similarity and sources are, too.
    """
    told: list[tuple[str, str | None]] = [
        ("X-Cacheback-Hit", _truth(outcome.tier in _SERVED)),
        ("X-Cacheback-Synthesized", _truth(outcome.synthesized)),
        ("X-Cacheback-Tier", outcome.tier.value),
        ("X-Cacheback-Age", _rounded(outcome.age, 0)),
    ]
    if not discreet:
        told += [
            ("X-Cacheback-Reason", outcome.verdict.reason.value),
            ("X-Cacheback-Similarity", _rounded(outcome.similarity, 4)),
            ("X-Cacheback-Sources", ",".join(map(str, outcome.sources)) or None),
        ]
    return [(name, value) for name, value in told if value is not None]


def info(response: object) -> Info | None:
    """What the cache did for a response (an SDK's object or plain JSON).

    None when the response did not pass through cacheback, or passed untouched.
    """
    found = (
        response.get("cacheback")
        if isinstance(response, Mapping)
        else getattr(response, "cacheback", None)
    )
    if not isinstance(found, Mapping):
        return None
    tier = Tier(found["tier"])
    return Info(
        hit=tier in _SERVED,
        synthesized="sources" in found,
        tier=tier,
        reason=Reason(found["reason"]),
        detail=found["detail"],
        similarity=found["similarity"],
        entry=found["entry"],
        age=found["age"],
        saved=Saved(**found["saved"]),
        sources=tuple(found.get("sources", ())),
        model=found.get("model"),
    )


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _rounded(value: float | None, digits: int) -> str | None:
    return None if value is None else f"{value:.{digits}f}"
