"""What people are told in words."""

from __future__ import annotations

import pytest

from cacheback.cli.words import REASONS, TIERS, counted
from cacheback.models import Reason, Tier


def test_every_reason_and_tier_has_words() -> None:
    assert set(REASONS) == set(Reason)
    assert set(TIERS) == set(Tier)


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 rows, 0 entries"),
        (1, "1 row, 1 entry"),
        (2, "2 rows, 2 entries"),
        (2_000, "2,000 rows, 2,000 entries"),
        (-1, "-1 row, -1 entry"),
    ],
)
def test_a_count_agrees_with_its_noun(count: int, told: str) -> None:
    assert f"{counted(count, 'row')}, {counted(count, 'entry', 'entries')}" == told
