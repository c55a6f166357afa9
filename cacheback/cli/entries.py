"""`cacheback entries`."""

from __future__ import annotations

import time

import click
from rich.text import Text

from cacheback.cli.console import NONE, err, out, plain, print_json, span, table
from cacheback.cli.opened import looking
from cacheback.cli.options import Session, common, filter_options
from cacheback.cli.words import counted
from cacheback.models import JSON, Entry

# Characters of a question and of an answer that are shown; `--json` shows all.
_QUESTION, _ANSWER = 120, 120


@click.command(short_help="List entries, with filters.")
@filter_options
@click.option("--text", metavar="TEXT", help="With this text in the question, in either case.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="At most so many.",
)
@click.option(
    "--after",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="ID",
    help="Only entries with an id above this, to go on where a list ended.",
)
@common
def command(
    session: Session,
    *,
    tags: tuple[str, ...],
    scope: tuple[tuple[str, JSON], ...],
    namespace: str | None,
    older_than: float | None,
    text: str | None,
    limit: int,
    after: int,
) -> None:
    """List entries by ascending id, those to which all filters apply.

    The eight characters under "Scope" tell scopes apart; `lookup --like ID` asks in the scope of
    an entry. Answers are shown in part: --json has them whole.

    \b
    Examples:
      cacheback entries --text refund
      cacheback entries --tag faq --older-than 7d
      cacheback entries --scope model=gpt-4o-mini --json
    """
    with looking(session) as cache:
        selection = cache.selection(
            tags=tags, scope=dict(scope), namespace=namespace, older_than=older_than, text=text
        )
        found = cache.store.select(selection, after=after, limit=limit)
        total = cache.store.count(selection)
        if session.as_json:
            parts = {entry.scope: cache.store.scope_parts(entry.scope) for entry in found}
            print_json([entry_json(entry, parts[entry.scope]) for entry in found])
            return
    _show(found)
    more = bool(found) and len(found) == limit and total > len(found)
    go_on = f"; more with --after {found[-1].id}" if more else ""
    err.print(Text(f"{len(found):,} of {counted(total, 'entry', 'entries')}{go_on}", style="dim"))


def entry_json(entry: Entry, parts: JSON) -> JSON:
    """An entry as `--json` prints it."""
    return {
        "id": entry.id,
        "question": entry.question,
        "answer": entry.answer.text,
        "tool_calls": [
            {"name": call.name, "arguments": call.arguments} for call in entry.answer.tool_calls
        ],
        "model": entry.answer.model,
        "created_at": entry.created_at,
        "expires_at": entry.expires_at,
        "last_used_at": entry.last_used_at,
        "hits": entry.hits,
        "tags": list(entry.tags),
        "provenance": entry.provenance,
        "sources": list(entry.sources),
        "scope": {"digest": entry.scope, "parts": parts},
    }


def _show(found: list[Entry]) -> None:
    if not found:
        return
    now = time.time()
    rows = table("Id>", "Question and answer", "Age>", "Expires>", "Hits>", "From", "Scope")
    for entry in found:
        rows.add_row(
            str(entry.id),
            _content(entry),
            span(max(0.0, now - entry.created_at)),
            _expiry(entry, now),
            f"{entry.hits:,}",
            entry.provenance,
            Text(entry.scope[:8], style="dim"),
        )
    out.print(rows)


def _content(entry: Entry) -> Text:
    content = Text(plain(entry.question, _QUESTION) or "(no question)", style="bold")
    content.append(f"\n{excerpt(entry)}", style="not bold")
    for tag in entry.tags:
        content.append(f" #{plain(tag)}", style="not bold cyan")
    return content


def excerpt(entry: Entry, limit: int = _ANSWER) -> str:
    """The beginning of an answer; of one without text, the tools that it calls."""
    calls = ", ".join(f"{call.name}(…)" for call in entry.answer.tool_calls)
    return plain(entry.answer.text, limit) or plain(f"calls {calls}" if calls else "(empty)", limit)


def _expiry(entry: Entry, now: float) -> Text:
    if entry.expires_at is None:
        return NONE
    if entry.expired(now):
        return Text("expired", style="yellow")
    return Text(f"in {span(entry.expires_at - now)}")
