"""How commands print: results to standard output, progress and remarks to standard error."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from cacheback.models import JSON

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

NONE = Text("-", style="dim")
"""For a cell that has nothing to say."""


def print_json(value: JSON) -> None:
    """One JSON document, all in ASCII, so that no terminal or pipe can garble it."""
    click.echo(json.dumps(value, indent=2))


# Characters that show what follows in another order; joiners, which Persian and emoji need, stay.
_REORDERING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def plain(text: str, limit: int | None = None) -> str:
    """Text on one line, without what could steer a terminal, at most `limit` characters."""
    if limit is not None:
        text = text[: 4 * limit]  # white space collapses; the rest is cut anyway
    line = " ".join("".join(map(_visible, text)).split())
    if limit is not None and len(line) > limit:
        return f"{line[: limit - 1].rstrip()}…"
    return line


def _visible(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
        return " "
    lone = unicodedata.category(character) == "Cs"
    return "\N{REPLACEMENT CHARACTER}" if lone or character in _REORDERING else character


def table(*columns: str) -> Table:
    """An empty table in our style; a column whose title ends in > is aligned to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        right = column.endswith(">")
        made.add_column(column.removesuffix(">"), justify="right" if right else "left")
    return made


_SPANS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def span(seconds: float) -> str:
    """A duration in one unit, as people say it: 3 s, 12 min, 5 h, 2 d, 9 w."""
    for unit, size in _SPANS:
        if seconds >= size:
            return f"{math.floor(seconds / size)} {unit}"
    return "0 s"


def size(count: int) -> str:
    """Bytes in a unit that keeps the number short."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - the next unit's size
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


_CENT = 0.00995  # from here on it is one, in whole cents


def dollars(amount: float) -> str:
    """US dollars as people read them: in cents, and below one in as much as tells something."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    if amount >= _CENT:
        return f"{sign}${amount:,.2f}"
    if amount >= 0.001:  # noqa: PLR2004 - a tenth of a cent
        return f"{sign}${amount:.4f}"
    return "less than $0.001" if amount and not sign else "$0.00"


@contextmanager
def progress(title: str, total: float | None) -> Iterator[tuple[Progress, TaskID]]:
    """A progress bar on standard error, if that is a terminal; it is gone afterwards."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
    with bar:
        yield bar, bar.add_task(title, total=total)
