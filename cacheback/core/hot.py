"""The hot map: recently served entries in memory, for an exact hit in microseconds.

What may live here: a bounded map from (scope, question digest) to entry. What it may not know:
the store. It needs no lock: each step on an OrderedDict is atomic.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress

from cacheback.models import Entry


class HotMap:
    """At most `size` entries; the one that was not asked for the longest goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[tuple[str, str], Entry] = OrderedDict()
        self.generation = 0
        """Grows with everything forgotten. Whoever reads an entry from the store notes it first
        and passes it to `put`: an entry that was removed meanwhile is then not brought back."""

    def get(self, scope: str, digest: str) -> Entry | None:
        entry = self._entries.get((scope, digest))
        if entry is not None:
            with suppress(KeyError):  # another thread has just dropped it; it was still right
                self._entries.move_to_end((scope, digest))
        return entry

    def put(self, entry: Entry, generation: int) -> None:
        if generation != self.generation or self._size < 1:
            return
        key = (entry.scope, entry.question_digest)
        self._entries[key] = entry
        if generation != self.generation:  # forgotten between the check and the insertion
            self._entries.pop(key, None)
        while len(self._entries) > self._size:
            with suppress(KeyError):  # another thread emptied it
                self._entries.popitem(last=False)

    def forget(self, scope: str, digest: str) -> None:
        self.generation += 1
        self._entries.pop((scope, digest), None)

    def clear(self) -> None:
        self.generation += 1
        self._entries.clear()
