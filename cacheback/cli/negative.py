"""`cacheback negative` and its subcommands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import IO, Any

import click
from rich.text import Text

from cacheback.cache import SemanticCache
from cacheback.cli.console import NONE, err, out, plain, print_json, span, table
from cacheback.cli.exits import complain, end_with_finding
from cacheback.cli.opened import asking, looking
from cacheback.cli.options import Duration, Session, common
from cacheback.cli.words import counted
from cacheback.errors import InputError
from cacheback.models import JSON, Negative, NegativeMatch

_PATTERN = 100  # characters that are shown; `--json` shows all

_namespace = click.option("--namespace", metavar="NAME", help="In this namespace.")


@click.group(short_help="Block questions, and see what is blocked.")
def command() -> None:
    """Block questions: what matches a pattern is neither answered nor sent upstream.

    A pattern is such a question as somebody might ask it. It holds for one namespace, in every
    process that shares the directory, from its next call on.

    \b
    Examples:
      cacheback negative add "What is the airspeed of an unladen swallow?" --reason bridge
      cacheback negative check "airspeed of swallows"
      cacheback negative list
    """


@command.command("add", short_help="Block a pattern, or those of a file.")
@click.argument("pattern", required=False)
@click.option("--reason", default="", metavar="TEXT", help="Why, for whoever is refused.")
@click.option(
    "--ttl",
    type=Duration(never=True),
    metavar="TIME",
    help="Until it blocks no more: 90s, 7d, never (which is the default).",
)
@_namespace
@click.option(
    "--from",
    "file",
    type=click.File("rb"),
    metavar="FILE",
    help="Add the patterns that `negative list --json` printed; - is standard input.",
)
@common
def add(
    session: Session,
    *,
    pattern: str | None,
    reason: str,
    ttl: float | None,
    namespace: str | None,
    file: IO[bytes] | None,
) -> None:
    """Block PATTERN and questions that ask the same. The directory is made where there is none.

    One that is blocked already is replaced, and the reports on it are forgotten. From a file, each
    keeps its own reason, expiry and namespace unless options say otherwise; those that have
    expired or are under review are passed over.

    \b
    Examples:
      cacheback negative add "How do I pick a lock?" --reason "not our business" --ttl 30d
      cacheback negative list --json --limit 9999 > blocked.json
      cacheback negative add --from blocked.json --cache-dir elsewhere
    """
    if (pattern is None) == (file is None):
        raise InputError("name either a pattern or a file: --from FILE")
    if ttl == 0:
        raise InputError("with --ttl 0 nothing would be blocked; leave it out to block for ever")
    given = _read(file) if file else [{"pattern": pattern}]
    with asking(session, make=True) as cache:
        added = list(_added(cache, given, reason=reason, ttl=ttl, namespace=namespace))
    if session.as_json:
        print_json([_entry_json(entry) for entry in added])
        return
    for entry in added:
        out.print(Text(f"{entry.id}: {plain(entry.pattern, _PATTERN)}"))
    if file is not None:
        passed_over = len(given) - len(added)
        err.print(Text(f"{len(added):,} blocked, {passed_over:,} passed over", style="dim"))


@command.command("list", short_help="List blocked patterns, newest first.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="At most so many.",
)
@_namespace
@common
def list_(session: Session, *, limit: int, namespace: str | None) -> None:
    """List the blocked patterns of a namespace, newest first, also those under review.

    "Bar" is the cosine from which a question matches; false-positive reports raise it.

    \b
    Examples:
      cacheback negative list
      cacheback negative list --namespace support --json
    """
    with looking(session) as cache:
        found = cache.negative.list(limit, namespace=namespace)
    if session.as_json:
        print_json([_entry_json(entry) for entry in found])
    elif found:
        _show(found)
    else:
        err.print(Text("nothing is blocked here", style="dim"))


@command.command("remove", short_help="Block patterns no more.")
@click.argument("ids", type=click.IntRange(min=1), nargs=-1, required=True, metavar="ID...")
@common
def remove(session: Session, *, ids: tuple[int, ...]) -> None:
    """Block patterns no more, by id, of whatever namespace.

    Ends with 1 when an id does not exist; the others are removed all the same.

    \b
    Example:
      cacheback negative remove 3 4
    """
    with looking(session) as cache:
        missing = [str(one) for one in ids if not cache.negative.remove(one)]
    removed = len(ids) - len(missing)
    if session.as_json:
        print_json({"removed": removed})
    else:
        out.print(f"Removed {removed:,} of {len(ids):,}.")
    if missing:
        none = "are no blocked patterns" if len(missing) > 1 else "is no blocked pattern"
        complain(f"there {none} {', '.join(missing)}")
        end_with_finding()


@command.command("check", short_help="Ask whether a question is blocked, and by what.")
@click.argument("question")
@_namespace
@common
def check(session: Session, *, question: str, namespace: str | None) -> None:
    """Ask whether QUESTION is blocked, and by which pattern; counts nothing.

    Ends with 1 when no pattern matches.

    \b
    Example:
      cacheback negative check "airspeed of swallows"
    """
    with asking(session) as cache:
        match = cache.negative.check(question, namespace=namespace)
    if session.as_json:
        print_json({"question": question, "match": match and _match_json(match)})
    else:
        out.print(_told(match))
    if match is None:
        end_with_finding()


@command.command("report", short_help="Report that a pattern caught a question by mistake.")
@click.argument("id_", type=click.IntRange(min=1), metavar="ID")
@click.argument("question", required=False)
@common
def report(session: Session, *, id_: int, question: str | None) -> None:
    """Report that pattern ID caught QUESTION by mistake, so that it passes from now on.

    The pattern's own bar is raised above the question. Without one, nobody knows how near it was,
    and the bar takes half of what is left to 1. After three reports the pattern is under review:
    it blocks nothing until it is added again.

    \b
    Example:
      cacheback negative report 3 "airspeed of swallows"
    """
    with asking(session) as cache:
        entry = cache.negative.report_false_positive(id_, question)
    if session.as_json:
        print_json(_entry_json(entry))
    else:
        out.print(
            f"Pattern {entry.id}: {counted(entry.reports, 'report')}, bar {entry.threshold:.3f},"
            f" {entry.state}"
        )


def _read(file: IO[bytes]) -> Sequence[dict[str, JSON]]:
    """The patterns of a file, in the order in which they were added.

    Raises:
        InputError: it is not what `negative list --json` prints.
    """
    try:
        found = json.load(file)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the file is not JSON: {error}") from error
    wanted: dict[str, Any] = {
        "pattern": str,
        "reason": str,
        "namespace": (str, type(None)),
        "expires_at": (int, float, type(None)),
    }
    if not isinstance(found, list):
        raise InputError("the file is not a list, as `negative list --json` prints it")
    for number, one in enumerate(found, 1):
        pattern = one.get("pattern") if isinstance(one, dict) else None
        if not (isinstance(pattern, str) and pattern.strip()):
            raise InputError(f"item {number} of the file has no pattern")
        for name, kind in wanted.items():
            if name in one and not isinstance(one[name], kind):
                raise InputError(f"the {name} of item {number} is {one[name]!r}")
    return found[::-1]


def _added(
    cache: SemanticCache,
    given: Sequence[dict[str, JSON]],
    *,
    reason: str,
    ttl: float | None,
    namespace: str | None,
) -> Iterator[Negative]:
    now = time.time()
    for one in given:
        expires_at = one.get("expires_at")
        left = ttl if ttl is not None or expires_at is None else expires_at - now
        if one.get("state", "active") == "active" and (left is None or left > 0):
            yield cache.negative.add(
                one["pattern"],
                reason or one.get("reason", ""),
                left,
                namespace=namespace or one.get("namespace"),
            )


def _entry_json(entry: Negative) -> JSON:
    return {
        "id": entry.id,
        "pattern": entry.pattern,
        "reason": entry.reason,
        "namespace": entry.namespace,
        "threshold": entry.threshold,
        "reports": entry.reports,
        "state": entry.state,
        "created_at": entry.created_at,
        "expires_at": entry.expires_at,
    }


def _match_json(match: NegativeMatch) -> JSON:
    return {
        "entry": _entry_json(match.entry),
        "similarity": match.similarity,
        "reason": match.reason,
        "rule": match.rule,
    }


_RULES = {
    "exact": "the same text",
    "semantic": "the same meaning",
    "contained": "the same in fewer words",
}


def _told(match: NegativeMatch | None) -> Text:
    if match is None:
        return Text("✓ not blocked", style="bold green")
    line = Text("✗ blocked", style="bold yellow")
    why = f" by pattern {match.entry.id}: {_RULES[match.rule]}, cosine {match.similarity:.3f}\n"
    line.append(why, style="not bold")
    line.append(plain(match.entry.pattern, _PATTERN), style="not bold")
    if match.reason:
        line.append(f"\n{plain(match.reason, _PATTERN)}", style="not bold dim")
    return line


def _show(found: Sequence[Negative]) -> None:
    now = time.time()
    rows = table("Id>", "Pattern and reason", "Bar>", "Reports>", "State", "Age>", "Expires>")
    for entry in found:
        content = Text(plain(entry.pattern, _PATTERN), style="bold")
        if entry.reason:
            content.append(f"\n{plain(entry.reason, _PATTERN)}", style="not bold dim")
        rows.add_row(
            str(entry.id),
            content,
            f"{entry.threshold:.3f}",
            str(entry.reports),
            Text(entry.state, style="green" if entry.state == "active" else "yellow"),
            span(max(0.0, now - entry.created_at)),
            NONE if entry.expires_at is None else Text(f"in {span(entry.expires_at - now)}"),
        )
    out.print(rows)
