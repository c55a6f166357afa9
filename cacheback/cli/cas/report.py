"""The report: Markdown with a chart beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cacheback.cli.cas.figures import Figures
from cacheback.cli.cas.scoring import Ratio
from cacheback.cli.cas.trial import Trial
from cacheback.core.synthesis import PROMPT_VERSION
from cacheback.errors import MissingExtraError

_UNKNOWN = "-"
PAGE, CHART = "report.md", "report.svg"
_SCRIPTED = (
    "> **No model was asked.** A scripted provider played all three, which errs on purpose now and"
    " then. These figures prove that the harness works, and say nothing about any model."
)


@dataclass(frozen=True, slots=True)
class Setup:
    """What was run, and when (a date and time as text). `judge` is None without one."""

    model: str
    upstream: str
    judge: str | None
    scripted: bool
    when: str


def write(folder: Path, setup: Setup, figures: Sequence[Figures], trials: Sequence[Trial]) -> None:
    """Write the page and the chart.

    Raises:
        MissingExtraError: there is no library that draws.
    """
    draw = _pyplot()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_text(page(setup, figures, trials), "utf-8")
    _chart(draw, folder / CHART, setup, figures)


def page(setup: Setup, figures: Sequence[Figures], trials: Sequence[Trial]) -> str:
    """The report as Markdown."""
    judge = f"judged by `{setup.judge}`" if setup.judge else "without a judge: facts only"
    models = f"written by `{setup.model}` from cached neighbours, instead of `{setup.upstream}`"
    parts = [
        "# Synthesis, measured",
        f"{setup.when} · {models} · {judge} · prompt {PROMPT_VERSION}",
        *([_SCRIPTED] if setup.scripted else []),
        f"![Quality of written answers over direct ones]({CHART})",
        "## Quality, where the sources suffice",
        _table(_QUALITY, [_quality(one) for one in figures]),
        _ON_QUALITY,
        "## Refusals, over all questions",
        _table(_REFUSALS, [_refusals(one) for one in figures]),
        _ON_REFUSALS,
        "## Cost and time, a question",
        _table(_COSTS, [_costs(one) for one in figures]),
        "## Answered although the sources do not suffice",
        "\n".join(_lapses(trials)) or "None.",
    ]
    return "\n\n".join(parts) + "\n"


_QUALITY = (
    "domain",
    "questions",
    "answered",
    "facts, direct",
    "facts, written",
    "facts, written / direct",
    "judge's mark, written / direct",
)
_ON_QUALITY = """\
Ratios are quotients of means over the questions that both answered, with a 95 % interval \
(percentile bootstrap over questions). Facts are looked for as words, without a model."""
_REFUSALS = ("domain", "precision", "recall", "what became of the questions")
_ON_REFUSALS = """\
Precision: of the refusals, those where the sources do not suffice. Recall: of the questions whose \
sources do not suffice, those that were refused."""
_COSTS = (
    "domain",
    "direct",
    "synthesis, attempts in vain included",
    "direct, median",
    "synthesis, median",
)


def _quality(one: Figures) -> tuple[str, ...]:
    shares = map(percent, (one.answered, one.facts_direct, one.facts_written))
    return (one.name, str(one.questions), *shares, _ratio(one.facts), _ratio(one.quality))


def _refusals(one: Figures) -> tuple[str, ...]:
    became = ", ".join(f"{count} {reason}" for reason, count in one.reasons.items())
    return (one.name, percent(one.precision), percent(one.recall), became)


def _costs(one: Figures) -> tuple[str, ...]:
    money = map(_money, (one.money_direct, one.money_written))
    return (one.name, *money, f"{one.seconds_direct:.2f} s", f"{one.seconds_written:.2f} s")


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _lapses(trials: Sequence[Trial]) -> list[str]:
    return [
        f"- {one.case.question} — {' '.join(one.written.text.split())}"
        for one in trials
        if one.written is not None and not one.case.suffices
    ]


def percent(share: float | None) -> str:
    return _UNKNOWN if share is None else f"{share:.0%}"


def _ratio(found: Ratio | None) -> str:
    if found is None:
        return _UNKNOWN
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _money(dollars: float | None) -> str:
    return _UNKNOWN if dollars is None else f"${dollars:.6f}"


def _pyplot() -> Any:
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra, and 300 ms
    except ImportError as error:
        raise MissingExtraError("matplotlib", "bench") from error
    mpl.use("svg")  # draws without a screen
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "cas"})  # small, and repeatable
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    return plt


def _chart(draw: Any, file: Path, setup: Setup, figures: Sequence[Figures]) -> None:
    """Ratios with their intervals, by domain: the judge's where there is one, else of facts."""
    named = "judge's mark" if setup.judge else "facts covered"
    shown = [(one.name, one.quality if setup.judge else one.facts) for one in figures]
    known = [(name, found) for name, found in shown if found is not None][::-1]
    picture, axes = draw.subplots(figsize=(7, 0.5 * len(known) + 1.5))
    values = [found.value for _, found in known]
    spans = [[f.value - f.low for _, f in known], [f.high - f.value for _, f in known]]
    axes.barh([name for name, _ in known], values, xerr=spans, color="#5b8def", capsize=3)
    axes.axvline(1.0, color="#444444", linestyle="--", linewidth=1)
    axes.set_xlabel(f"{named}, written / direct (95 % interval)")
    axes.set_title("Scripted: proves the harness only" if setup.scripted else setup.model)
    picture.tight_layout()
    picture.savefig(file, metadata={"Date": None})
    draw.close(picture)
