"""`cacheback bench cas`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cacheback.cli.cas import report, scripted
from cacheback.cli.cas.cases import Case, load
from cacheback.cli.cas.figures import Figures, figures
from cacheback.cli.console import out, print_json, progress, table
from cacheback.cli.options import Session, common
from cacheback.config import provider_keys
from cacheback.synthesizers.endpoint import find

if TYPE_CHECKING:
    from cacheback.cli.cas.trial import Trial
    from cacheback.synthesizers.http import HTTPSynthesizer

# Seconds a model may take for any further piece: no caller is waiting.
_PATIENCE = 60.0


@click.group("bench", short_help="Measure what synthesised answers are worth.")
def command() -> None:
    """Measure what synthesised answers are worth, on questions with known facts.

    \b
    Example:
      cacheback bench cas
    """


@command.command("cas", short_help="Compare synthesised answers with a large model's own.")
@common
@click.option(
    "--model",
    default="google/gemini-2.0-flash-lite-001",
    show_default=True,
    help="The synthesis model, as in the setting synthesis_model.",
)
@click.option(
    "--upstream",
    default="openai/gpt-4o",
    show_default=True,
    help="The model whose answers it is to replace.",
)
@click.option("--judge", help="A model that marks both answers; without it facts alone count.")
@click.option("--base-url", metavar="URL", help="The API of all three, instead of the providers'.")
@click.option("--scripted", "play", is_flag=True, help="Ask no model: prove the harness only.")
@click.option(
    "--questions",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of questions.  [default: benchmarks/cas/questions of the checkout]",
)
@click.option("--limit", type=click.IntRange(min=1), help="Ask only the first so many of a domain.")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("cas-report"),
    show_default=True,
    help="The folder that the report is written to.",
)
def cas(
    session: Session,
    *,
    model: str,
    upstream: str,
    judge: str | None,
    base_url: str | None,
    play: bool,
    questions: Path | None,
    limit: int | None,
    folder: Path,
) -> None:
    """Answer 100 questions twice: directly, and from their cached neighbours; and compare.

    In a quarter of the questions the neighbours do not suffice, and refusing is right. Where there
    is no key (OPENROUTER_API_KEY, OPENAI_API_KEY, ANTHROPIC_API_KEY) and no --base-url, a scripted
    provider plays all models, and the report says so. With keys this costs some cents.

    \b
    Examples:
      cacheback bench cas --judge openai/gpt-4o
      cacheback bench cas --model local/qwen2.5-7b-instruct --base-url http://127.0.0.1:11434/v1
      cacheback bench cas --scripted
    """
    cases = _some(load(questions), limit)
    play = play or not (provider_keys() or base_url)
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if play:
        setup = report.Setup(scripted.SMALL, scripted.LARGE, scripted.JUDGE, True, when)
    else:
        setup = report.Setup(model, upstream, judge, False, when)
    trials = _trials(setup, cases, base_url)
    found = figures(trials)
    report.write(folder, setup, found, trials)
    if session.as_json:
        told = {**asdict(setup), "report": str(folder / report.PAGE)}
        print_json({**told, "figures": [asdict(one) for one in found]})
    else:
        _show(found, scripted_only=play)
        out.print(f"\nwritten to {folder / report.PAGE}")


def _some(cases: Sequence[Case], limit: int | None) -> list[Case]:
    domains = dict.fromkeys(case.domain for case in cases)
    by_domain = ([case for case in cases if case.domain == name] for name in domains)
    return [case for some in by_domain for case in some[:limit]]


def _trials(setup: report.Setup, cases: Sequence[Case], base_url: str | None) -> list[Trial]:
    from cacheback.cli.cas.trial import Bench  # noqa: PLC0415 - the model runtime, for this alone

    names = (setup.model, setup.upstream, setup.judge)
    with (
        _api(cases, base_url, play=setup.scripted) as url,
        ExitStack() as models,
        progress("asking", len(cases)) as (bar, task),
    ):
        model, upstream, judge = (
            name and models.enter_context(_model(name, url, play=setup.scripted)) for name in names
        )
        return Bench(model, upstream, judge).run(cases, lambda: bar.advance(task))


@contextmanager
def _api(cases: Sequence[Case], base_url: str | None, *, play: bool) -> Iterator[str | None]:
    """Where the models are asked; None for the providers' own addresses."""
    if not play:
        yield base_url
        return
    from cacheback.testing import ScriptedUpstream  # noqa: PLC0415 - only without a key

    with ScriptedUpstream(scripted.Script(cases)) as provider:
        yield provider.openai_url


@contextmanager
def _model(name: str, base_url: str | None, *, play: bool) -> Iterator[HTTPSynthesizer]:
    from cacheback.synthesizers.http import HTTPSynthesizer  # noqa: PLC0415 - needs an extra

    endpoint = find(f"local/{name}" if play else name, base_url, None, provider_keys())
    with closing(HTTPSynthesizer(endpoint, _PATIENCE)) as model:
        yield model


def _show(found: Sequence[Figures], *, scripted_only: bool) -> None:
    if scripted_only:
        out.print("[yellow]No model was asked: these figures prove the harness only.[/]\n")
    rows = table("Domain", "Answered>", "Facts>", "Judge>", "Refusal precision>", "recall>")
    for one in found:
        ratios = [f"{value.value:.2f}" if value else "-" for value in (one.facts, one.quality)]
        shares = [report.percent(one.answered), report.percent(one.precision)]
        rows.add_row(one.name, shares[0], *ratios, shares[1], report.percent(one.recall))
    out.print(rows)
    out.print("[dim]Facts and judge: written / direct, where the sources suffice.[/]")
