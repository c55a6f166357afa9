"""What a program asks of the cache for some of its calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from cacheback.models import Label, Mode
from cacheback.wire.controls import controls, headers

C = TypeVar("C")


def options(
    client: C,
    *,
    mode: Mode | None = None,
    ttl: float | None = None,
    threshold: float | None = None,
    namespace: str | None = None,
    tags: Iterable[str] = (),
    feedback: Label | None = None,
) -> C:
    """A copy of a cached client whose calls ask this of the cache; both share everything else.

    >>> fresh = options(client, mode="refresh")
    >>> options(client, feedback="wrong").chat.completions.create(**that_call)

    Args:
        client: a cached client, or one that went through `cacheback.wrap`.
        mode: `refresh` asks upstream and stores, `bypass` neither looks nor stores,
            `only-if-cached` raises the SDK's error for status 504 where memory has nothing,
            `shadow` asks upstream whatever memory has, and compares.
        ttl: seconds until new entries expire; `math.inf` for never.
        threshold: cosine from which meaning counts.
        namespace: another namespace.
        tags: of new entries.
        feedback: for the one call that asks again what memory has answered: it was `wrong` for this
            question, so upstream answers, now and from now on; or it was `right`.

    Raises:
        InputError: a value is not what it must be.
    """
    told = headers(
        mode=mode,
        ttl=ttl,
        threshold=threshold,
        namespace=namespace,
        tags=tags,
        feedback=feedback,
    )
    controls(told.items())  # a mistake is told here, not by the first call
    sdk_client: Any = client
    # Some clients of other clouds would make a connection of their own, which knows no cache.
    copied: C = sdk_client.copy(default_headers=told, http_client=sdk_client._client)  # noqa: SLF001 - as in `wrap`
    return copied
