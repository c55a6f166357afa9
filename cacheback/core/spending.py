"""Spending: what calls of models cost, and what that leaves of what was saved. Pure.

What may live here: counting a call, its tokens and its price. What it may not know: who calls, and
what for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cacheback.models import Answer, Saved, Usage

if TYPE_CHECKING:
    from cacheback.core.parts import Parts


def spend(
    parts: Parts, on: str, usage: Usage | None, model: str | None, provider: str | None
) -> Usage | None:
    """Count a call as `calls.…`, and what is known of it as `tokens.…` and `cost.…` (US dollars).

    Returns its usage, with the cost where the price is known.
    """
    if usage is not None and usage.cost is None:
        priced = Answer("", usage=usage, model=model, provider=provider)
        usage = replace(usage, cost=parts.price(priced))
    count = parts.tally.count
    count(f"calls.{on}")
    if usage is not None:
        count(f"tokens.{on}", usage.total)
        count(f"cost.{on}", usage.cost or 0.0)
    return usage


def charge(parts: Parts, usage: Usage) -> None:
    """Take what a call cost off what was saved, as it gave nobody an answer."""
    if usage.total:
        parts.tally.count("saved.tokens", -usage.total)
    if usage.cost:
        parts.tally.count("saved.money", -usage.cost)


def less(saved: Saved, usage: Usage) -> Saved:
    """What a hit saved, less what checking it cost; what is not known takes nothing off."""
    money = (saved.money or 0.0) - usage.cost if usage.cost else saved.money
    return replace(saved, tokens=saved.tokens - usage.total, money=money)
