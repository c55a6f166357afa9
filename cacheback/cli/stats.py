"""`cacheback stats`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cacheback.cli.console import dollars, out, print_json, size, span, table
from cacheback.cli.opened import looking, settings_of
from cacheback.cli.options import Session, common
from cacheback.cli.words import REASONS, TIERS, counted
from cacheback.models import JSON, Saved, Shadow, Stats

if TYPE_CHECKING:
    from rich.table import Table

    from cacheback.config import Settings


@click.command(short_help="Show what is stored, what was served and what it saved.")
@common
def command(session: Session) -> None:
    """Show what is stored, what was served and what it saved.

    Figures count from the day the directory was made, over all processes that share it; those of
    running processes lag by a few seconds. What would have been served in shadow mode is told
    apart.

    \b
    Examples:
      cacheback stats
      cacheback stats --json | jq .hit_rate
    """
    with looking(session) as cache:
        stats = cache.stats()
    settings = settings_of(session)
    if session.as_json:
        print_json(_as_json(stats, settings))
    else:
        _show(stats, settings)


def _as_json(stats: Stats, settings: Settings) -> JSON:
    return {
        "cache_dir": str(settings.directory),
        "mode": settings.mode,
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
        "saved": asdict(stats.saved),
        "synthesis": dict(stats.synthesis),
        "spent": {tier: asdict(spent) for tier, spent in stats.spent.items()},
        "shadow": {
            "lookups": stats.shadow.lookups,
            "hit_rate": stats.shadow.hit_rate,
            "hits": dict(stats.shadow.hits),
            "misses": stats.shadow.misses,
            "saved": asdict(stats.shadow.saved),
        },
    }


def _show(stats: Stats, settings: Settings) -> None:
    out.print(_summary(stats, settings))
    if stats.hits:
        out.print("\n[green]Served[/]", _counts(stats.hits, _TIERS))
    if stats.shadow.hits:
        title = "\n[cyan]Would have been served, in shadow mode[/]"
        out.print(title, _counts(stats.shadow.hits, _TIERS))
    if stats.misses:
        out.print("\n[yellow]Not served[/]", _counts(stats.misses, _REASONS))
    if stats.synthesis:
        out.print("\n[yellow]Synthesis in vain[/]", _counts(stats.synthesis, _REASONS))
    if stats.faults:
        out.print("\n[red]Failures of a part[/]", _counts(stats.faults, _REASONS))


def _summary(stats: Stats, settings: Settings) -> Table:
    summary = table("", "")
    summary.show_header = False
    summary.add_row("Directory", str(settings.directory))
    stored = f"{counted(stats.entries, 'entry', 'entries')} in {counted(stats.scopes, 'scope')}"
    summary.add_row("Stored", f"{stored} · {size(stats.bytes)}")
    were = "was" if stats.lookups == 1 else "were"
    summary.add_row("Lookups", f"{stats.lookups:,}, of which {stats.hit_rate:.1%} {were} served")
    summary.add_row("Saved", _saved(stats.saved))
    _add_shadow(summary, stats.shadow, settings)
    if stats.negatives or stats.blocked:
        patterns = counted(stats.negatives, "pattern")
        matched = counted(sum(stats.blocked.values()), "question")
        summary.add_row("Blocked", f"{patterns}, which {matched} matched")
    for tier, spent in stats.spent.items():
        told = f"{counted(spent.calls, 'call')} · {counted(spent.tokens, 'token')}"
        summary.add_row(f"Spent on {tier}", f"{told} · {dollars(spent.money)}")
    return summary


def _saved(saved: Saved) -> str:
    money = "" if saved.money is None else f" · {dollars(saved.money)}"
    return f"{counted(saved.tokens, 'token')}{money} · {span(saved.seconds)} of waiting"


def _add_shadow(summary: Table, shadow: Shadow, settings: Settings) -> None:
    """Of a cache that never was in shadow mode there is nothing to tell."""
    if settings.mode == "shadow":
        summary.add_row("Shadow mode", "on: nothing is served, upstream answers everything")
    if shadow.lookups:
        served = f"{shadow.hit_rate:.1%} would have been served"
        summary.add_row("Shadow lookups", f"{shadow.lookups:,}, of which {served}")
        summary.add_row("Shadow savings", f"{_saved(shadow.saved)} would have been saved")


def _counts(counts: Mapping[str, int], words: Mapping[str, str]) -> Table:
    rows = table("Count>", "Name", "Meaning")
    rows.show_header = False
    for name, count in sorted(counts.items(), key=lambda one: -one[1]):
        rows.add_row(f"{count:,}", name, words.get(name, ""))
    return rows


# By name, because a directory may count what a newer version has a word for.
_TIERS: Mapping[str, str] = {str(tier): words for tier, words in TIERS.items()}
_REASONS: Mapping[str, str] = {str(reason): words for reason, words in REASONS.items()}
