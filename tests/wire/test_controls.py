from __future__ import annotations

import math

import pytest

from cacheback.errors import InputError
from cacheback.models import Controls
from cacheback.wire.controls import controls


def test_without_headers_all_is_as_set() -> None:
    assert controls([("content-type", "application/json")]) == Controls()


def test_every_control() -> None:
    assert controls(
        [
            ("X-Cacheback-Mode", "refresh"),
            ("x-cacheback-ttl", "60"),
            ("X-CACHEBACK-THRESHOLD", "0.8"),
            ("X-Cacheback-Namespace", "shop"),
            ("X-Cacheback-Tags", "a, b,,c "),
            ("X-Cacheback-Feedback", "wrong"),
        ]
    ) == Controls("refresh", 60, 0.8, "shop", ("a", "b", "c"), "wrong")


def test_for_ever() -> None:
    assert controls([("X-Cacheback-TTL", "inf")]).ttl == math.inf


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("X-Cacheback-Mode", "off", "default, refresh, bypass, only-if-cached"),
        ("X-Cacheback-TTL", "-1", "above 0"),
        ("X-Cacheback-TTL", "soon", "above 0"),
        ("X-Cacheback-Threshold", "1.5", "at most 1"),
        ("X-Cacheback-Threshold", "nan", "at most 1"),
        ("X-Cacheback-Tag", "a", "x-cacheback-tags"),
        ("X-Cacheback-Feedback", "bad", "right or wrong"),
    ],
)
def test_a_bad_value_names_the_remedy(name: str, value: str, remedy: str) -> None:
    with pytest.raises(InputError, match=remedy):
        controls([(name, value)])
