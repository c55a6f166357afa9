"""What a user of a store relies on while others may change it."""

from __future__ import annotations

from collections.abc import Mapping

from cacheback.errors import EmbedderMismatchError


def require_meta(found: Mapping[str, str], relied_on: Mapping[str, str | None]) -> None:
    """Raise EmbedderMismatchError unless all of this meta is as it was relied on to be."""
    for key, wanted in relied_on.items():
        if found.get(key) != wanted:
            raise EmbedderMismatchError(
                "the vectors of this store were changed to another embedder since it was opened,"
                f" or are being changed ({key!r} is {found.get(key)}, not {wanted}); close it, and"
                " open it again with that embedder"
            )
