"""Money is known, or it is not; looking it up never fails."""

from __future__ import annotations

import pytest

from cacheback.models import Answer, Usage
from cacheback.prices import price

pytest.importorskip("genai_prices")


def test_a_known_model_has_a_price() -> None:
    cost = price(Answer("Paris.", usage=Usage(1000, 1000), model="gpt-4o-mini", provider="openai"))
    assert cost is not None
    assert cost > 0


@pytest.mark.parametrize(
    "answer",
    [
        Answer("no usage", model="gpt-4o-mini"),
        Answer("no model", usage=Usage(1, 1)),
        Answer("an unknown model", usage=Usage(1, 1), model="nobody's", provider="openai"),
        Answer("counts below zero", usage=Usage(-1, -1), model="gpt-4o-mini", provider="openai"),
    ],
    ids=lambda answer: answer.text,
)
def test_what_is_not_known_is_none(answer: Answer) -> None:
    assert price(answer) is None
