"""The chart: what each threshold serves, and what is paid for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cacheback.cli.calibration.curves import Point, Share
from cacheback.errors import MissingExtraError

_SAME, _OTHER, _CHOSEN, _NOW = "#5b8def", "#d1495b", "#2e7d32", "#444444"


@dataclass(frozen=True, slots=True)
class Line:
    """The curve over one score, and where on it the threshold stands and is to stand (None: not
    known, or nowhere)."""

    name: str
    points: Sequence[Point]
    now: float | None
    chosen: float | None


def draw(lines: Sequence[Line], file: Path) -> None:
    """Draw for each score both shares over the threshold, then one over the other.

    The file's suffix names the format.

    Raises:
        MissingExtraError: there is no library that draws.
        OSError: the file cannot be written.
    """
    try:
        # An extra, and 300 ms. Without pyplot it has no state and needs no screen.
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("matplotlib", "bench") from error
    picture = Figure(figsize=(4.5 * (len(lines) + 1), 4), layout="constrained")
    *single, last = picture.subplots(1, len(lines) + 1)
    for axes, line in zip(single, lines, strict=True):
        _over_threshold(axes, line)
    _trade(last, lines)
    picture.savefig(file, dpi=150)


def _over_threshold(axes: Any, line: Line) -> None:
    x = [one.threshold for one in line.points]
    for side, colour, label in (("same", _SAME, "same pairs"), ("other", _OTHER, "other pairs")):
        shares: list[Share] = [getattr(one, side) for one in line.points]
        ends = [one.interval for one in shares]
        axes.plot(x, [one.value for one in shares], color=colour, label=f"{label} served")
        low, high = [end[0] for end in ends], [end[1] for end in ends]
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    marks = ((line.now, _NOW, "--", "now"), (line.chosen, _CHOSEN, "-", "recommended"))
    for threshold, colour, style, label in marks:
        if threshold is not None:
            axes.axvline(threshold, color=colour, linestyle=style, linewidth=1, label=label)
    axes.set_xlabel(f"served from this {line.name} on")
    axes.set_ylabel("share served, 95 % interval")
    axes.set_ylim(0, 1.02)
    # Looking for the best place takes long where there are many pairs.
    axes.legend(frameon=False, fontsize="small", loc="upper right")


def _trade(axes: Any, lines: Sequence[Line]) -> None:
    for line, colour in zip(lines, (_NOW, _SAME), strict=False):
        axes.plot(*_shares(line.points), color=colour, label=line.name)
    decisive = lines[-1]
    chosen = [one for one in decisive.points if one.threshold == decisive.chosen]
    if chosen:
        axes.plot(*_shares(chosen), "o", color=_CHOSEN, label="recommended")
    axes.set_xlabel("share of other pairs served")
    axes.set_ylabel("share of same pairs served")
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False, fontsize="small", loc="lower right")


def _shares(points: Sequence[Point]) -> tuple[list[float | None], list[float | None]]:
    return [one.other.value for one in points], [one.same.value for one in points]
