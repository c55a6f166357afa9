"""The command measures every row from end to end, and says what it left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.answers.contrast import Example, Group, Text
from benchmarks.answers.measured import Asked, Share, measure
from benchmarks.answers.rows import (
    DEFAULT,
    GUARDS,
    NEVER,
    SHORTCUT,
    THRESHOLD,
    FewDifferingWords,
    Row,
    named,
)
from benchmarks.answers.vectors import encode
from cacheback.core.judge import GuardedThreshold
from cacheback.core.ports import Pair

JUDGE = "mine=cacheback.core.judge:GuardedThreshold"


def pair(question: str, other: str, similarity: float) -> Pair:
    return Pair(question, other, similarity, 0.0)


def test_a_score_is_the_highest_threshold_at_which_a_judge_serves() -> None:
    near = pair("How do I enable it?", "How do I disable it?", 0.93)
    assert THRESHOLD.score(near) == 0.93
    assert THRESHOLD.serves(near, 0.93)
    assert not THRESHOLD.serves(near, 0.94)
    assert GUARDS.score(near) == NEVER
    assert not GUARDS.serves(near, 0.5)


def test_a_judge_with_scores_is_asked_for_them() -> None:
    assert SHORTCUT.score(pair("one two", "one three", 0.1)) == -2
    assert SHORTCUT.serves(pair("one two", "one three", 0.1), 0.92)
    assert not SHORTCUT.serves(pair("one two three", "four five six", 0.99), 0.1)


def test_a_judge_is_found_by_name() -> None:
    row = named(JUDGE)
    assert (row.name, row.thresholds) == ("mine", (DEFAULT,))
    assert isinstance(row.judge, GuardedThreshold)


@pytest.mark.parametrize("told", ["", "mine", "mine=module", "=module:attribute", "mine=:x"])
def test_a_name_that_says_too_little_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match="NAME=module:attribute"):
        named(told)


def test_what_is_no_judge_is_refused() -> None:
    with pytest.raises(TypeError, match="no method `judge`"):
        named("mine=collections:OrderedDict")


def test_shares_are_counted_on_test_with_thresholds_from_dev() -> None:
    tuned = (Text("paraphrase", "one two three"), Text("number", "one two three four five"))
    shown = (
        Text("paraphrase", "one"),
        Text("paraphrase", "a b c d"),
        Text("unit", "two"),
        Text("entity", "e f g h"),
    )
    long = "word " * 60
    groups = [
        Group("t/tuned", "t", "dev", "one two", tuned),
        Group("t/shown", "t", "test", "one two", shown),
        Group("t/long", "t", "test", long, (Text("paraphrase", long + "x"), Text("role", "y"))),
    ]
    every = [Example(group, text) for group in groups for text in group.others]
    ones = np.ones((len(every), 1), dtype=np.float32)
    measured = measure(Row("few", FewDifferingWords(), (DEFAULT,)), Asked.of(every, ones, ones))
    (own,) = measured.own
    assert (own.false_accepts, own.hits) == (Share(1, 3), Share(2, 3))
    assert own.short == (Share(1, 2), Share(1, 2))
    assert own.long == (Share(0, 1), Share(1, 1))
    assert (own.kinds["unit"], own.kinds["entity"]) == (Share(1, 1), Share(0, 1))
    assert str(own.kinds["wish"]) == "-"
    assert [one.threshold for one in measured.tuned] == [-1.0, -1.0]
    assert str(measured.tuned[0].hits) == "66.7%"
    assert (measured.auc_short, measured.auc_long) == (0.5, 1.0)
    assert [(band.others, band.same) for band in measured.bands] == [(0, 0)] * 3 + [(3, 3)]
    assert measured.bands[0].auc is None
    assert measured.bands[-1].auc == measured.auc


def test_vectors_are_kept(tmp_path: Path) -> None:
    first = encode(["one", "two"], tmp_path)
    (file,) = tmp_path.iterdir()
    np.save(file, first[::-1])
    assert np.array_equal(encode(["one", "two"], tmp_path), first[::-1])
    assert np.array_equal(encode(["two"], tmp_path)[0], first[1])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Streams of a few questions, in the form of the real ones."""
    folder = tmp_path_factory.mktemp("data")
    texts = [("card", "Where is my {} card?"), ("rate", "What is the rate for {}?")]
    things = ("new", "old", "lost", "blue", "first", "second", "green", "stolen")
    rows = [(text.format(thing), label) for label, text in texts for thing in things]
    for part in ("train", "test"):
        lines = "".join(f"{text},{label}\n" for text, label in rows)
        (folder / f"banking77_{part}.csv").write_text(f"text,category\n{lines}", "utf-8")
    (folder / "clinc150_full.json").write_text(json.dumps({"train": rows}), "utf-8")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a quick run with a judge of one's own, and without streams."""
    pytest.importorskip("matplotlib")
    from benchmarks.answers.__main__ import main

    folder = tmp_path_factory.mktemp("out")
    missing = str(folder / "missing")
    options = ["--quick", "--judge", JUDGE, "--cache", str(folder / "cache")]
    main([*options, "--data", missing, "--out", str(folder)])
    return folder


def test_every_row_stands_in_the_table(run: Path) -> None:
    written = (run / "RESULTS.md").read_text(encoding="utf-8")
    for name in (
        "threshold only, 0.85",
        "threshold and guards, 0.92",
        "learned judge, 0.8",
        "mine, 0.85",
    ):
        assert f"| {name} |" in written
    assert (run / "plots" / "contrast.svg").stat().st_size > 1000
    assert (run / "plots" / "kinds.svg").stat().st_size > 1000


def test_missing_streams_are_told(run: Path) -> None:
    written = (run / "RESULTS.md").read_text(encoding="utf-8")
    assert "Left out: there are no data in" in written
    assert not (run / "plots" / "streams.svg").exists()


def test_streams_are_replayed_where_they_are(run: Path, data: Path, tmp_path: Path) -> None:
    from benchmarks.answers.__main__ import main

    options = ["--quick", "--cache", str(run / "cache"), "--data", str(data)]
    main([*options, "--out", str(tmp_path)])
    written = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "- BANKING77: 16 requests" in written
    assert "| vCache's per-entry rule, δ 0.02 |" in written
    assert "Left out" not in written
    first = (tmp_path / "plots" / "streams.svg").read_bytes()
    main([*options, "--out", str(tmp_path)])
    assert (tmp_path / "plots" / "streams.svg").read_bytes() == first
