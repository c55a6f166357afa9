"""Options that commands share, and the kinds of values that they take. Imports nothing heavy."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from cacheback.models import JSON

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Session:
    """What every command is told: the directory, if any was named, and how to print."""

    cache_dir: str | None = None
    as_json: bool = False


cache_dir_option = click.option(
    "--cache-dir",
    metavar="DIR",
    help="Directory of the cache.  [env: CACHEBACK_CACHE_DIR; default: ~/.cacheback]",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else."
)


def common(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of every command, and passes the `Session` that they amount to."""

    @cache_dir_option
    @json_option
    @click.pass_context
    @wraps(function)
    def command(
        ctx: click.Context, /, *, cache_dir: str | None, as_json: bool, **options: Any
    ) -> None:
        group = ctx.find_object(Session) or Session()
        session = Session(cache_dir or group.cache_dir, as_json or group.as_json)
        function(session, **options)

    return command


# Kinds of values -------------------------------------------------------------------------------

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)", re.ASCII)


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """Seconds, or a number with a unit: 90, 90s, 15m, 2h, 7d, 4w; `never` where it is allowed."""

    name = "duration"

    def __init__(self, *, never: bool = False) -> None:
        self._never = never

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        if self._never and value == "never":
            return math.inf
        found = _DURATION.fullmatch(value.strip())
        if found is None:
            never = ", or never" if self._never else ""
            self.fail(f"{value!r} is no duration; write 90s, 15m, 2h, 7d or 4w{never}", param, ctx)
        return float(found[1]) * _UNITS[found[2] or "s"]


class ScopePart(click.ParamType):  # type: ignore[type-arg]  # as above
    """`part=value`; a value that begins like a JSON object, list or string is read as JSON."""

    name = "part=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, JSON]:
        part, equals, text = value.partition("=")
        if not equals:
            self.fail(f"{value!r} is not part=value, such as model=gpt-4o-mini", param, ctx)
        if not text.startswith(("{", "[", '"')):
            return part, text
        try:
            return part, json.loads(text)
        except ValueError as error:
            self.fail(f"the value of {part} is not JSON: {error}", param, ctx)


_PICTURES = (".png", ".svg", ".pdf")


class Picture(click.Path):
    """The file of a chart; its suffix says in which format it is drawn."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        if file.suffix.lower() not in _PICTURES:
            *others, last = _PICTURES
            self.fail(f"{str(file)!r} must end in {', '.join(others)} or {last}", param, ctx)
        return file


# Groups of options ------------------------------------------------------------------------------


def scope_options(function: F) -> F:
    """`scope` (pairs), `like` (an entry's id) and `namespace`: where a question is asked."""
    for option in (
        click.option("--namespace", metavar="NAME", help="In this namespace."),
        click.option(
            "--like", type=int, metavar="ID", help="In the scope of this entry (see entries)."
        ),
        click.option(
            "--scope",
            "scope",
            type=ScopePart(),
            multiple=True,
            metavar="PART=VALUE",
            help="A part of the scope, such as model=gpt-4o-mini; repeat it for several.",
        ),
    ):
        function = option(function)
    return function


def filter_options(function: F) -> F:
    """`tags`, `scope` (pairs), `namespace` and `older_than`: which entries."""
    for option in (
        click.option(
            "--older-than",
            type=Duration(),
            metavar="AGE",
            help="Stored longer ago than this: 90s, 15m, 2h, 7d, 4w.",
        ),
        click.option("--namespace", metavar="NAME", help="In this namespace."),
        click.option(
            "--scope",
            "scope",
            type=ScopePart(),
            multiple=True,
            metavar="PART=VALUE",
            help="With this part of its scope; repeat it for several.",
        ),
        click.option(
            "--tag",
            "tags",
            multiple=True,
            metavar="NAME",
            help="With this tag; repeat it for any of several.",
        ),
    ):
        function = option(function)
    return function
