"""`cacheback export`."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import click
from rich.text import Text

from cacheback.cli.console import err, out, print_json, progress
from cacheback.cli.opened import looking
from cacheback.cli.options import Session, common, filter_options
from cacheback.cli.words import counted
from cacheback.models import JSON
from cacheback.transfer import export_entries


@click.command(short_help="Write entries to a file of JSON lines.")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@filter_options
@common
def command(
    session: Session,
    *,
    file: str,
    tags: tuple[str, ...],
    scope: tuple[tuple[str, JSON], ...],
    namespace: str | None,
    older_than: float | None,
) -> None:
    """Write entries to FILE, one JSON object per line; - is standard output.

    A file appears when it is complete, readable for its owner only, and replaces one of the same
    name. Everything is kept but hits and figures; `cacheback import` reads it back, also into a
    directory with another embedder. With -, the lines are all that is printed.

    \b
    Examples:
      cacheback export backup.jsonl
      cacheback export - --tag faq | jq -r .question
    """
    with looking(session) as cache:
        selection = cache.selection(
            tags=tags, scope=dict(scope), namespace=namespace, older_than=older_than
        )
        total = cache.store.count(selection)
        with _target(file) as target, progress("Exporting", total) as (bar, task):
            written = export_entries(
                cache,
                target,
                selection=selection,
                on_progress=lambda count: bar.update(task, completed=count),
            )
    exported = f"Exported {counted(written, 'entry', 'entries')}"
    if file == "-":
        err.print(Text(f"{exported}.", style="dim"))
    elif session.as_json:
        print_json({"exported": written, "file": file})
    else:
        out.print(Text(f"{exported} to {file}."))


@contextmanager
def _target(file: str) -> Iterator[IO[bytes]]:
    """Standard output, or a new file that gets its name when it is complete."""
    if file == "-":
        with _whole_writes(sys.stdout.buffer) as target:
            yield target
        return
    path = Path(file)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        error.filename = file  # the name that was asked for, not the draft's
        raise
    try:
        with os.fdopen(descriptor, "wb") as target:
            yield target
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _whole_writes(stream: Any) -> Iterator[IO[bytes]]:
    """Standard output is a bare file under `python -u`, and may then write part of a line only."""
    buffered = io.BufferedWriter(stream)
    try:
        yield buffered
        buffered.flush()
    finally:
        with suppress(BrokenPipeError):  # what is left in the buffer, after a first one
            buffered.detach()
