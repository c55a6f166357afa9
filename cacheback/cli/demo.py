"""`cacheback demo`: the main job, end to end, on real questions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click
from rich.panel import Panel

from cacheback.cli.console import NONE, out, plain, print_json, progress, table
from cacheback.cli.options import Session, common
from cacheback.cli.replay import (
    Asked,
    NearMiss,
    near_misses,
    of_tier,
    percentile,
    replay,
    sample,
    stand_in,
)
from cacheback.cli.showcase import Twice, message, stream
from cacheback.cli.words import counted
from cacheback.errors import ConfigurationError
from cacheback.models import JSON, Tier
from cacheback.testing import ScriptedUpstream

if TYPE_CHECKING:
    from cacheback.adapters.openai import CachedOpenAI

_SHOWN_TIERS = (Tier.EXACT, Tier.SEMANTIC, Tier.UPSTREAM)
_MILLISECONDS = 1000
# Seconds between two pieces of a stream, as of a model that writes 50 of them a second.
_GAP = 0.02


@click.command("demo")
@common
@click.option("--live", is_flag=True, help="Use the real API; needs OPENAI_API_KEY, costs cents.")
@click.option("--model", default="gpt-4o-mini", show_default=True, help="Which model to ask.")
@click.option(
    "--questions",
    type=click.IntRange(min=1),
    help="Ask only the first so many.  [default: all, about 130]",
)
def command(session: Session, *, live: bool, model: str, questions: int | None) -> None:
    """Replay real customer questions through CachedOpenAI, and see what it saves.

    The real OpenAI SDK asks a stand-in provider on loopback, as slow as a real one: no key, no
    network, and a cache of its own that is gone afterwards. The questions are real customers' of a
    bank (BANKING77), in an order with repeats and paraphrases.

    \b
    Example:
      cacheback demo
      OPENAI_API_KEY=sk-… cacheback demo --live --questions 30
    """
    asked = sample()[:questions]
    with _client(asked, live=live) as (client, upstream):
        calls: list[Asked] = []
        with progress("asking", len(asked)) as (bar, task):
            for one in replay(client, asked, model):
                calls.append(one)
                bar.advance(task)
        shown = _showcase(client, upstream, asked[0][0], model)
        if session.as_json:
            print_json({**_as_json(calls), "twice": [asdict(one) for one in shown]})
        else:
            _show(client, calls, live=live)
            _show_twice(shown)


@contextmanager
def _client(
    questions: Sequence[tuple[str, str]], *, live: bool
) -> Iterator[tuple[CachedOpenAI, ScriptedUpstream | None]]:
    """The client, and the stand-in provider behind it unless it calls the real one."""
    from cacheback.adapters.openai import CachedOpenAI  # noqa: PLC0415 - the SDK is an extra

    with tempfile.TemporaryDirectory(prefix="cacheback-demo-") as directory:
        if live:
            if not os.environ.get("OPENAI_API_KEY"):
                raise ConfigurationError(
                    "--live calls the real API: set OPENAI_API_KEY, or leave --live out"
                )
            with CachedOpenAI(cache_dir=directory) as client:
                yield client, None
            return
        with (
            ScriptedUpstream(stand_in(dict(questions)), gap=_GAP) as upstream,
            CachedOpenAI(
                cache_dir=directory, base_url=upstream.openai_url, api_key="not-needed"
            ) as client,
        ):
            yield client, upstream


def _showcase(
    client: CachedOpenAI, upstream: ScriptedUpstream | None, question: str, model: str
) -> list[Twice]:
    shown = [stream(client, question, model)]
    if upstream is not None and find_spec("anthropic"):
        shown.append(message(client.cache, upstream.anthropic_url, question))
    return shown


def _show_twice(shown: Sequence[Twice]) -> None:
    made = table("and also", "first text>", "whole>", "again: first text>", "whole>", "same>")
    for one in shown:
        times = [_time(seconds) for seconds in (*one.first, *one.again)]
        made.add_row(one.name, *times, "yes" if one.same else "no")
    out.print()
    out.print(made)


def _show(client: CachedOpenAI, calls: Sequence[Asked], *, live: bool) -> None:
    provider = "the real API" if live else "a stand-in provider on loopback"
    out.print()
    out.print(
        f"[bold]{counted(len(calls), 'real customer question')}[/bold] through CachedOpenAI,"
        f" answered by memory or by {provider}"
    )
    out.print()
    out.print(_tiers(calls))
    out.print()
    _conclude(calls)
    _examples(client, calls)


def _tiers(calls: Sequence[Asked]) -> object:
    made = table("answered by", "calls>", "p50>", "p99>", "cost>", "money saved>", "time saved>")
    for tier in _SHOWN_TIERS:
        mine = of_tier(calls, tier)
        times = [one.seconds for one in mine]
        hits = tier is not Tier.UPSTREAM
        made.add_row(
            tier.value,
            f"{len(mine)}",
            _time(percentile(times, 0.5)) if times else NONE,
            _time(percentile(times, 0.99)) if times else NONE,
            NONE if hits else _money(sum(one.cost for one in mine)),
            _money(sum(one.told.saved.money or 0 for one in mine)) if hits else NONE,
            f"{_saved_time(mine):.1f} s" if hits else NONE,
            style="green" if hits else "",
        )
    return made


def _conclude(calls: Sequence[Asked]) -> None:
    hits = [one for one in calls if one.told.hit]
    wrong = [one for one in hits if not one.right]
    spent = sum(one.cost for one in calls)
    saved = sum(one.told.saved.money or 0 for one in hits)
    out.print(
        f"[bold green]{len(hits) / len(calls):.0%}[/] of the calls were answered from memory:"
        f" {_saved_time(hits):.1f} s of waiting and"
        f" {saved / (saved + spent) if saved + spent else 0:.0%} of the bill saved."
        f" By the data's labels, {len(wrong)} of the {counted(len(hits), 'answer')} from memory"
        f" {'was' if len(wrong) == 1 else 'were'} meant for another kind of question."
    )
    for one in wrong:
        out.print(f"  [red]wrong[/]  {plain(one.question, 90)}  ←  {plain(one.source or '', 90)}")


def _examples(client: CachedOpenAI, calls: Sequence[Asked]) -> None:
    lines = [
        *_served(of_tier(calls, Tier.EXACT)[:1]),
        *_served(_least_similar(of_tier(calls, Tier.SEMANTIC))),
        *_not_served(near_misses(client, of_tier(calls, Tier.UPSTREAM))),
    ]
    out.print()
    out.print(Panel("\n".join(lines), title="what memory said, and why", title_align="left"))


def _least_similar(hits: Sequence[Asked]) -> list[Asked]:
    """The hits that a person would most want to look at."""
    return sorted(hits, key=lambda one: one.told.similarity or 0)[:3]


def _served(calls: Sequence[Asked]) -> list[str]:
    return [
        f"[green]served[/]      [bold]{_text(one.question)}[/]\n"
        f"   as         {_text(one.source or '')}\n"
        f"   because    {one.told.reason} · similarity {one.told.similarity or 0:.3f}"
        f" · {_time(one.seconds)}"
        for one in calls
    ]


def _not_served(misses: Sequence[NearMiss]) -> list[str]:
    """Near misses of either kind: those that the labels call right, and one that cost a hit."""
    right = [one for one in misses if not one.same_intent][:3]
    lost = [one for one in misses if one.same_intent][:1]
    return [
        f"[yellow]not served[/]  [bold]{_text(one.asked.question)}[/]\n"
        f"   although   {_text(one.nearest)} · similarity {one.asked.told.similarity or 0:.3f}\n"
        f"   because    {one.asked.told.reason} · {_text(one.asked.told.detail)}"
        f"{' · a hit lost: the labels agree' if one.same_intent else ''}"
        for one in [*right, *lost]
    ]


def _as_json(calls: Sequence[Asked]) -> JSON:
    return {
        "calls": len(calls),
        "tiers": {tier.value: _tier_as_json(of_tier(calls, tier)) for tier in _SHOWN_TIERS},
        "log": [
            {
                "question": one.question,
                "tier": one.told.tier.value,
                "reason": one.told.reason.value,
                "similarity": one.told.similarity,
                "source": one.source,
                "seconds": one.seconds,
            }
            for one in calls
        ],
    }


def _tier_as_json(calls: Sequence[Asked]) -> JSON:
    times = [one.seconds for one in calls]
    return {
        "calls": len(calls),
        "p50_seconds": percentile(times, 0.5) if times else None,
        "p99_seconds": percentile(times, 0.99) if times else None,
        "cost": sum(one.cost for one in calls),
        "money_saved": sum(one.told.saved.money or 0 for one in calls),
        "seconds_saved": _saved_time(calls),
        "wrong": sum(one.right is False for one in calls),
    }


def _saved_time(calls: Sequence[Asked]) -> float:
    """Seconds that upstream would have taken, less those that memory took."""
    return sum(one.told.saved.seconds - one.seconds for one in calls if one.told.hit)


def _text(text: str) -> str:
    return plain(text, 100).replace("[", r"\[")


def _time(seconds: float) -> str:
    return f"{seconds * _MILLISECONDS:.1f} ms"


def _money(dollars: float) -> str:
    return f"${dollars:.5f}"
