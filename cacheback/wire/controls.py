"""What one request may ask of the cache: the `X-Cacheback-*` request headers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast, get_args

from cacheback.errors import InputError
from cacheback.models import Controls, Label, Mode

PREFIX = "x-cacheback-"
"""Every header that begins so is ours, and is never sent upstream."""

_KNOWN = ("mode", "ttl", "threshold", "namespace", "tags", "feedback")


def controls(headers: Iterable[tuple[str, str]]) -> Controls:
    """Read the control headers among a request's headers.

    - `X-Cacheback-Mode`: default, refresh, bypass, only-if-cached or shadow
    - `X-Cacheback-TTL`: seconds above 0, or `inf` for never
    - `X-Cacheback-Threshold`: cosine, 0 to 1
    - `X-Cacheback-Namespace`: a name
    - `X-Cacheback-Tags`: names with commas between them
    - `X-Cacheback-Feedback`: right or wrong, what memory answers to this request

    Raises:
        InputError: an unknown control, or a value that cannot be read.
    """
    given = {
        name.lower().removeprefix(PREFIX): value.strip()
        for name, value in headers
        if name.lower().startswith(PREFIX)
    }
    unknown = sorted(set(given) - set(_KNOWN))
    if unknown:
        raise InputError(
            f"unknown header {PREFIX}{unknown[0]}; known are"
            f" {', '.join(PREFIX + name for name in _KNOWN)}"
        )
    return Controls(
        mode=_mode(given.get("mode", "default")),
        ttl=_number("ttl", given.get("ttl"), math.inf),
        threshold=_number("threshold", given.get("threshold"), 1),
        namespace=given.get("namespace") or None,
        tags=tuple(tag for part in given.get("tags", "").split(",") if (tag := part.strip())),
        feedback=_label(given.get("feedback")),
    )


def headers(
    *,
    mode: str | None,
    ttl: float | None,
    threshold: float | None,
    namespace: str | None,
    tags: Iterable[str],
    feedback: str | None = None,
) -> dict[str, str]:
    """The control headers that say this; `controls` reads them.

    Raises:
        InputError: tags are not a list of names, or one has a comma.
    """
    names = list(tags)
    if isinstance(tags, str) or any("," in name for name in names):
        raise InputError(f"tags is a list of names without commas, not {tags!r}")
    told = {
        "mode": mode,
        "ttl": ttl,
        "threshold": threshold,
        "namespace": namespace,
        "feedback": feedback,
    }
    said = {PREFIX + name: str(value) for name, value in told.items() if value is not None}
    return {**said, PREFIX + "tags": ",".join(names)} if names else said


def _mode(text: str) -> Mode:
    if text not in get_args(Mode):
        raise InputError(f"{PREFIX}mode is {text!r}; it must be one of {', '.join(get_args(Mode))}")
    return cast("Mode", text)


def _label(text: str | None) -> Label | None:
    if text is not None and text not in get_args(Label):
        raise InputError(f"{PREFIX}feedback is {text!r}; it must be right or wrong")
    return cast("Label | None", text)


def _number(name: str, text: str | None, high: float) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= high:
        bound = "above 0" if math.isinf(high) else f"above 0, at most {high:g}"
        raise InputError(f"{PREFIX}{name} is {text!r}; it must be a number {bound}")
    return value
