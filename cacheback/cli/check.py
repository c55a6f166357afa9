"""`cacheback check`."""

from __future__ import annotations

import click
from rich.text import Text

from cacheback.cli.console import err, out, plain, print_json
from cacheback.cli.exits import end_with_finding
from cacheback.cli.opened import store_of
from cacheback.cli.options import Session, common


@click.command(short_help="Look for damage in the database.")
@common
def command(session: Session) -> None:
    """Read the whole database and look for damage; changes nothing.

    Every entry carries a checksum, and a damaged one is never served. Ends with 1 when something
    was found.

    \b
    Example:
      cacheback check && echo all is well
    """
    with store_of(session) as store:
        findings = store.check()
        path = store.path
    if session.as_json:
        print_json({"ok": not findings, "database": str(path), "findings": findings})
    elif not findings:
        out.print(Text(f"No damage found in {path}.", style="green"))
    for finding in () if session.as_json else findings:
        out.print(Text(f"✗ {plain(finding)}", style="red"))
    if findings:
        err.print(
            Text(
                "Delete damaged entries by their id (cacheback delete ID). If the file itself is"
                " damaged, save what can be read (cacheback export FILE), move the file away, and"
                " import what was saved.",
                style="dim",
            )
        )
        end_with_finding()
