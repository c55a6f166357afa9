"""`cacheback calibrate`: reading pairs, reckoning, and the command with the real model."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cacheback import InputError, SemanticCache, Settings
from cacheback.cli.calibration.advice import (
    Calibrated,
    Recommended,
    advise,
    few,
    snippets,
    worst,
)
from cacheback.cli.calibration.curves import Choice, Point, Scores, Share, choose, needed
from cacheback.cli.calibration.measuring import LeftOut, Measured, measure
from cacheback.cli.calibration.pairs import LabelledPair, read_pairs
from cacheback.cli.calibration.showing import show, tell_remarks
from cacheback.core.judge import GuardedThreshold
from cacheback.core.ports import Pair
from cacheback.core.proportions import exact_interval
from cacheback.embedders.checked import Checked
from cacheback.models import Reason, Verdict

PAIRS = Path(__file__).with_name("pairs.csv")
BEGINNINGS = {"near.png": b"\x89PNG", "near.SVG": b"<?xml", "near.pdf": b"%PDF"}
HEADER = "question,other question,same\n"
HUNDREDTHS = tuple(n / 100 for n in range(50, 100))


class TestReading:
    @pytest.mark.parametrize(
        "text",
        [
            "question,other question,same\na,b,yes\nc,d,no\n",
            "id,question1,question2,is_duplicate\n1,a,b,1\n2,c,d,0\n",
            "Label;Other;Question\r\nTRUE;b;a\r\nFalse;d;c\r\n",
            "\n\nq1\tq2\tlabel\na\tb\tsame\n\n \t\t\nc\td\tdifferent\n",
            '"Question","Other question","Same?"\n"a","b","Y"\n"c","d","N"',
            "text1|text2|label\r a | b |1.0\rc|d|0.0",
            '{"q1": "a", "q2": "b", "same": 1}\n\n{"q2": "d", "q1": "c", "z": 7, "same": "no"}\n',
            '{"Q1": "a", "Q2": "b", "Label": true}\r\n{"Q1": "c", "Q2": "d", "Label": 0.0}',
        ],
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_forms(self, text: str, encoding: str) -> None:
        found = read_pairs(text.encode(encoding))
        told = [(one.question, one.other, one.same) for one in found.pairs]
        assert told == [("a", "b", True), ("c", "d", False)]
        assert (found.bad, found.repeated) == ((), 0)

    def test_texts_are_kept_and_lines_counted_through_quoted_breaks(self) -> None:
        text = HEADER + '"Wer,\r\n""wo""?\nWann?","é 🌃",no\nx,y,yes\n'
        assert read_pairs(text.encode()).pairs == (
            LabelledPair(2, 'Wer,\r\n"wo"?\nWann?', "é 🌃", same=False),
            LabelledPair(5, "x", "y", same=True),
        )

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (b"a,b,maybe", "same is 'maybe'; write yes or no"),
            (b"a,b,", "same is missing"),
            (b",b,yes", "question is missing"),
            (b"a,  ,yes", "other is empty"),
            (b"a,b", "2 columns instead of 3"),
            (b"a", "1 column instead of 3; is a quotation mark not closed?"),
            (b"a, I said,b,yes", "4 columns instead of 3; put texts that hold the delimiter"),
            (b"a,caf\xe9,no", "other is not UTF-8; save the file"),
            (b'a,"b,no\nc,d,yes', "is a quotation mark not closed?"),
            (b"a," + b"b" * 2_000_000 + b",yes", "cannot be read: field larger than"),
        ],
    )
    def test_a_bad_row_is_told_with_its_line_and_nothing_else_is_lost(
        self, row: bytes, reason: str
    ) -> None:
        closed = b"" if row.count(b'"') % 2 else b"\nlast,one,no"
        found = read_pairs(f"{HEADER}first,one,yes\n".encode() + row + closed)
        ((line, told),) = found.bad
        assert line == 3
        assert reason in told
        kept = [one.question for one in found.pairs]
        assert kept == (["first", "last"] if closed else ["first"])

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            ('{"question": "a", "other": "b"}', "same is missing"),
            ('{"question": 1, "other": "b", "same": true}', "question must be text"),
            ('{"question": "a", "q1": "c", "other": "b", "same": 1}', "question is there twice"),
            ('{"question": "a"', "no JSON"),
            ("[1]", "no JSON object"),
            ('{"question": "a", "other": "b", "same": 2}', "same is '2'"),
            ("[" * 100_000, "no JSON"),
        ],
    )
    def test_a_bad_line_of_json(self, row: str, reason: str) -> None:
        good = '{"question": "a", "other": "b", "same": true}'
        found = read_pairs(f"{good}\n{row}\n".encode())
        ((line, told),) = found.bad
        assert line == 2
        assert reason in told
        assert len(found.pairs) == 1

    def test_repeated_pairs_count_once_and_contradictions_are_bad(self) -> None:
        found = read_pairs(f"{HEADER}a,b,yes\nb,a,yes\na, b,1\nb,a,no\n".encode())
        assert len(found.pairs) == 1
        assert found.repeated == 2
        assert found.bad == ((5, "line 2 says the opposite of the same two questions"),)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " \n",
            ",,;\n",
            "a,b,yes\nc,d,no\n",
            "question,other\na,b\n",
            "question,query,other,same\n",
            "x" * 2_000_000,
        ],
        ids=lambda text: text[:30],
    )
    def test_a_file_that_does_not_name_its_columns(self, text: str) -> None:
        with pytest.raises(InputError, match="must name the columns: question, other, same"):
            read_pairs(text.encode())


class TestCurves:
    def test_a_threshold_serves_what_reaches_it_and_never_what_has_no_score(self) -> None:
        scores = Scores([(True, 0.9), (True, 0.8), (True, None), (False, 0.8), (False, 0.7)])
        assert scores.at(0.8) == Point(0.8, Share(2, 3), Share(1, 2))
        assert scores.at(0.81) == Point(0.81, Share(1, 3), Share(0, 2))
        assert scores.at(0.0) == Point(0.0, Share(2, 3), Share(2, 2))

    def test_a_share_has_the_interval_of_clopper_and_pearson(self) -> None:
        assert Share(3, 20).value == 0.15
        assert Share(3, 20).interval == exact_interval(3, 20)
        assert Share(3, 20).interval == pytest.approx((0.0321, 0.3789), abs=1e-4)
        assert (Share(0, 0).value, Share(0, 0).interval) == (None, (0.0, 1.0))

    @pytest.mark.parametrize("most", [0.001, 0.01, 0.02, 0.5, 0.999])
    def test_how_many_pairs_a_bound_takes(self, most: float) -> None:
        count = int(needed(most))
        assert exact_interval(0, count)[1] <= most < exact_interval(0, count - 1)[1]

    def test_a_bound_of_none_can_never_be_shown(self) -> None:
        assert (needed(0.01), needed(0.01, 6)) == (368, 546)
        assert needed(0.0) == needed(0.0, 6) == math.inf

    def test_the_best_of_several_choices_has_to_show_more(self) -> None:
        scores = Scores([(True, 0.9)] + [(False, 0.95)] + [(False, 0.1)] * 599)
        assert choose(scores, HUNDREDTHS, 0.01).point is not None
        assert exact_interval(1, 600)[1] < 0.01 < exact_interval(1, 600, 1 - 0.05 / 6)[1]
        assert choose(scores, HUNDREDTHS, 0.01, walks=6) == Choice(None, "interval")

    def test_with_few_pairs_the_share_itself_has_to_stay_below(self) -> None:
        scores = Scores([(True, n / 100) for n in range(60, 100)] + [(False, 0.7)] * 20)
        chosen = choose(scores, HUNDREDTHS, 0.01)
        assert chosen.criterion == "estimate"
        assert chosen.point == Point(0.71, Share(29, 40), Share(0, 20))
        assert choose(scores, HUNDREDTHS, 0.99).criterion == "interval"

    def test_with_many_the_upper_end_of_the_interval_has_to(self) -> None:
        others = [0.9] * 4 + [0.8] * 4 + [0.3] * 992
        scores = Scores(
            [(True, n / 100) for n in range(60, 100)] + [(False, one) for one in others]
        )
        chosen = choose(scores, HUNDREDTHS, 0.01)
        assert chosen.criterion == "interval"
        assert chosen.point is not None
        # 4 in 1,000 may be up to 1.02 %, although they are 0.4 %.
        assert exact_interval(4, 1000)[1] > 0.01 > exact_interval(0, 1000)[1]
        assert chosen.point.threshold == 0.91
        looser = choose(scores, HUNDREDTHS, 0.012).point
        assert looser is not None
        assert (looser.threshold, looser.other) == (0.81, Share(4, 1000))

    def test_of_thresholds_that_serve_the_same_the_highest_is_chosen(self) -> None:
        scores = Scores([(True, 0.9), (True, 0.95), (False, 0.6)])
        chosen = choose(scores, HUNDREDTHS, 0.0).point
        assert chosen == Point(0.9, Share(2, 2), Share(0, 1))

    def test_no_threshold_where_the_other_pairs_are_the_nearest(self) -> None:
        assert choose(Scores([(True, 0.9), (False, 0.999)]), HUNDREDTHS, 0.01).point is None
        assert choose(Scores([(True, None), (False, 0.2)]), HUNDREDTHS, 0.01).point is None


SERVED, REFUSED = Verdict(True, Reason.ABOVE_THRESHOLD), Verdict(False, Reason.BELOW_THRESHOLD)
VETO = Verdict(False, Reason.NUMBER_DIFFERS, "1 / 2")


def scored(
    same: bool, cosine: float, probability: float | None = None, veto: Verdict | None = None
) -> Measured:
    pair = LabelledPair(1, f"{same} {cosine}", "other", same)
    now = veto or (SERVED if cosine >= 0.92 else REFUSED)
    return Measured(pair, cosine, veto, probability, now)


class TestAdvice:
    def test_without_a_probability_the_cosine_is_chosen(self) -> None:
        measured = [scored(True, 0.93), scored(True, 0.85), scored(False, 0.8)]
        advice = advise([*measured, scored(False, 0.99, veto=VETO)], 0.01)
        assert advice.now == (Share(1, 2), Share(0, 2))
        assert (advice.gate, advice.probability) == (None, ())
        assert advice.recommended is not None
        assert advice.recommended.judge_threshold is None
        assert advice.recommended.point == Point(0.85, Share(2, 2), Share(0, 2))
        assert snippets(advice.recommended) == (
            "SemanticCache(similarity_threshold=0.85)",
            "CACHEBACK_SIMILARITY_THRESHOLD=0.85",
        )

    def test_with_one_the_cosine_is_a_gate_and_the_probability_is_chosen(self) -> None:
        measured = [
            scored(True, 0.84, 0.8),
            scored(True, 0.88, 0.85),
            scored(True, 0.95, 0.5),
            scored(False, 0.97, 0.6),
            scored(False, 0.6, 0.99),  # below every gate
            scored(False, 0.99, veto=VETO),
        ]
        advice = advise(measured, 0.01)
        assert advice.recommended == Recommended(0.84, 0.8, Point(0.8, Share(2, 3), Share(0, 3)))
        assert advice.gate == 0.84
        assert snippets(advice.recommended)[1] == (
            "CACHEBACK_SIMILARITY_THRESHOLD=0.84\nCACHEBACK_JUDGE_THRESHOLD=0.8"
        )
        others, same = worst(measured, 9)
        assert [one.cosine for one in others] == [0.97]
        assert [one.cosine for one in same] == [0.95, 0.84, 0.88]

    def test_a_gate_that_parts_better_than_the_probability_is_found(self) -> None:
        same = [scored(True, 0.93 + n / 1000, 0.5) for n in range(10)]
        advice = advise([*same, scored(False, 0.86, 0.9), scored(False, 0.99, 0.2)], 0.01)
        assert advice.recommended == Recommended(0.93, 0.5, Point(0.5, Share(10, 10), Share(0, 2)))
        assert advice.walks == 6

    def test_what_such_a_judge_serves_without_one_no_probability_keeps_back(self) -> None:
        unread = scored(False, 0.95)
        advice = advise([scored(True, 0.9, 0.9), scored(False, 0.8, 0.2), unread], 0.01)
        assert {one.other.some for one in advice.probability[30:]} == {1}
        assert advice.recommended is None
        assert worst([scored(False, 0.8, 0.9), unread], 1)[0] == [unread]

    def test_the_gate_is_never_below_what_the_judge_is_for(self) -> None:
        advice = advise([scored(True, 0.3, 0.9), scored(False, 0.2, 0.1)], 0.01)
        assert advice.gate == 0.7
        assert advice.recommended is None
        assert worst([scored(False, 0.3, 0.9)], 1) == ([], [])

    def test_worst_pairs(self) -> None:
        others = [scored(False, cosine) for cosine in (0.5, 0.9, 0.7)]
        same = [scored(True, cosine) for cosine in (0.5, 0.9)]
        vetoed = [scored(False, 0.95, veto=VETO), scored(True, 0.99, veto=VETO)]
        found_others, found_same = worst([*others, *same, *vetoed], 2)
        assert [one.cosine for one in found_others] == [0.9, 0.7]
        assert [one.cosine for one in found_same] == [0.99, 0.5]
        assert worst([*others, *same], 0) == ([], [])

    def test_few_pairs_of_a_kind(self) -> None:
        measured = [scored(True, 0.9)] * 30 + [scored(False, 0.9)] * 29
        assert list(few(measured)) == [("other", 29)]


class Telling:
    """A judge of one's own: guards, and the share of words in common as its probability."""

    def judge(self, pair: Pair) -> Verdict:
        verdict = GuardedThreshold().judge(pair)
        if not verdict.serve:
            return verdict
        one, other = set(pair.question.lower().split()), set(pair.other.lower().split())
        probability = len(one & other) / len(one | other)
        if probability < (0.65 if pair.at_least is None else pair.at_least):
            return Verdict(False, Reason.MEANING_DIFFERS, probability=probability)
        return replace(verdict, probability=probability)


