"""`cacheback stats`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cacheback.cli.console import out, print_json, size, span, table
from cacheback.cli.opened import looking, settings_of
from cacheback.cli.options import Session, common
from cacheback.cli.words import REASONS, TIERS
from cacheback.models import JSON, Stats

if TYPE_CHECKING:
    from rich.table import Table


@click.command(short_help="Show what is stored, what was served and what it saved.")
@common
def command(session: Session) -> None:
    """Show what is stored, what was served and what it saved.

    Figures count from the day the directory was made, over all processes that share it; those of
    running processes lag by a few seconds.

    \b
    Examples:
      cacheback stats
      cacheback stats --json | jq .hit_rate
    """
    with looking(session) as cache:
        stats = cache.stats()
    directory = str(settings_of(session).directory)
    if session.as_json:
        print_json(_as_json(stats, directory))
    else:
        _show(stats, directory)


def _as_json(stats: Stats, directory: str) -> JSON:
    return {
        "cache_dir": directory,
        "entries": stats.entries,
        "scopes": stats.scopes,
        "bytes": stats.bytes,
        "lookups": stats.lookups,
        "hit_rate": stats.hit_rate,
        "hits": dict(stats.hits),
        "misses": dict(stats.misses),
        "faults": dict(stats.faults),
        "negatives": stats.negatives,
        "blocked": dict(stats.blocked),
        "saved": {
            "tokens": stats.saved.tokens,
            "money": stats.saved.money,
            "seconds": stats.saved.seconds,
        },
        "synthesis": dict(stats.synthesis),
        "spent": {tier: asdict(spent) for tier, spent in stats.spent.items()},
    }


def _show(stats: Stats, directory: str) -> None:
    saved = stats.saved
    money = "" if saved.money is None else f" · ${saved.money:,.4f}"
    summary = table("", "")
    summary.show_header = False
    summary.add_row("Directory", directory)
    summary.add_row(
        "Stored", f"{stats.entries:,} entries in {stats.scopes:,} scopes · {size(stats.bytes)}"
    )
    summary.add_row("Lookups", f"{stats.lookups:,}, of which {stats.hit_rate:.1%} were served")
    summary.add_row("Saved", f"{saved.tokens:,} tokens{money} · {span(saved.seconds)} of waiting")
    if stats.negatives or stats.blocked:
        blocked = sum(stats.blocked.values())
        caught = f"which {blocked:,} questions matched"
        summary.add_row("Blocked", f"{stats.negatives:,} patterns, {caught}")
    for tier, spent in stats.spent.items():
        told = f"{spent.calls:,} calls · {spent.tokens:,} tokens · ${spent.money:,.4f}"
        summary.add_row(f"Spent on {tier}", told)
    out.print(summary)
    if stats.hits:
        out.print("\n[green]Served[/]", _counts(stats.hits, _TIERS))
    if stats.misses:
        out.print("\n[yellow]Not served[/]", _counts(stats.misses, _REASONS))
    if stats.synthesis:
        out.print("\n[yellow]Synthesis in vain[/]", _counts(stats.synthesis, _REASONS))
    if stats.faults:
        out.print("\n[red]Failures of a part[/]", _counts(stats.faults, _REASONS))


def _counts(counts: Mapping[str, int], words: Mapping[str, str]) -> Table:
    rows = table("Count>", "Name", "Meaning")
    rows.show_header = False
    for name, count in sorted(counts.items(), key=lambda one: -one[1]):
        rows.add_row(f"{count:,}", name, words.get(name, ""))
    return rows


# By name, because a directory may count what a newer version has a word for.
_TIERS: Mapping[str, str] = {str(tier): words for tier, words in TIERS.items()}
_REASONS: Mapping[str, str] = {str(reason): words for reason, words in REASONS.items()}
