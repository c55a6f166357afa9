"""`cacheback reembed`."""

from __future__ import annotations

import click
from rich.text import Text

from cacheback.cli.console import err, out, print_json, progress
from cacheback.cli.opened import directory_of, embedder_of, settings_of, store_of
from cacheback.cli.options import Session, common
from cacheback.cli.words import counted
from cacheback.embedders.checked import Checked
from cacheback.embedders.registry import make_embedder
from cacheback.reembed import Progress, reembed, unfinished


@click.command(short_help="Change the embedder of a directory.")
@click.option(
    "--embedder",
    metavar="NAME",
    help="A registered name, or module:Class of your own.  [default: that of an interrupted run,"
    " else CACHEBACK_EMBEDDER, else minilm]",
)
@common
def command(session: Session, *, embedder: str | None) -> None:
    """Encode all questions of the directory with another embedder.

    A directory belongs to the embedder that filled it, because similarities between vectors of
    two embedders mean nothing. Stop whatever uses the directory: while somebody has it open this
    refuses to begin, and until it is finished no cache opens. After an interruption, run it again
    and it goes on. Entries that only the exact tier may serve stay so, also those whose question
    was too long for the old embedder, as the store does not note why.

    \b
    Examples:
      cacheback reembed --embedder minilm
      cacheback reembed --embedder my_package.embedders:Mine
    """
    settings = settings_of(session)
    directory = directory_of(settings)
    with store_of(session) as store:
        before = unfinished(store)
    label = embedder or (before.label if before else "") or str(settings.embedder)
    checked = Checked(make_embedder(embedder_of(label)))
    with progress("Re-embedding", None) as (bar, task):
        done = reembed(
            directory,
            checked,
            label=label,
            on_progress=lambda done, total: bar.update(task, completed=done.done, total=total),
            lock_timeout=settings.lock_timeout,
        )
    _report(session, label, done, resumed=before is not None and before.after > 0)


def _report(session: Session, label: str, done: Progress, *, resumed: bool) -> None:
    exact_only = done.done - done.encoded
    if session.as_json:
        counts = {"entries": done.done, "encoded": done.encoded, "exact_only": exact_only}
        print_json({"embedder": label, **counts, "resumed": resumed})
    elif not done.done:
        out.print(Text(f"Nothing to do: the directory belongs to the embedder {label}."))
    else:
        out.print(Text(f"The directory now belongs to the embedder {label}: "), end="")
        encoded = counted(done.encoded, "entry", "entries")
        out.print(f"{encoded} encoded, {exact_only:,} exact only.")
    if exact_only and not session.as_json:
        remark = "Exact only: served to the same text only, for what was asked or how long it is."
        err.print(Text(remark, style="dim"))
