"""What a guard is, and the ways of comparing that guards share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Generic, TypeVar

from cacheback.core.guards.reading import REMEMBERED, Reading, reading
from cacheback.models import Reason

F = TypeVar("F")


class Guard(Generic[F]):
    """Sees one kind of difference in meaning between two texts of nearly the same words.

    Called with two questions it returns None (nothing seen), or a few words for a person on what
    differs, such as "7 ≠ 14". Symmetric, and silent on equal texts by construction: `read` takes
    the facts from each text alone (remembered for the last 1024 texts), `differ` compares facts.
    """

    def __init__(
        self,
        reason: Reason,
        read: Callable[[Reading], F],
        differ: Callable[[F, F], str | None],
    ) -> None:
        self.reason = reason
        self._differ = differ
        self._facts = lru_cache(REMEMBERED)(lambda text: read(reading(text)))

    def __repr__(self) -> str:
        return f"Guard({self.reason.value})"

    def __call__(self, question: str, other: str) -> str | None:
        mine, theirs = self._facts(question), self._facts(other)
        return None if mine == theirs else self._differ(mine, theirs)


def unmatched(
    mine: Mapping[str, str],
    may_mine: AbstractSet[str],
    theirs: Mapping[str, str],
    may_theirs: AbstractSet[str],
) -> str | None:
    """What one side must have and the other does not even mention.

    `mine` and `theirs` map what must be matched to how it is shown; the sets are what can match.
    """
    only_mine = [shown for key, shown in mine.items() if key not in may_theirs]
    only_theirs = [shown for key, shown in theirs.items() if key not in may_mine]
    return contrast(only_mine, only_theirs)


def contrast(mine: Collection[str], theirs: Collection[str]) -> str | None:
    """Words for what stands only on one side, or None when nothing does."""
    if mine and theirs:
        return f"{', '.join(mine)} ≠ {', '.join(theirs)}"
    if mine:
        return f"{', '.join(mine)} is asked only now"
    if theirs:
        return f"{', '.join(theirs)} was asked only then"
    return None


def rivals(mine: AbstractSet[str], theirs: AbstractSet[str]) -> str | None:
    """Both sides name something of one kind, and nothing in common."""
    if mine and theirs and mine.isdisjoint(theirs):
        return f"{', '.join(sorted(mine))} ≠ {', '.join(sorted(theirs))}"
    return None
