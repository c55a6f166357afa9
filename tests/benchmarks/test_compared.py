"""The pairs of answers are what the benchmark says, and the comparison's figures come from them."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from typing import TYPE_CHECKING

import pytest

from benchmarks.answers.compared import BANDS, Fit, fit, load, main, table, told
from benchmarks.answers.contrast import KINDS
from cacheback.core import comparing
from cacheback.core.comparing import Signs
from cacheback.embedders.minilm import MiniLM

if TYPE_CHECKING:
    from cacheback.core.ports import Vector


class Remembering(MiniLM):
    """The same texts are read by several tests."""

    @cache  # noqa: B019 - there is one, and it lasts as long as the tests
    def encode(self, text: str) -> Vector:
        return super().encode(text)


PAIRS = load()
EMBEDDER = Remembering()
FORMS = {
    *("fact", "yesno", "steps", "list", "explanation", "code", "service", "refusal", "classify"),
    "summary",
}


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fit([pair for pair in PAIRS if pair.split == "dev"], EMBEDDER)


class TestPairs:
    def test_there_are_enough_of_every_kind_and_length(self) -> None:
        count = Counter((pair.split, pair.same) for pair in PAIRS)
        assert len(PAIRS) == 260
        assert all(60 <= number <= 70 for number in count.values())
        bands = Counter((pair.split, pair.same, pair.band) for pair in PAIRS)
        assert set(bands) == {(*key, band) for key in count for band in BANDS}
        assert min(bands.values()) >= 14
        words = sorted(len(text.split()) for pair in PAIRS for text in (pair.one, pair.other))
        assert words[0] == 1
        assert words[-1] > 150

    def test_kinds_are_forms_of_answers_or_differences(self) -> None:
        assert {pair.kind for pair in PAIRS if pair.same} == FORMS
        assert {pair.kind for pair in PAIRS if not pair.same} <= {*KINDS, "refusal"}
        assert all(pair.question != pair.other_question for pair in PAIRS if not pair.same)

    def test_no_text_is_in_both_halves(self) -> None:
        halves = defaultdict(set)
        for pair in PAIRS:
            for text in (str(pair.group), pair.question, pair.one, pair.other):
                halves[text].add(pair.split)
        labels = {"Positive", "Negative"}
        assert [text for text, some in halves.items() if len(some) > 1 and text not in labels] == []

    def test_no_pair_is_there_twice(self) -> None:
        assert len({(pair.question, pair.one, pair.other) for pair in PAIRS}) == len(PAIRS)


class TestFigures:
    def test_weights_and_thresholds_are_those_of_the_fit(self, fitted: Fit) -> None:
        # Vectors differ a little between processors.
        assert pytest.approx(fitted.bias, abs=0.3) == comparing._BIAS
        weights = dict(zip(Signs._fields, comparing._WEIGHTS, strict=True))
        assert weights == pytest.approx(fitted.weights, abs=0.3)
        assert pytest.approx(fitted.same_from, abs=0.3) == comparing._SAME_FROM
        assert pytest.approx(fitted.different_below, abs=0.3) == comparing._DIFFERENT_BELOW

    def test_signs_tell_more_than_chance_and_point_where_they_should(self, fitted: Fit) -> None:
        assert fitted.auc > 0.75
        against = {"apart", "opposite", "opening"}
        assert {name for name, weight in fitted.weights.items() if weight < 0} == against

    def test_few_pairs_are_told_wrongly_and_some_rightly(self) -> None:
        test = [pair for pair in PAIRS if pair.split == "test"]
        said = Counter((pair.same, told(pair, EMBEDDER)) for pair in test)
        same, different = (sum(pair.same is one for pair in test) for one in (True, False))
        assert said[True, False] / same < 0.08
        assert said[False, True] / different < 0.08
        assert said[True, True] / same > 0.3
        assert said[False, False] / different > 0.3

    def test_what_is_said_does_not_hang_on_the_order(self) -> None:
        for pair in PAIRS[::3]:
            turned = type(pair)(
                *(pair.group, pair.split, pair.kind, pair.same, pair.question),
                *(pair.other_question, pair.other, pair.one),
            )
            assert told(pair, EMBEDDER) is told(turned, EMBEDDER)


def test_the_table_has_a_row_for_each_length_and_kind() -> None:
    rows = table(PAIRS[:20], EMBEDDER).splitlines()
    assert len(rows) == 2 + 2 * (len(BANDS) + 1)
    assert {row.count("|") for row in rows} == {6}


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--split", "dev", "--wrong"], EMBEDDER)
    said = capsys.readouterr().out
    assert "| all | 68 same |" in said
    wrong = [
        pair for pair in PAIRS if pair.split == "dev" and told(pair, EMBEDDER) is not pair.same
    ]
    wrong = [pair for pair in wrong if told(pair, EMBEDDER) is not None]
    assert said.count("\n  ") == 2 * len(wrong)
    main(["--fit"], EMBEDDER)
    assert "near 3." in capsys.readouterr().out
