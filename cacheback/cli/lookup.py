"""`cacheback lookup`."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
from rich.text import Text

from cacheback.cli.console import NONE, out, plain, print_json, span, table
from cacheback.cli.entries import excerpt
from cacheback.cli.exits import end_with_finding
from cacheback.cli.opened import asking, scope_asked
from cacheback.cli.options import Session, common, scope_options
from cacheback.cli.words import REASONS, told
from cacheback.errors import InputError
from cacheback.models import JSON, Candidate, Elsewhere, Explanation, Reason

_QUESTION = 100  # characters that are shown
_SHADOW = (
    "In shadow mode (CACHEBACK_MODE=shadow) nothing is served, upstream answers everything."
    " Without it:"
)


@click.command(short_help="Ask a question and see why it would be served, or not.")
@click.argument("question")
@scope_options
@click.option(
    "-k",
    "k",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    metavar="N",
    help="How many of the nearest entries to show.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="COSINE",
    help="Instead of the setting.  [env: CACHEBACK_SIMILARITY_THRESHOLD; default: 0.85]",
)
@common
def command(
    session: Session,
    *,
    question: str,
    scope: tuple[tuple[str, JSON], ...],
    like: int | None,
    namespace: str | None,
    k: int,
    threshold: float | None,
) -> None:
    """Ask a question: who would answer it from memory, and why; serves and counts nothing.

    The nearest entries are shown with their cosine and the judge's verdict. An entry can only be
    served in its own scope (model, system prompt, earlier turns, tools, …): name parts with
    --scope, or take those of an entry with --like. When none is named, the question is asked with
    no scope at all, and candidates from every scope are shown; below them, what differs in scopes
    that hold the very same question. Where CACHEBACK_SYNTHESIS_MODE is on and nothing may be
    served as it is, the entries are named from which an answer would be written; none is.

    In shadow mode (CACHEBACK_MODE=shadow) nothing is served at all: then it tells what would be
    without it. Ends with 1 when nothing would be served.

    \b
    Examples:
      cacheback lookup "How do I reset my password?"
      cacheback lookup "How do I reset my password?" --like 17
      cacheback lookup "reset password" --scope model=gpt-4o-mini --threshold 0.85
    """
    if not question.strip():
        raise InputError(
            "the question is empty; write one in quotation marks, as in:"
            ' cacheback lookup "How do I reset my password?"'
        )
    with asking(session, similarity_threshold=threshold) as cache:
        asked = scope_asked(cache, scope, like)
        everywhere = asked is None and namespace is None
        explained = cache.search(
            question, k, scope=asked, namespace=namespace, everywhere=everywhere
        )
        mode = cache.settings.mode
    if session.as_json:
        print_json({"mode": mode, **_as_json(explained)})
    else:
        _show(explained, everywhere=everywhere, shadow=mode == "shadow")
    if explained.tier is None:
        end_with_finding()


def _as_json(explained: Explanation) -> dict[str, JSON]:
    return {
        "question": explained.question,
        "served": explained.tier is not None,
        "tier": explained.tier,
        "reason": explained.verdict.reason,
        "words": REASONS[explained.verdict.reason],
        "detail": explained.verdict.detail,
        "scope": {"digest": explained.scope.digest, "parts": dict(explained.scope.parts)},
        "candidates": [_candidate_json(one, explained.scope.digest) for one in explained],
        "synthesis": [one.entry.id for one in explained.sources],
        "elsewhere": [
            {
                "id": other.entry.id,
                "scope": other.entry.scope,
                "differences": [
                    {"part": one.part, "here": one.here, "there": one.there}
                    for one in other.differences
                ],
            }
            for other in explained.elsewhere
        ],
    }


def _candidate_json(candidate: Candidate, scope: str) -> JSON:
    return {
        "id": candidate.entry.id,
        "question": candidate.entry.question,
        "answer": candidate.entry.answer.text,
        "similarity": candidate.similarity,
        "serve": candidate.verdict.serve,
        "reason": candidate.verdict.reason,
        "words": REASONS[candidate.verdict.reason],
        "detail": candidate.verdict.detail,
        "scope": candidate.entry.scope,
        "same_scope": candidate.entry.scope == scope,
    }


def _show(explained: Explanation, *, everywhere: bool, shadow: bool) -> None:
    if shadow:
        out.print(Text(_SHADOW, style="yellow"))
    out.print(_headline(explained, everywhere=everywhere))
    if explained.candidates:
        out.print("\n[bold]Nearest entries[/]" + (" [dim]of all scopes[/]" if everywhere else ""))
        _show_candidates(explained)
    if explained.sources:
        ids = ", ".join(str(one.entry.id) for one in explained.sources)
        entries = "entries" if len(explained.sources) > 1 else "entry"
        out.print(f"\nSynthesis would be tried, from {entries} [cyan]{ids}[/]")
    if explained.elsewhere:
        out.print("\n[bold]The same question was answered in another scope[/]")
        _show_elsewhere(explained.elsewhere)
    others = _in_other_scopes(explained)
    if explained.tier is None and others:
        hint = f"To ask in the scope of an entry, add --like {others[0].entry.id}."
        out.print(Text(f"\n{hint}", style="dim"))


def _headline(explained: Explanation, *, everywhere: bool) -> Text:
    if explained.tier is not None:
        line = Text("✓ would be served", style="bold green")
        line.append(f" by the {explained.tier} tier: ", style="not bold")
    else:
        line = Text("✗ would not be served", style="bold yellow")
        line.append(" without a scope: " if everywhere else ": ", style="not bold")
    line.append(plain(told(explained.verdict)), style="not bold")
    line.append(f"  [{explained.verdict.reason}]", style="not bold dim")
    able = next((one for one in _in_other_scopes(explained) if one.verdict.serve), None)
    if explained.tier is None and able is not None:
        line.append(f"\n  in its own scope, entry {able.entry.id} would", style="not bold")
    return line


def _in_other_scopes(explained: Explanation) -> list[Candidate]:
    return [one for one in explained if one.entry.scope != explained.scope.digest]


def _show_candidates(explained: Explanation) -> None:
    same_text = {other.entry.id for other in explained.elsewhere}
    rows = table("Id>", "Cosine>", "", "Question, answer and verdict", "Age>", "Scope")
    now = time.time()
    for one in explained:
        entry = one.entry
        here = entry.scope == explained.scope.digest
        content = Text(plain(entry.question, _QUESTION), style="bold")
        content.append(f"\n{excerpt(entry, _QUESTION)}\n", style="not bold")
        content.append(_verdict(one, here=here, same_text=entry.id in same_text))
        rows.add_row(
            str(entry.id),
            f"{one.similarity:.3f}",
            Text("✓", style="green") if one.verdict.serve else Text("✗", style="yellow"),
            content,
            span(max(0.0, now - entry.created_at)),
            Text("this one", style="green") if here else Text(entry.scope[:8], style="dim"),
        )
    out.print(rows)


def _verdict(candidate: Candidate, *, here: bool, same_text: bool) -> Text:
    if not candidate.verdict.serve:
        return Text(plain(told(candidate.verdict)), style="not bold yellow")
    words = REASONS[Reason.SAME_TEXT] if same_text else plain(told(candidate.verdict))
    verdict = Text(words, style="not bold green")
    if not here:
        verdict.append(", but only in its own scope", style="not bold dim")
    return verdict


def _show_elsewhere(others: Sequence[Elsewhere]) -> None:
    now = time.time()
    for other in others:
        entry = other.entry
        age = span(max(0.0, now - entry.created_at))
        out.print(Text(f"entry {entry.id}, {age} old, scope {entry.scope[:8]}", style="cyan"))
        rows = table("differs in", "here", "there")
        for one in other.differences:
            here, there = plain(one.here), plain(one.there)
            rows.add_row(one.part, Text(here) if here else NONE, Text(there) if there else NONE)
        out.print(rows)
