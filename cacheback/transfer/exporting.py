"""Export: entries as JSON lines, read page by page, so that memory does not grow with the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from cacheback.core.ports import Selection
from cacheback.transfer.line import dump_line

if TYPE_CHECKING:
    from cacheback.cache import SemanticCache
    from cacheback.core.ports import Store
    from cacheback.models import Entry

# Entries read at once, about 1 MB.
PAGE = 256

_EVERYTHING = Selection()


def export_entries(
    cache: SemanticCache,
    file: IO[bytes],
    *,
    selection: Selection = _EVERYTHING,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Write entries to a file as JSON lines (UTF-8), by ascending id; returns how many.

    Expired entries that were not evicted yet are among them; damaged ones are not.

    Args:
        cache: whose entries; entries that others add meanwhile are exported, too.
        file: opened for writing bytes.
        selection: which entries, see `SemanticCache.selection`.
        on_progress: called now and then with how many were written.

    Raises:
        StoreError, OSError: reading or writing failed; what was written is whole lines.
    """
    cache.ready()
    written = 0
    for page in _pages(cache.store, selection):
        written += sum(1 for line in _lines(cache.store, page) if file.write(line))
        if on_progress is not None:
            on_progress(written)
    return written


def _pages(store: Store, selection: Selection) -> Iterator[Sequence[Entry]]:
    after = 0
    while page := store.select(selection, after=after, limit=PAGE):
        yield page
        after = page[-1].id


def _lines(store: Store, page: Sequence[Entry]) -> Iterator[bytes]:
    """An entry without a vector is one that only the exact tier may serve, and must stay so."""
    by_scope: dict[str, list[int]] = {}
    for entry in page:
        by_scope.setdefault(entry.scope, []).append(entry.id)
    parts = {scope: store.scope_parts(scope) for scope in by_scope}
    comparable = {
        entry_id for scope, ids in by_scope.items() for entry_id in store.vectors(scope, ids)[0]
    }
    for entry in page:
        scope = parts[entry.scope]
        if scope is not None:  # else the scope went with its last entry since the page was read
            yield dump_line(entry, scope, exact_only=entry.id not in comparable)
