"""What the tests of all codecs need."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cacheback.models import JSON
from cacheback.wire.codec import Codec

Differing = Callable[[Codec, JSON, JSON], set[str]]


@pytest.fixture(scope="session")
def differing() -> Differing:
    """The names of the parts in which two requests differ, as canonical JSON would see it."""

    def differing(codec: Codec, one: JSON, other: JSON) -> set[str]:
        here, there = codec.parse(one), codec.parse(other)
        assert here is not None
        assert there is not None
        names = {*here.parts, *there.parts}
        changed = {n for n in names if _bytes(here.parts.get(n)) != _bytes(there.parts.get(n))}
        return changed | ({"question"} if here.question != there.question else set())

    return differing


def _bytes(value: JSON) -> str:
    return json.dumps(value, sort_keys=True)