class TestMeasuring:
    def test_each_pair_has_what_the_cache_would_find(self, embedder: Any) -> None:
        pairs = read_pairs(PAIRS.read_bytes()).pairs
        counted: list[int] = []
        with SemanticCache(":memory:", embedder=embedder) as cache:
            parts, threshold = cache.engine.parts, cache.settings.similarity_threshold
            measured, left_out = measure(
                pairs, parts.embedder, parts.judge, threshold, counted.append
            )
            assert left_out == []
            assert [one.pair for one in measured] == list(pairs)
            assert sum(counted) == len(pairs)
            for one in measured[::4]:
                cache.clear()
                cache.populate(one.pair.other, "So.")
                (candidate,) = cache.search(one.pair.question, 1)
                assert candidate.similarity == pytest.approx(one.cosine, abs=1e-3)
                assert candidate.verdict.serve == one.now.serve

    def test_what_is_never_compared_is_left_out(self, embedder: Any) -> None:
        pairs = [
            LabelledPair(2, "long " * 2000, "b", same=True),
            LabelledPair(3, "What is it?", "Что это такое? Как это работает?", same=False),
            LabelledPair(4, "What is it?", "What is that?", same=True),
        ]
        measured, left_out = measure(pairs, Checked(embedder), GuardedThreshold(), 0.92)
        assert left_out == [
            LeftOut(pairs[0], Reason.TOO_LONG),
            LeftOut(pairs[1], Reason.UNREADABLE),
        ]
        assert [one.pair for one in measured] == pairs[2:]

    def test_what_the_judge_does_not_read_is_left_out_too(self, embedder: Any) -> None:
        class Blind:
            def judge(self, _: Pair) -> Verdict:
                return Verdict(False, Reason.UNREADABLE)

        pair = LabelledPair(2, "a", "b", same=True)
        found = measure([pair], Checked(embedder), Blind(), 0.92)
        assert found == ([], [LeftOut(pair, Reason.UNREADABLE)])

    def test_a_judge_that_tells_a_probability(self, embedder: Any) -> None:
        pairs = read_pairs(PAIRS.read_bytes()).pairs
        measured, _ = measure(pairs, Checked(embedder), Telling(), 0.85)
        free = [one for one in measured if one.veto is None]
        assert all(one.probability is not None for one in free)
        assert all(one.probability is None for one in measured if one.veto)
        refused = [one for one in free if one.now.reason is Reason.MEANING_DIFFERS]
        assert refused
        assert all((one.probability or 0) < 0.65 for one in refused)
        advice = advise(measured, 0.05)
        chosen = advice.recommended
        assert chosen is not None
        assert advice.gate == chosen.similarity_threshold
        served = [
            one
            for one in measured
            if Telling()
            .judge(
                Pair(
                    one.pair.question,
                    one.pair.other,
                    one.cosine,
                    threshold=chosen.similarity_threshold,
                    at_least=chosen.judge_threshold,
                )
            )
            .serve
        ]
        assert sum(one.pair.same for one in served) == chosen.point.same.some
        assert sum(not one.pair.same for one in served) == chosen.point.other.some


