"""`cacheback clear`."""

from __future__ import annotations

import click

from cacheback.cli.exits import complain, end_with_finding
from cacheback.cli.forgetting import confirm, report
from cacheback.cli.opened import looking
from cacheback.cli.options import Session, common
from cacheback.cli.words import counted


@click.command(short_help="Delete every entry.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@common
def command(session: Session, *, yes: bool) -> None:
    """Delete every entry of the directory, after asking. Figures of the past are kept.

    Where there is no terminal to ask on, --yes is needed. Consider `cacheback export` before.

    \b
    Examples:
      cacheback clear
      cacheback clear --yes
    """
    with looking(session) as cache:
        count = counted(cache.store.stats().entries, "entry", "entries")
        directory = cache.settings.directory
        if not yes and not confirm(f"Delete {count} from {directory}?"):
            complain("nothing was deleted")
            end_with_finding()
        report(session, cache.clear())
