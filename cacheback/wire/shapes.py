"""Small readings of foreign JSON that every codec needs. Nothing here raises, nothing recurses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from cacheback.models import JSON


def is_list(value: JSON) -> TypeGuard[Sequence[JSON]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def are_objects(value: JSON) -> TypeGuard[Sequence[Mapping[str, JSON]]]:
    """True for a list, also an empty one, of nothing but objects."""
    return is_list(value) and all(isinstance(one, Mapping) for one in value)


def text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


def number(value: JSON) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def fields(body: Mapping[str, JSON], defaults: Mapping[str, JSON]) -> dict[str, JSON]:
    """What a request's body really says: neither null nor set to its default."""
    plain = {name: _plain(value) for name, value in body.items()}
    return {name: value for name, value in plain.items() if not _unsaid(value, defaults.get(name))}


def _unsaid(value: JSON, default: JSON) -> bool:
    """True for a field that is null or set to its default. (1 is not True here, nor 0 False.)"""
    return value is None or (type(value) is type(default) and value == default)


def _plain(value: JSON) -> JSON:
    """1.0 → 1: one number, which Python would write in two ways."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def filled(parts: Mapping[str, JSON]) -> dict[str, JSON]:
    """Parts of a scope without those that say nothing."""
    return {name: part for name, part in parts.items() if part not in (None, "", [], {})}
