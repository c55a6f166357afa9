"""A figure, its goal, and how both are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure, or with `of="ratio"` its ratio to the floor, must reach."""

    sign: Literal["≤", "≥"]
    bound: float
    of: Literal["value", "ratio"] = "value"

    def met(self, figure: Figure) -> bool:
        measured = figure.value if self.of == "value" else figure.ratio
        if measured is None:
            raise AssertionError(f"{figure.name} has a goal for its ratio, and no floor")
        return measured <= self.bound if self.sign == "≤" else measured >= self.bound


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value beside its floor, both in `unit`; `floor_is` says what the floor does.

    `ratio` is value / floor, or a steadier estimate of it; `note` what else was seen.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    floor_is: str = ""
    ratio: float | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.goal.met(self)


HEADINGS = ("figure", "measured", "floor", "ratio", "goal", "met", "floor is", "note")


def cells(figure: Figure) -> tuple[str, ...]:
    """What is shown of a figure, under `HEADINGS`."""
    return (
        figure.name,
        _amount(figure.value, figure.unit),
        "" if figure.floor is None else _amount(figure.floor, figure.unit),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        _goal(figure),
        {None: "", True: "yes", False: "**no**"}[figure.met],
        figure.floor_is,
        figure.note,
    )


def line(figure: Figure) -> str:
    """A figure for the terminal."""
    name, value, floor, ratio, goal, met, _, note = cells(figure)
    beside = f"floor {floor}" if floor else ""
    times = f"ratio {ratio}" if ratio else ""
    verdict = f"goal {goal}: {met.strip('*')}" if goal else ""
    return f"{name:<44}{value:>15}  {beside:<20}{times:<13}{verdict:<26}{note}".rstrip()


def table(figures: Sequence[Figure]) -> str:
    """Figures as a table in Markdown."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *map(cells, figures)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _goal(figure: Figure) -> str:
    goal = figure.goal
    if goal is None:
        return ""
    if goal.of == "ratio":
        return f"ratio {goal.sign} {goal.bound:g}"
    return f"{goal.sign} {_amount(goal.bound, figure.unit)}"


def _amount(value: float, unit: str) -> str:
    """Three digits are more than a shared machine can tell apart."""
    digits = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
    return f"{digits} {unit}".rstrip()
