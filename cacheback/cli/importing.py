"""`cacheback import`."""

from __future__ import annotations

import os
import stat
from typing import IO

import click
from rich.text import Text

from cacheback.cli.console import err, out, plain, print_json, progress
from cacheback.cli.exits import end_with_finding
from cacheback.cli.opened import asking, scope_asked
from cacheback.cli.options import Duration, Session, common, scope_options
from cacheback.cli.words import counted
from cacheback.models import JSON
from cacheback.transfer import ImportReport, import_entries, read_lines

# Bad lines that are shown; `--json` has all.
_SHOWN = 20


@click.command(short_help="Store questions and answers from a file of JSON lines.")
@click.argument("file", type=click.File("rb"))
@scope_options
@click.option(
    "--tag", "tags", multiple=True, metavar="NAME", help="Give every entry this tag, too."
)
@click.option(
    "--ttl",
    type=Duration(never=True),
    metavar="TIME",
    help="Life of entries whose line does not say: 7d, 4w, never.  [env: CACHEBACK_TTL; "
    "default: 1d]",
)
@common
def command(
    session: Session,
    *,
    file: IO[bytes],
    scope: tuple[tuple[str, JSON], ...],
    like: int | None,
    namespace: str | None,
    tags: tuple[str, ...],
    ttl: float | None,
) -> None:
    """Store questions and answers from FILE, one JSON object per line; - is standard input.

    Only a question and an answer are needed:

    \b
      {"question": "How do I reset my password?", "answer": "Press 'Forgotten'."}

    What `cacheback export` writes is read back whole, times included. Lines without a scope go
    where --scope, --like and --namespace say; without these, where only a lookup without a scope
    finds them (an LLM client's calls do have one: its model, its system prompt, …).

    Bad lines are reported by number and skipped, and the command then ends with 1. What is stored
    already is passed over quickly: after an interruption, run the same command again.

    \b
    Examples:
      cacheback import faq.jsonl --ttl never --tag faq
      cacheback import answers.jsonl --like 17
      zcat backup.jsonl.gz | cacheback import -
    """
    with asking(session, make=True) as cache:
        asked = scope_asked(cache, scope, like)
        with progress("Importing", _size(file)) as (bar, task):
            position = 0

            def told(line: bytes) -> bytes:
                nonlocal position
                position += len(line)
                return line

            report = import_entries(
                cache,
                map(told, read_lines(file)),
                scope=asked,
                namespace=namespace,
                tags=tags,
                ttl=ttl,
                on_progress=lambda _: bar.update(task, completed=position),
            )
        limit = cache.settings.cache_max_entries
    if session.as_json:
        print_json(_as_json(report))
    else:
        _show(report, limit)
    if report.bad:
        end_with_finding()


def _size(file: IO[bytes]) -> int | None:
    """Bytes of a regular file, for the progress bar; None where there is no telling."""
    status = os.fstat(file.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _as_json(report: ImportReport) -> JSON:
    return {
        "imported": report.imported,
        "unchanged": report.unchanged,
        "expired": report.expired,
        "bad": [{"line": number, "reason": reason} for number, reason in report.bad],
        "ignored": list(report.ignored),
    }


def _show(report: ImportReport, limit: int) -> None:
    counts = f"Imported {report.imported:,}, unchanged {report.unchanged:,}"
    counts += f", expired {report.expired:,}" if report.expired else ""
    counts += f", bad {len(report.bad):,}" if report.bad else ""
    out.print(f"{counts}.")
    for number, reason in report.bad[:_SHOWN]:
        err.print(Text(f"line {number}: {plain(reason)}", style="red"))
    if len(report.bad) > _SHOWN:
        err.print(Text(f"… and {len(report.bad) - _SHOWN:,} more; --json lists all", style="red"))
    if report.ignored:
        names = ", ".join(plain(name) for name in report.ignored)
        err.print(Text(f"Fields that mean nothing here were ignored: {names}", style="yellow"))
    if report.imported + report.unchanged > limit:
        kept = counted(limit, "entry", "entries")
        remark = f"The cache keeps the {kept} used last; raise CACHEBACK_CACHE_MAX_ENTRIES"
        err.print(Text(remark, style="yellow"))
