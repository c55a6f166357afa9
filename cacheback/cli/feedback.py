"""`cacheback feedback`."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.text import Text

from cacheback.cli.console import out, plain, print_json
from cacheback.cli.opened import looking
from cacheback.cli.options import Session, common
from cacheback.core.feedback import Feedback
from cacheback.errors import InputError
from cacheback.models import Label

_TEXT = 100  # characters of a question that are shown


@click.command(short_help="Say that an answer from memory was wrong, or right.")
@click.argument("id_", type=click.IntRange(min=1), metavar="ENTRY")
@click.option("--wrong", is_flag=True, help="Its answer is wrong for the question.")
@click.option("--right", is_flag=True, help="Its answer is right for the question.")
@click.option(
    "--question",
    metavar="TEXT",
    help="The question that was asked; else the last one that it was served for by meaning.",
)
@common
def command(session: Session, *, id_: int, wrong: bool, right: bool, question: str | None) -> None:
    """Say that the answer of ENTRY was wrong for a question, or right; see `report` for pairs.

    What is called wrong is never served for that question again, in no scope and by no process,
    however often the entry is stored anew. What is called right is served where the entry is, even
    if the judge would not. The last word counts. Where the question is the entry's own text, the
    entry itself is wrong, and is deleted.

    \b
    Examples:
      cacheback feedback 17 --wrong
      cacheback feedback 17 --right --question "How do I reset my password?"
    """
    if wrong is right:
        raise InputError("say either --wrong or --right")
    label: Label = "wrong" if wrong else "right"
    with looking(session) as cache:
        learned = cache.feedback(id_, label, question)
    if session.as_json:
        print_json(asdict(learned))
        return
    out.print(Text(plain(learned.question, _TEXT), style="bold"))
    out.print(Text(f"  {learned.entry_id}: {plain(learned.other, _TEXT)}"))
    out.print(Text(f"  {_told(learned)}", style="dim"))


def _told(learned: Feedback) -> str:
    if learned.deleted:
        return "wrong for its own question: the entry is deleted"
    if learned.own:
        return "right for its own question, which it is served for in any case"
    if learned.label == "wrong":
        return "wrong: it will not be served for this question again"
    return "right: it is served for this question, unless a nearer one is"
