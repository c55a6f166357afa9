"""How commands print."""

from __future__ import annotations

import pytest

from cacheback.cli.console import dollars


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0.0, "$0.00"),
        (0.0000001, "less than $0.001"),
        (0.00099, "less than $0.001"),
        (0.001, "$0.0010"),
        (0.00423, "$0.0042"),
        (0.009949, "$0.0099"),
        (0.00996, "$0.01"),
        (0.014, "$0.01"),
        (0.5, "$0.50"),
        (1234.567, "$1,234.57"),
        (-0.00423, "-$0.0042"),
        (-2.5, "-$2.50"),
        (-0.0000001, "$0.00"),
    ],
)
def test_dollars_are_told_in_cents_or_in_what_tells_something(amount: float, told: str) -> None:
    assert dollars(amount) == told