def test_one_of_each_is_told_as_one(embedder: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "Who wrote Faust?,who wrote Faust,yes\nWho wrote Faust?,who wrote Faust,yes\n"
    found = read_pairs(f"{HEADER}{rows}Who wrote Faust?,What is a cow?,no\n".encode())
    measured, left_out = measure(found.pairs, Checked(embedder), GuardedThreshold(), 0.85)
    others, same = worst(measured, 5)
    advice = advise(measured, 0.01)
    told = Calibrated(found, measured, left_out, advice, 0.01, 0.85, None, others, same)
    show(told)
    tell_remarks(told, drawn=True, quiet=False)
    shown, remarks = (" ".join(text.split()) for text in capsys.readouterr())
    assert shown.startswith("1 pair is the same, 1 is not.")
    assert "that none of 1 other pair is served" in shown
    assert "1 row repeats another, and what is repeated counts once" in remarks
    assert "Only 1 same pair: see how wide the intervals are" in remarks


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestCommand:
    def test_the_figures_and_the_settings_to_paste(
        self, run: Callable[..., Any], directory: Path
    ) -> None:
        ran = run("calibrate", str(PAIRS))
        assert ran.code == 0
        assert "20 pairs are the same, 21 are not." in ran.out
        assert "! these are too few pairs to be sure; for at most 1.0% of other pairs" in ran.out
        assert "SemanticCache(similarity_threshold=0." in ran.out
        assert "CACHEBACK_SIMILARITY_THRESHOLD=0." in ran.out
        assert re.search(r"it takes (368|546) to do so", " ".join(ran.out.split()))
        assert "Only 20 same pairs" in ran.err
        assert "Only 21 other pairs" in ran.err
        assert "How do I undo the last push in git?" in ran.out
        assert not directory.exists()

    def test_json(self, run: Callable[..., Any]) -> None:
        told = run("calibrate", str(PAIRS), "--json").json
        assert told["pairs"] == {"same": 20, "other": 21}
        assert (told["bad"], told["left_out"], told["repeated"]) == ([], [], 0)
        assert told["now"]["similarity_threshold"] == Settings().similarity_threshold
        assert told["now"]["same"]["share"] > 0.4
        assert told["now"]["other"]["share"] < 0.2
        curve = told["cosine"]
        shares = [(one["same"]["share"], one["other"]["share"]) for one in curve]
        assert shares == sorted(shares, reverse=True)
        assert len(shares) == 50
        assert told["criterion"] == "estimate"
        chosen = told["recommended"]
        assert chosen["same"]["some"] > 10
        assert chosen["other"]["some"] == 0
        assert chosen["other"]["high"] == pytest.approx(exact_interval(0, 21)[1])
        assert 0 < len(told["worst"]["other"]) <= len(told["worst"]["same"]) == 5
        assert not any(one["same"] for one in told["worst"]["other"])

    def test_what_is_recommended_holds_when_it_is_pasted(
        self, run: Callable[..., Any], embedder: Any
    ) -> None:
        chosen = run("calibrate", str(PAIRS), "--json").json["recommended"]
        environ = dict(line.split("=") for line in chosen["environment"].splitlines())
        settings = Settings.from_environment(environ)
        assert settings.similarity_threshold == chosen["similarity_threshold"]
        assert chosen["python"].startswith("SemanticCache(")
        served = {True: 0, False: 0}
        with SemanticCache(
            ":memory:",
            embedder=embedder,
            similarity_threshold=settings.similarity_threshold,
            judge_threshold=settings.judge_threshold,
        ) as cache:
            for pair in read_pairs(PAIRS.read_bytes()).pairs:
                cache.clear()
                cache.populate(pair.other, "So.")
                served[pair.same] += cache.lookup(pair.question) is not None
        assert served == {True: chosen["same"]["some"], False: chosen["other"]["some"]}

    def test_the_settings_are_those_of_the_environment(
        self, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = run("calibrate", str(PAIRS), "--json").json["now"]
        monkeypatch.setenv("CACHEBACK_SIMILARITY_THRESHOLD", "0.99")
        now = run("calibrate", str(PAIRS), "--force", "--json").json["now"]
        assert now["similarity_threshold"] == 0.99
        assert now["same"]["some"] < before["same"]["some"]

    def test_a_bound_that_these_pairs_can_show(self, run: Callable[..., Any]) -> None:
        strict = run("calibrate", str(PAIRS), "--json").json["recommended"]
        given = ("--max-false-accepts", "0.3", "--force")
        told = run("calibrate", str(PAIRS), *given, "--json").json
        assert told["criterion"] == "interval"
        assert told["recommended"]["other"]["high"] <= 0.3
        assert told["recommended"]["same"]["some"] >= strict["same"]["some"]
        assert "holds for pairs like these that were not seen" in " ".join(
            run("calibrate", str(PAIRS), *given).out.split()
        )

    def test_standard_input_and_bad_rows_end_it_with_1(self, run: Callable[..., Any]) -> None:
        bad = b"a,b,perhaps\n" + b"a,c\n" * 25 + b"long " * 2000 + b",b,no\n"
        ran = run("calibrate", "-", stdin=PAIRS.read_bytes() + bad)
        assert ran.code == 1
        assert "line 44: same is 'perhaps'; write yes or no" in ran.err
        assert "and 6 more" in ran.err
        assert "line 70: left out, longer than the embedder can see" in ran.err
        assert "20 pairs are the same" in ran.out

    def test_no_threshold_ends_it_with_1(self, run: Callable[..., Any]) -> None:
        rows = (
            "How do I reset my password?,How do I reset my password,no\nWho?,What is a cow?,yes\n"
        )
        ran = run("calibrate", "-", "--json", stdin=HEADER + rows)
        assert ran.code == 1
        assert ran.json["recommended"] is None
        shown = run("calibrate", "-", "--force", stdin=HEADER + rows)
        assert "✗ no threshold serves any same pair" in shown.out

    @pytest.mark.parametrize(
        ("rows", "told"),
        [
            ("a,b,yes\nc,d,yes\n", "all 2 pairs are the same, so nothing says where to part them"),
            ("a,b,no\n", "the only pair is not the same, so nothing says where to part them. Add"),
            ("a,b,what\n", "there are no pairs to compare. 1 row could not be read, the first in"),
            (f"a,b,yes\n{'long ' * 2000},b,no\n", "1 pair is never compared by meaning"),
        ],
    )
    def test_pairs_of_one_kind_are_2(self, run: Callable[..., Any], rows: str, told: str) -> None:
        ran = run("calibrate", "-", stdin=HEADER + rows)
        assert (ran.code, ran.out) == (2, "")
        assert told in ran.err

    def test_worst_pairs_are_as_many_as_wanted(self, run: Callable[..., Any]) -> None:
        ran = run("calibrate", str(PAIRS), "--worst", "1", "--json")
        assert [len(one) for one in ran.json["worst"].values()] == [1, 1]
        ran = run("calibrate", str(PAIRS), "--worst", "0", "--force")
        assert "most like to be served" not in ran.out

    def test_what_could_steer_a_terminal_is_not_printed(self, run: Callable[..., Any]) -> None:
        rows = "\x1b[31mWho [bold]wrote\u202e Faust?,Who translated Faust?,no\nWho?,who,yes\n"
        bad = "a,b,\x1b[0m\n"
        ran = run("calibrate", "-", stdin=HEADER + rows + bad)
        assert not {"\x1b", "\u202e"} & set(ran.out + ran.err)


class TestChart:
    @pytest.fixture(autouse=True)
    def _matplotlib(self) -> None:
        pytest.importorskip("matplotlib", reason="the chart needs the extra `bench`")

    def test_it_is_written_and_not_replaced_unless_forced(
        self, run: Callable[..., Any], tmp_path: Path
    ) -> None:
        picture = tmp_path / "calibration.png"
        ran = run("calibrate", str(PAIRS))
        assert "written to calibration.png" in ran.out
        assert picture.read_bytes().startswith(b"\x89PNG")
        picture.write_bytes(b"mine")
        ran = run("calibrate", str(PAIRS))
        assert (ran.code, ran.out) == (2, "")
        assert "--force" in ran.err
        assert picture.read_bytes() == b"mine"
        assert run("calibrate", str(PAIRS), "--force").code == 0
        assert picture.read_bytes().startswith(b"\x89PNG")

    def test_elsewhere(self, run: Callable[..., Any], tmp_path: Path) -> None:
        ran = run("calibrate", str(PAIRS), "--out", "near.png", "--json")
        assert ran.json["chart"] == "near.png"
        assert {one.name for one in tmp_path.iterdir()} == {"near.png"}
        ran = run("calibrate", str(PAIRS), "--out", "gone/near.png")
        assert (ran.code, ran.out) == (2, "")
        assert "there is no directory" in ran.err

    @pytest.mark.parametrize(("name", "begin"), BEGINNINGS.items())
    def test_the_suffix_names_the_format(self, tmp_path: Path, name: str, begin: bytes) -> None:
        from cacheback.cli.calibration.chart import Line, draw

        point = Point(0.9, Share(1, 2), Share(0, 2))
        draw([Line("cosine", [point], 0.85, 0.9)], tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begin)

    def test_two_curves(self, embedder: Any, tmp_path: Path) -> None:
        from cacheback.cli.calibration.chart import Line, draw

        pairs = read_pairs(PAIRS.read_bytes()).pairs
        advice = advise(measure(pairs, Checked(embedder), Telling(), 0.85)[0], 0.01)
        one = Line("cosine", advice.cosine, 0.85, advice.gate)
        draw([one], tmp_path / "one.png")
        draw([one, Line("probability", advice.probability, None, None)], tmp_path / "two.png")
        sizes = [(tmp_path / name).read_bytes()[16:24] for name in ("one.png", "two.png")]
        widths = [int.from_bytes(size[:4], "big") for size in sizes]
        assert widths[1] == pytest.approx(widths[0] * 3 / 2, abs=2)


@pytest.mark.parametrize("name", ["near.gif", "near"])
def test_a_chart_in_a_format_that_is_none_of_ours_is_2(
    run: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    ran = run("calibrate", str(PAIRS), "--out", name)
    assert (ran.code, ran.out) == (2, "")
    assert f"'{name}' must end in .png, .svg or .pdf" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_there_are_figures_and_a_hint(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    ran = run("calibrate", str(PAIRS))
    assert ran.code == 0
    assert "pip install 'cacheback-ai[bench]'" in ran.err
    assert "SemanticCache(similarity_threshold=" in ran.out
    assert run("calibrate", str(PAIRS), "--json").json["chart"] is None
    assert list(tmp_path.iterdir()) == []


def test_output_of_a_process_is_pure_json(process: Callable[..., Any]) -> None:
    done = process("calibrate", str(PAIRS), "--json")
    assert json.loads(done.stdout)["pairs"] == {"same": 20, "other": 21}
