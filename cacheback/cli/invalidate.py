"""`cacheback invalidate`."""

from __future__ import annotations

import click

from cacheback.cli.console import out, print_json
from cacheback.cli.forgetting import report
from cacheback.cli.opened import looking
from cacheback.cli.options import Session, common, filter_options
from cacheback.cli.words import counted
from cacheback.core.ports import Selection
from cacheback.errors import InputError
from cacheback.models import JSON


@click.command(short_help="Delete entries by tag, scope, namespace or age.")
@filter_options
@click.option("--dry-run", is_flag=True, help="Only say how many would be deleted.")
@common
def command(
    session: Session,
    *,
    tags: tuple[str, ...],
    scope: tuple[tuple[str, JSON], ...],
    namespace: str | None,
    older_than: float | None,
    dry_run: bool,
) -> None:
    """Delete the entries to which everything applies that is given, and at least something is.

    \b
    Examples:
      cacheback invalidate --tag prices
      cacheback invalidate --scope model=gpt-4o-mini --older-than 30d --dry-run
    """
    with looking(session) as cache:
        selection = cache.selection(
            tags=tags, scope=dict(scope), namespace=namespace, older_than=older_than
        )
        if selection == Selection():
            raise InputError(
                "say which entries: --tag, --scope, --namespace or --older-than;"
                " `cacheback clear` deletes all"
            )
        if not dry_run:
            report(session, cache.engine.memory.forget(selection))
            return
        count = cache.store.count(selection)
    if session.as_json:
        print_json({"would_delete": count})
    else:
        out.print(f"Would delete {counted(count, 'entry', 'entries')}.")
