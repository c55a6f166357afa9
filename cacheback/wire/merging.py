"""Deltas put together: what a stream said piece by piece, as one value.

The rules are those of the OpenAI SDK's own accumulation, so that a stored stream is what its
caller saw, with two differences that only concern other providers: an id, role or type that is
repeated in every delta is not repeated in the sum, and numbers are not added up.
"""

from __future__ import annotations

from collections.abc import Mapping

from cacheback.models import JSON

_SAID_ONCE = frozenset({"finish_reason", "id", "index", "role", "type"})

# Deeper than any delta we know (choice, delta, tool call, function, arguments); what is deeper
# is taken as it is, since foreign JSON may be nested more deeply than Python recurses.
_DEPTH = 8


def merge(whole: dict[str, JSON], delta: Mapping[str, JSON], depth: int = _DEPTH) -> None:
    """Add a delta to what was said before; values are taken over, not copied."""
    for name, new in delta.items():
        old = whole.get(name)
        if new is None or (new == "" and old is not None):
            whole.setdefault(name, new)
        elif isinstance(old, str) and isinstance(new, str) and name not in _SAID_ONCE:
            whole[name] = old + new
        elif isinstance(new, dict) and depth and (old is None or isinstance(old, dict)):
            whole[name] = {} if old is None else old
            merge(whole[name], new, depth - 1)
        elif isinstance(new, list) and depth and (old is None or isinstance(old, list)):
            whole[name] = _extended(old or [], new, depth - 1)
        else:
            whole[name] = new


def _extended(old: list[JSON], new: list[JSON], depth: int) -> list[JSON]:
    """Entries that say their index are merged with the one of that index, others come behind."""
    for entry in new:
        same = _of_index(old, entry)
        if same is None:
            old.append(entry)
        else:
            merge(same, entry, depth)
    return old


def _of_index(entries: list[JSON], entry: JSON) -> dict[str, JSON] | None:
    index = entry.get("index") if isinstance(entry, dict) else None
    if not isinstance(index, int) or isinstance(index, bool):
        return None
    found = (one for one in entries if isinstance(one, dict) and one.get("index") == index)
    return next(found, None)
