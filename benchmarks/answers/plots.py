"""Plots as SVG, the same bytes for the same figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from benchmarks.answers.contrast import KINDS
from benchmarks.answers.measured import SHOWN, Asked, Contrast, Point
from benchmarks.answers.replayed import WRONG, Streamed
from benchmarks.answers.streams import Replay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmarks.answers.bounding import Run

mpl.rcParams.update({"svg.hashsalt": "answers", "svg.fonttype": "none", "font.size": 9})


def stream_curves(streams: Mapping[str, Sequence[Streamed]], folder: Path) -> str:
    """Hit rate over wrong answers per request, one panel per stream; the file's name."""
    figure = Figure(figsize=(5 * len(streams), 4))
    axes = figure.subplots(1, len(streams), squeeze=False)
    for axis, (name, rows) in zip(axes[0], streams.items(), strict=True):
        for row in rows:
            points = sorted((one.wrong_rate, one.hit_rate) for one in row.curve)
            axis.plot(*zip(*points, strict=True), marker=".", label=row.name)
        axis.axvline(WRONG, color="grey", linewidth=0.8, linestyle=":")
        axis.set(title=name, xlabel="wrong answers per request", ylabel="hits", xlim=(0, 0.08))
        _percent(axis)
        axis.legend()
    return _saved(figure, folder, "streams.svg")


def contrast_curves(rows: Sequence[Contrast], asked: Asked, folder: Path) -> str:
    """Paraphrases over near-misses that are accepted, at each threshold; the file's name."""
    figure = Figure(figsize=(10, 4))
    axes = figure.subplots(1, 2, sharey=True)
    same, shown, long = asked.same, asked.split(SHOWN), asked.long
    for axis, title, part in ((axes[0], "short", ~long), (axes[1], "long", long)):
        for row in rows:
            hits, misses = row.scores[shown & part & same], row.scores[shown & part & ~same]
            points = np.unique(row.scores[shown & part])[::-1]
            accepted = [((misses >= at).mean(), (hits >= at).mean()) for at in points]
            axis.plot(*zip((0, 0), *accepted, strict=True), label=row.row.name)
        axis.set(
            title=f"{title} questions", xlabel="near-misses accepted", ylabel="paraphrases hit"
        )
        _percent(axis)
        axis.legend()
    return _saved(figure, folder, "contrast.svg")


def kinds(points: Sequence[Point], folder: Path) -> str:
    """False accepts by kind at each operating point; the file's name."""
    shares = [[one.kinds[kind].share for one in points] for kind in KINDS]

    figure = Figure(figsize=(1.6 + 1.4 * len(points), 6))
    axis = figure.subplots()
    axis.imshow(shares, cmap="Reds", vmin=0, vmax=0.5, aspect="auto")
    for y, row in enumerate(shares):
        for x, share in enumerate(row):
            colour = "white" if share > 0.3 else "black"
            axis.text(x, y, f"{share:.0%}", ha="center", va="center", color=colour)
    axis.set_yticks(range(len(KINDS)), list(KINDS))
    names = [one.name.replace(", ", "\n").replace(" and ", "\nand ") for one in points]
    axis.set_xticks(range(len(points)), names, fontsize=7)
    axis.set_title("near-misses accepted, by kind")
    return _saved(figure, folder, "kinds.svg")


def bounds(
    runs: Mapping[tuple[str, float], Sequence[Run]],
    published: Mapping[str, Sequence[Replay]],
    folder: Path,
) -> str:
    """Hits over wrong answers per hit at each error bound, a panel per stream; the file's name.

    A dot is a run; the line is the per-entry rule's.
    """
    columns = math.ceil(len(published) / 2)
    figure = Figure(figsize=(3.6 * columns, 6))
    axes = figure.subplots(2, columns, squeeze=False, sharex=True, sharey=True)
    for axis, (name, replays) in zip(axes.flat, published.items(), strict=False):
        curve = sorted((one.wrong_per_hit, one.hit_rate) for one in replays)
        axis.plot(*zip(*curve, strict=True), color="grey", marker=".", label="per-entry rule")
        for index, ((stream, bound), done) in enumerate(runs.items()):
            if stream == name:
                colour = f"C{index % len({bound for _, bound in runs})}"
                wholes = [one.whole for one in done if one.whole.hits]
                wrong = [one.wrong_per_hit for one in wholes]
                hits = [one.hits / one.requests for one in wholes]
                axis.scatter(wrong, hits, s=8, color=colour, label=f"max_error {bound:g}")
                axis.axvline(bound, color=colour, linewidth=0.8, linestyle=":")
        axis.set(title=name, xlim=(0, 0.1))
        _percent(axis)
    axes[0, 0].legend(fontsize=7)
    figure.supxlabel("wrong answers per hit")
    figure.supylabel("hits")
    return _saved(figure, folder, "bounds.svg")


def _percent(axis: Axes) -> None:
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.grid(alpha=0.3)


def _saved(figure: Figure, folder: Path, name: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(folder / name, metadata={"Date": None})
    return name
