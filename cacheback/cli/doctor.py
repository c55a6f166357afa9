"""`cacheback doctor`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict

import click
from rich.text import Text

from cacheback.cli.console import out, plain, print_json, table
from cacheback.cli.diagnosis import Finding, Level, examine
from cacheback.cli.exits import end_with_finding
from cacheback.cli.options import Session, common
from cacheback.cli.usable import usable

_MARKS: Mapping[Level, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warn": ("!", "yellow"),
    "fail": ("✗", "bold red"),
}


@click.command(short_help="Examine installation, settings and directory, with remedies.")
@common
def command(session: Session) -> None:
    """Examine the installation, the settings and the directory, and try it all once.

    Looks at versions, the bundled models' hashes, hnswlib, settings from the environment, the
    directory (modes, sizes, free space, whose vectors it holds), and stores and finds an answer in
    a temporary directory, with times. Each finding is fine (✓), worth a look (!) or wrong (✗),
    with its remedy. A setting that cannot work is such a finding, and all else is examined without
    it. Changes nothing; ends with 1 when something is wrong.

    \b
    Example:
      cacheback doctor --cache-dir /var/lib/answers
    """
    findings = list(examine(*usable(os.environ, session.cache_dir)))
    wrong = any(finding.level == "fail" for finding in findings)
    if session.as_json:
        print_json({"ok": not wrong, "findings": [asdict(finding) for finding in findings]})
    else:
        _show(findings)
    if wrong:
        end_with_finding()


def _show(findings: list[Finding]) -> None:
    rows = table("", "", "")
    rows.show_header = False
    for finding in findings:
        mark, style = _MARKS[finding.level]
        told = Text(plain(finding.found))
        if finding.remedy:
            told.append(f"\n→ {plain(finding.remedy)}", style="cyan")
        rows.add_row(Text(mark, style=style), finding.name, told)
    out.print(rows)
