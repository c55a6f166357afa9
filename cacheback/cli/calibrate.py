"""`cacheback calibrate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import click

from cacheback.cli.calibration import chart
from cacheback.cli.calibration.advice import Advice, Calibrated, advise, snippets, worst
from cacheback.cli.calibration.curves import Point, Share
from cacheback.cli.calibration.measuring import Measured, measure
from cacheback.cli.calibration.pairs import Found, LabelledPair, read_pairs
from cacheback.cli.calibration.showing import show, tell_remarks
from cacheback.cli.console import out, print_json, progress
from cacheback.cli.exits import end_with_finding
from cacheback.cli.opened import in_memory
from cacheback.cli.options import Picture, Session, common
from cacheback.cli.words import REASONS, counted
from cacheback.errors import InputError, MissingExtraError
from cacheback.judges.learned import LearnedJudge
from cacheback.models import JSON


@click.command(short_help="Choose the threshold from question pairs of your own.")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--max-false-accepts",
    "most",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.01,
    show_default=True,
    metavar="SHARE",
    help="The share of other pairs that may be served, 0 to 1.",
)
@click.option(
    "--worst",
    "count",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="How many of the worst pairs of each kind to show.",
)
@click.option(
    "--out",
    "picture",
    type=Picture(),
    default=Path("calibration.png"),
    show_default=True,
    metavar="FILE",
    help="The file that the chart is written to: a .png, .svg or .pdf.",
)
@click.option("--force", is_flag=True, help="Replace that file if it is there.")
@common
def command(
    session: Session, *, file: IO[bytes], most: float, count: int, picture: Path, force: bool
) -> None:
    """Choose the threshold from the question pairs in FILE, which you have labelled.

    FILE is CSV with a header, or JSON lines; - is standard input. Of each pair it says whether one
    answer is right for both questions:

    \b
      question,other question,same
      How do I reset my password?,I forgot my password. What now?,yes
      How do I reset my password?,How do I change my user name?,no

    The pairs that are not the same matter most: near ones that need another answer. Each pair is
    compared by the embedder and the judge as they are set; shown is what thresholds would serve of
    both kinds, which one to set, and the worst pairs. Shares are of your pairs, not of your
    traffic. No directory is touched.

    Ends with 1 when rows could not be read, or no threshold serves so few of the other pairs.

    \b
    Examples:
      cacheback calibrate pairs.csv
      cacheback calibrate pairs.csv --max-false-accepts 0.001 --out near.png
    """
    _refuse_to_overwrite(picture, force=force)
    found = read_pairs(file.read())
    calibrated = _calibrated(found, most, count)
    drawn = _drawn(calibrated, picture)
    if session.as_json:
        print_json(_as_json(calibrated, picture if drawn else None))
    else:
        show(calibrated)
        if drawn:
            out.print(f"\nwritten to {picture}")
    tell_remarks(calibrated, drawn=drawn, quiet=session.as_json)
    if found.bad or calibrated.advice.recommended is None:
        end_with_finding()


def _refuse_to_overwrite(picture: Path, *, force: bool) -> None:
    if picture.exists() and not force:
        raise InputError(f"{picture} is there already; name another file with --out, or --force")
    if not picture.absolute().parent.is_dir():
        raise InputError(f"there is no directory {picture.absolute().parent} for the chart")


def _calibrated(found: Found, most: float, count: int) -> Calibrated:
    _require_both(found.pairs, found)
    with in_memory() as cache, progress("Comparing", len(found.pairs)) as (bar, task):
        threshold = cache.settings.similarity_threshold
        parts = cache.engine.parts
        at_least = parts.judge.at_least if isinstance(parts.judge, LearnedJudge) else None
        measured, left_out = measure(
            found.pairs,
            parts.embedder,
            parts.judge,
            threshold,
            lambda done: bar.advance(task, done),
        )
    _require_both([one.pair for one in measured], found, len(left_out))
    advice = advise(measured, most)
    others, same = worst(measured, count)
    return Calibrated(found, measured, left_out, advice, most, threshold, at_least, others, same)


def _require_both(pairs: Sequence[LabelledPair], found: Found, left_out: int = 0) -> None:
    """A threshold parts two kinds: one alone says nothing of where."""
    kinds = {pair.same for pair in pairs}
    if len(kinds) == 2:  # noqa: PLR2004 - same and other
        return
    skipped = ""
    if found.bad:
        line, reason = found.bad[0]
        rows = counted(len(found.bad), "row")
        skipped = f" {rows} could not be read, the first in line {line}: {reason}."
    if left_out:
        never = counted(left_out, "pair is", "pairs are")
        skipped += f" {never} never compared by meaning."
    if not kinds:
        raise InputError(f"there are no pairs to compare.{skipped}")
    only, missing = ("the same", "not") if True in kinds else ("not the same", "the same")
    all_of_them = "the only pair is" if len(pairs) == 1 else f"all {len(pairs):,} pairs are"
    raise InputError(
        f"{all_of_them} {only}, so nothing says where to part them.{skipped} Add some"
        f" that are {missing}: the best are near misses, questions in like words that need another"
        " answer"
    )


def _drawn(calibrated: Calibrated, picture: Path) -> bool:
    """Whether the chart was written: the figures are worth having without it."""
    advice = calibrated.advice
    chosen = advice.recommended
    near = chosen.similarity_threshold if chosen else advice.gate
    lines = [chart.Line("cosine", advice.cosine, calibrated.threshold, near)]
    if advice.probability:
        likely = chosen.judge_threshold if chosen else None
        lines.append(chart.Line("probability", advice.probability, calibrated.at_least, likely))
    try:
        chart.draw(lines, picture)
    except MissingExtraError:
        return False
    return True


# JSON -----------------------------------------------------------------------------------------


def _as_json(calibrated: Calibrated, picture: Path | None) -> JSON:
    found, advice = calibrated.found, calibrated.advice
    same, other = advice.now
    return {
        "pairs": {"same": same.of, "other": other.of},
        "repeated": found.repeated,
        "bad": [{"line": line, "reason": reason} for line, reason in found.bad],
        "left_out": [
            {**_pair_json(one.pair), "reason": one.reason, "words": REASONS[one.reason]}
            for one in calibrated.left_out
        ],
        "now": {
            "similarity_threshold": calibrated.threshold,
            "judge_threshold": calibrated.at_least,
            "same": _share_json(same),
            "other": _share_json(other),
        },
        "cosine": [_point_json(one) for one in advice.cosine],
        "gate": advice.gate,
        "probability": [_point_json(one) for one in advice.probability],
        "max_false_accepts": calibrated.most,
        "criterion": advice.criterion,
        "recommended": _recommended_json(advice),
        "worst": {
            "other": [_measured_json(one) for one in calibrated.worst_others],
            "same": [_measured_json(one) for one in calibrated.worst_same],
        },
        "chart": None if picture is None else str(picture),
    }


def _recommended_json(advice: Advice) -> JSON:
    chosen = advice.recommended
    if chosen is None:
        return None
    python, environment = snippets(chosen)
    return {
        "similarity_threshold": chosen.similarity_threshold,
        "judge_threshold": chosen.judge_threshold,
        "same": _share_json(chosen.point.same),
        "other": _share_json(chosen.point.other),
        "python": python,
        "environment": environment,
    }


def _share_json(share: Share) -> JSON:
    low, high = share.interval
    return {"some": share.some, "of": share.of, "share": share.value, "low": low, "high": high}


def _point_json(point: Point) -> JSON:
    return {
        "threshold": point.threshold,
        "same": _share_json(point.same),
        "other": _share_json(point.other),
    }


def _pair_json(pair: LabelledPair) -> dict[str, JSON]:
    return {"line": pair.line, "question": pair.question, "other": pair.other, "same": pair.same}


def _measured_json(one: Measured) -> JSON:
    verdict = one.telling
    return {
        **_pair_json(one.pair),
        "cosine": one.cosine,
        "probability": one.probability,
        "served": one.now.serve,
        "reason": verdict.reason,
        "words": REASONS[verdict.reason],
        "detail": verdict.detail,
    }
