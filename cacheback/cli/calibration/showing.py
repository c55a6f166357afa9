"""What is told of a calibration, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from cacheback.cli.calibration.advice import Calibrated, few, snippets
from cacheback.cli.calibration.curves import Point, Share, needed
from cacheback.cli.calibration.measuring import Measured
from cacheback.cli.console import NONE, err, out, plain, table
from cacheback.cli.words import REASONS, counted, told

# Rows and pairs that are told of; `--json` has all.
_SHOWN = 20
_QUESTION = 100  # characters that are shown
# Thresholds that are shown, besides the one that is set and the one recommended.
_COSINES = (0.70, 0.75, 0.80, 0.84, 0.86, 0.88, 0.90, 0.92, 0.94, 0.96, 0.98)
_PROBABILITIES = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)

_OF_PAIRS = "All shares are of these pairs: in your traffic either kind may be more frequent."


def show(calibrated: Calibrated) -> None:
    """The figures, the settings to paste and the worst pairs, on standard output."""
    advice = calibrated.advice
    same, other = advice.now
    pairs = counted(same.of, "pair is", "pairs are")
    out.print(f"{pairs} the same, {counted(other.of, 'is', 'are')} not.\n")
    near, likely = calibrated.threshold, calibrated.at_least
    rows = table("Served as it is set now", "Of same pairs>", "Of other pairs>")
    set_now = f"cosine from {near:.2f} on"
    set_now += "" if likely is None else f", probability from {likely:.2f}"
    rows.add_row(set_now, _told(same), _told(other))
    out.print(rows)
    chosen = advice.recommended
    cosine = chosen.similarity_threshold if chosen else None
    if not advice.probability:
        _show_curve("Cosine", advice.cosine, _COSINES, now=near, chosen=cosine)
    else:
        word = "recommended as gate"
        _show_curve("Cosine alone", advice.cosine, _COSINES, now=near, chosen=cosine, word=word)
        out.print(f"\nBy the judge's probability, for a cosine from {advice.gate:.2f} on:")
        probability = chosen.judge_threshold if chosen else None
        points = advice.probability
        _show_curve("Probability", points, _PROBABILITIES, now=likely, chosen=probability)
    _show_recommended(calibrated)
    _show_worst("Other pairs most like to be served", calibrated.worst_others)
    _show_worst("Same pairs least like to be served", calibrated.worst_same)


def _show_curve(
    title: str,
    points: Sequence[Point],
    thresholds: Sequence[float],
    *,
    now: float | None,
    chosen: float | None,
    word: str = "recommended",
) -> None:
    out.print()
    rows = table(title, "Of same pairs>", "Of other pairs>", "")
    marks = {now: "now", chosen: word if chosen != now else f"now, and {word}"}
    for point in points:
        mark = marks.get(point.threshold)
        if mark or point.threshold in thresholds:
            cells = (_told(point.same), _told(point.other), Text(mark or "", style="green"))
            rows.add_row(f"from {point.threshold:.2f} on", *cells)
    out.print(rows)


def _told(share: Share) -> str:
    low, high = share.interval
    return f"{share.value or 0:.1%} ({low:.1%} to {high:.1%})"


def _show_recommended(calibrated: Calibrated) -> None:
    advice = calibrated.advice
    bound = f"{calibrated.most:.1%} of other pairs"
    chosen = advice.recommended
    out.print()
    if chosen is None:
        line = f"✗ no threshold serves any same pair and at most {bound}"
        out.print(Text(line, style="bold yellow"))
        hint = "Look at the other pairs below: is a label wrong? Else raise --max-false-accepts."
        out.print(Text(hint, style="dim"))
        return
    if advice.criterion == "interval":
        out.print(Text(f"✓ for at most {bound}, set", style="bold green"))
    else:  # who reads no further must not take it for sure
        line = f"! these are too few pairs to be sure; for at most {bound}, set"
        out.print(Text(line, style="bold yellow"))
    python, environment = snippets(chosen)
    for block in (python, environment):
        out.print(Text(f"\n{block}".replace("\n", "\n    ")))
    served = f"{_told(chosen.point.same)} of same and {_told(chosen.point.other)} of other pairs"
    out.print(Text(f"\nThis serves {served} (95 % intervals)."))
    out.print(Text(f"{_why(calibrated)} {_OF_PAIRS}", style="dim"))


def _why(calibrated: Calibrated) -> str:
    if calibrated.advice.criterion == "interval":
        walks = calibrated.advice.walks
        wider = f" (a wider one, as {walks} gates were tried)" if walks > 1 else ""
        return (
            f"The upper end of the interval{wider} is not above that share, so it holds for pairs"
            " like these that were not seen, too."
        )
    wanted = needed(calibrated.most, calibrated.advice.walks)
    enough = f"; it takes {wanted:,.0f} to do so" if wanted < float("inf") else ""
    others = counted(calibrated.advice.now[1].of, "other pair")
    return (
        "The share itself keeps the bound, the upper end of its interval cannot: that none of"
        f" {others} is served does not prove so small a share{enough}."
    )


def _show_worst(title: str, pairs: Sequence[Measured]) -> None:
    if not pairs:
        return
    out.print(f"\n[bold]{title}[/]")
    telling = any(one.probability is not None for one in pairs)
    rows = table("Line>", "Cosine>", *(("Probability>",) if telling else ()), "Questions, verdict")
    for one in pairs:
        content = Text(plain(one.pair.question, _QUESTION), style="bold")
        content.append(f"\n{plain(one.pair.other, _QUESTION)}\n", style="bold")
        style = "not bold green" if one.now.serve else "not bold yellow"
        content.append(plain(told(one.telling)), style=style)
        likely = NONE if one.probability is None else f"{one.probability:.3f}"
        cells = (likely,) if telling else ()
        rows.add_row(str(one.pair.line), f"{one.cosine:.3f}", *cells, content)
    out.print(rows)


def tell_remarks(calibrated: Calibrated, *, drawn: bool, quiet: bool) -> None:
    """On standard error: what was passed over, and what the figures cannot tell."""
    found = calibrated.found
    for line, reason in found.bad[:_SHOWN]:
        err.print(Text(f"line {line}: {plain(reason)}", style="red"))
    if len(found.bad) > _SHOWN:
        err.print(Text(f"… and {len(found.bad) - _SHOWN:,} more; --json lists all", style="red"))
    for one in calibrated.left_out[:_SHOWN]:
        remark = f"line {one.pair.line}: left out, {REASONS[one.reason]}"
        err.print(Text(remark, style="yellow"))
    if len(calibrated.left_out) > _SHOWN:
        left_out = counted(len(calibrated.left_out) - _SHOWN, "more is", "more are")
        more = f"… and {left_out} left out; --json lists all"
        err.print(Text(more, style="yellow"))
    if found.repeated:
        rows = counted(found.repeated, "row repeats another", "rows repeat others")
        err.print(Text(f"{rows}, and what is repeated counts once", style="yellow"))
    for kind, count in few(calibrated.measured):
        pairs = counted(count, f"{kind} pair")
        remark = f"Only {pairs}: see how wide the intervals are, and add some"
        err.print(Text(remark, style="yellow"))
    if not (drawn or quiet):
        hint = "No chart: matplotlib is not installed; pip install 'cacheback-ai[bench]'"
        err.print(Text(hint, style="yellow"))
