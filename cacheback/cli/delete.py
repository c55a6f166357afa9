"""`cacheback delete`."""

from __future__ import annotations

import click

from cacheback.cli.exits import complain, end_with_finding
from cacheback.cli.forgetting import report
from cacheback.cli.opened import looking
from cacheback.cli.options import Session, common


@click.command(short_help="Delete entries by id.")
@click.argument("ids", type=click.IntRange(min=1), nargs=-1, required=True, metavar="ID...")
@common
def command(session: Session, *, ids: tuple[int, ...]) -> None:
    """Delete entries by id, from every copy, also those in running processes.

    Answers that were synthesised from them go with them. Ends with 1 when an id does not exist;
    the others are deleted all the same.

    \b
    Example:
      cacheback delete 17 18
    """
    with looking(session) as cache:
        there = {entry.id for entry in cache.store.get(ids)}
        deleted = cache.delete(*ids)
    report(session, deleted)
    missing = [str(one) for one in ids if one not in there]
    if missing:
        none = "are no entries" if len(missing) > 1 else "is no entry"
        complain(f"there {none} {', '.join(missing)}")
        end_with_finding()
