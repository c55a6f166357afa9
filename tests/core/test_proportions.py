from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheback.core.proportions import exact_interval


def at_most(some: int, of: int, share: float) -> float:
    return math.fsum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(some + 1))


@pytest.mark.parametrize(
    ("some", "of", "low", "high"),
    [  # tables of Clopper-Pearson intervals, such as those of R's binom.test
        (0, 10, 0.0, 0.30850),
        (1, 10, 0.00253, 0.44502),
        (5, 10, 0.18709, 0.81291),
        (10, 10, 0.69150, 1.0),
        (0, 150, 0.0, 0.02429),
        (3, 200, 0.00310, 0.04321),
    ],
)
def test_known_intervals(some: int, of: int, low: float, high: float) -> None:
    assert exact_interval(some, of) == pytest.approx((low, high), abs=1e-5)


def test_nothing_seen_tells_nothing() -> None:
    assert exact_interval(0, 0) == (0.0, 1.0)


@settings(deadline=None)
@given(st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_its_ends_are_where_the_tails_are_half_of_what_is_left(seen: tuple[int, int]) -> None:
    some, of = seen
    low, high = exact_interval(some, of, 0.9)
    assert low <= some / of <= high
    if some:
        assert 1 - at_most(some - 1, of, low) == pytest.approx(0.05, rel=1e-6)
    if some < of:
        assert at_most(some, of, high) == pytest.approx(0.05, rel=1e-6)


@settings(deadline=None)
@given(st.integers(1, 20_000), st.floats(0, 1))
def test_large_numbers_give_narrow_intervals_around_the_share(of: int, share: float) -> None:
    some = round(of * share)
    low, high = exact_interval(some, of)
    seen = some / of
    assert 0 <= low <= seen <= high <= 1
    assert high - low <= 4 * math.sqrt(seen * (1 - seen) / of) + 12 / of
