"""What the commands that delete have in common: how they ask, and how they report."""

from __future__ import annotations

import sys

import click

from cacheback.cli.console import out, print_json
from cacheback.cli.options import Session
from cacheback.cli.words import counted
from cacheback.errors import InputError


def report(session: Session, deleted: int) -> None:
    """How many were deleted."""
    if session.as_json:
        print_json({"deleted": deleted})
    else:
        out.print(f"Deleted {counted(deleted, 'entry', 'entries')}.")


def confirm(question: str) -> bool:
    """Ask on the terminal; where there is none, refuse instead of guessing.

    Raises:
        InputError: nobody is there to ask.
    """
    if not is_interactive():
        raise InputError("there is no terminal to ask on; add --yes if you are sure")
    return click.confirm(question, err=True)


def is_interactive() -> bool:
    return sys.stdin.isatty()
