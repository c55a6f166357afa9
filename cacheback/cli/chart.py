"""The chart of a report: hits by meaning over the judge's score, and what is known of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cacheback.core.reporting import Report
from cacheback.errors import MissingExtraError

_AXES = {"probability": "probability, by the judge", "similarity": "cosine"}
# What is known of a hit, from the bottom up, with its colour.
_PARTS = (("wrong", "#d1495b"), ("right", "#5b8def"), ("unknown", "#c9ced6"))


def draw(found: Report, file: Path) -> None:
    """Draw bars of hits over the score, parted into wrong, right and unknown.

    The file's suffix names the format.

    Raises:
        MissingExtraError: there is no library that draws.
        OSError: the file cannot be written.
    """
    plot = _pyplot()
    picture, axes = plot.subplots(figsize=(7, 4))
    lows = [one.low for one in found.bins]
    widths = [one.high - one.low for one in found.bins]
    below = [0] * len(lows)
    for part, colour in _PARTS:
        counts = [getattr(one, part) for one in found.bins]
        axes.bar(
            lows,
            counts,
            widths,
            bottom=below,
            align="edge",
            color=colour,
            edgecolor="white",
            linewidth=0.5,
            label=f"{part} ({sum(counts):,})",
        )
        below = [one + other for one, other in zip(below, counts, strict=True)]
    axes.set_xlabel(_AXES[found.score])
    axes.set_ylabel("hits by meaning")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    picture.tight_layout()
    picture.savefig(file, dpi=150)
    plot.close(picture)


def _pyplot() -> Any:
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra, and 300 ms
    except ImportError as error:
        raise MissingExtraError("matplotlib", "bench") from error
    mpl.use("agg")  # draws without a screen
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    return plt
