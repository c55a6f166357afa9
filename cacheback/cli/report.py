"""`cacheback report`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click
from rich.text import Text

from cacheback.cli.console import NONE, dollars, err, out, plain, print_json, span, table
from cacheback.cli.opened import looking
from cacheback.cli.options import Duration, Picture, Session, common
from cacheback.cli.words import DOUBTS, TIERS
from cacheback.core.reporting import Doubtful, Errors, Report, Side
from cacheback.models import JSON

_TEXT = 100  # characters of a question that are shown; the command below has all
_TIERS: Mapping[str, str] = {str(tier): words for tier, words in TIERS.items()}


@click.command(short_help="Show how often memory is right, and what it saves, or would.")
@click.option(
    "--since",
    type=Duration(),
    metavar="AGE",
    help="Only what was judged since: 90s, 15m, 2h, 7d, 4w.",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="How many pairs to show that are worth a look.",
)
@click.option(
    "--out",
    "file",
    type=Picture(),
    metavar="FILE",
    help="Draw hits and wrong ones over the judge's probability: a .png, .svg or .pdf.",
)
@common
def command(session: Session, *, since: float | None, pairs: int, file: Path | None) -> None:
    """Show how often memory served, or in shadow mode would have, how often that was wrong, what it
    saved, and which pairs are most worth a look.

    In shadow mode (mode="shadow"; for the proxy CACHEBACK_MODE=shadow) upstream answers everything,
    and what memory would have said is judged and compared with that. Otherwise answers are compared
    where max_error is set. What persons report is counted apart: nobody complains of answers that
    are right. Counters keep no time, so with --since only hits by meaning are counted.

    \b
    Examples:
      cacheback report
      cacheback report --since 7d --out hits.png
      cacheback report --json | jq .shadow.errors
    """
    with looking(session) as cache:
        start = None if since is None else cache.engine.parts.clock() - since
        found = cache.report(since=start, pairs=pairs)
    if session.as_json:
        print_json(as_json(found))
    elif found.empty:
        err.print(Text(_NOTHING if since is None else _NOT_SINCE, style="dim"))
    else:
        _show(found)
    if file is not None:
        _draw(found, file)


_NOTHING = (
    "nothing was served by meaning yet. To see what would be, without serving any of it, give your"
    ' cached client mode="shadow" for a while, or start the proxy with CACHEBACK_MODE=shadow'
)
_NOT_SINCE = (
    "nothing was served by meaning in this time, nor would have been; without --since all hits are"
    " counted, also those before"
)


def as_json(found: Report) -> JSON:
    """The report as the command prints it."""
    return {
        "since": found.since,
        "shadow": _side_json(found.shadow),
        "served": _side_json(found.served),
        "reported": {label: found.said.get(label, 0) for label in ("right", "wrong")},
        "pairs": [{**asdict(one), "words": DOUBTS[one.doubt]} for one in found.pairs],
        "score": found.score,
        "bins": [asdict(one) for one in found.bins],
    }


def _side_json(side: Side) -> JSON:
    return {
        "hits": dict(side.hits),
        "misses": side.misses,
        "hit_rate": side.hit_rate,
        "saved": asdict(side.saved),
        "errors": {**asdict(side.errors), "rate": side.errors.rate},
    }


def _draw(found: Report, file: Path) -> None:
    if not found.bins:
        err.print(Text("no chart: nothing was served by meaning", style="dim"))
        return
    from cacheback.cli.chart import draw  # noqa: PLC0415 - what it needs is an extra

    draw(found, file)
    err.print(Text(f"drawn to {file}", style="dim"))


# For people -------------------------------------------------------------------------------------


def _show(found: Report) -> None:
    sides = [("In shadow mode", found.shadow), ("Served", found.served)]
    known = [(title, side) for title, side in sides if side.known]
    rows = table("", *(title for title, _ in known))
    shown = [side for _, side in known]
    rows.add_row("Hits", *map(_hits, shown))
    for tier, words in _TIERS.items():
        if any(side.hits.get(tier) for side in shown):
            rows.add_row(f"  {words}", *(f"{side.hits.get(tier, 0):,}" for side in shown))
    rows.add_row("Compared with upstream's", *(f"{side.errors.compared:,}" for side in shown))
    rows.add_row("  of these wrong (95 % interval)", *(_wrong(side.errors) for side in shown))
    rows.add_row("Tokens saved", *(f"{side.saved.tokens:,}" for side in shown))
    rows.add_row("Money saved", *map(_money, shown))
    rows.add_row("Waiting saved", *(span(side.saved.seconds) for side in shown))
    out.print(rows)
    if found.said:
        told = ", ".join(f"{count:,} {label}" for label, count in sorted(found.said.items()))
        out.print(f"\nReported by persons: {told}")
    if found.pairs:
        out.print("\n[bold]Worth a look[/]")
        for one in found.pairs:
            _show_pair(one)


def _hits(side: Side) -> str:
    hits = sum(side.hits.values())
    if side.misses is None:
        return f"{hits:,}"
    lookups = hits + side.misses
    return f"{hits:,} of {lookups:,}" + (
        "" if side.hit_rate is None else f" ({side.hit_rate:.1%} from memory)"
    )


def _wrong(errors: Errors) -> Text:
    if errors.rate is None:
        return NONE
    told = Text(f"{errors.wrong:,} ({errors.rate:.1%}), from {errors.low:.1%} to ")
    return told.append(f"{errors.high:.1%}", style="bold")


def _money(side: Side) -> str | Text:
    return NONE if side.saved.money is None else dollars(side.saved.money)


def _show_pair(one: Doubtful) -> None:
    score = f"cosine {one.similarity:.3f}"
    if one.probability is not None:
        score = f"probability {one.probability:.3f}, {score}"
    times = f"{one.hits:,} times" if one.hits > 1 else "once"
    verb = "served" if one.served else "would have been served"
    ago = span(max(0.0, time.time() - one.at))
    out.print()
    out.print(Text(plain(one.question, _TEXT), style="bold"))
    out.print(Text(f"  {verb} from {one.entry_id}: {plain(one.other, _TEXT)}"))
    out.print(Text(f"  {DOUBTS[one.doubt]}", style="dim"))
    out.print(Text(f"  {score} · {times}, last {ago} ago", style="dim"))
    # On one line, whatever the terminal's width, as it is to be copied.
    out.print(Text(f"  {answering(one)}", style="cyan"), soft_wrap=True)


def answering(one: Doubtful) -> str:
    """The command that says that a pair is wrong, as one line for a POSIX shell."""
    return f"cacheback feedback {one.entry_id} --wrong --question {quoted(one.question)}"


def quoted(text: str) -> str:
    """Text as a word of a shell; what could steer a terminal as bash, zsh and ksh escape it."""
    if text.isprintable():
        return shlex.quote(text)
    return f"$'{''.join(map(_escaped, text))}'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - 4 digits
