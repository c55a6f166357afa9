"""The command `cacheback`: the group, its list of commands, and how errors end it.

Knows its commands by name and summary only; a command's module, and what it needs (numpy, the model
runtime), is imported when the command is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from cacheback._version import __version__
from cacheback.cli.exits import FAILED, INTERRUPTED, code_of, complain
from cacheback.cli.options import Session, cache_dir_option, json_option
from cacheback.errors import CachebackError


class Listed(NamedTuple):
    """A command as the group knows it: its module, which defines `command`, and its summary."""

    module: str
    summary: str


COMMANDS: Mapping[str, Listed] = {
    "serve": Listed("serving", "Serve the proxy: change base_url and nothing else."),
    "demo": Listed("demo", "See it at work on real questions: no key, no network."),
    "lookup": Listed("lookup", "Ask a question and see why it would be served, or not."),
    "stats": Listed("stats", "Show what is stored, what was served and what it saved."),
    "report": Listed("report", "Show how often memory is right, and what it saves, or would."),
    "feedback": Listed("feedback", "Say that an answer from memory was wrong, or right."),
    "entries": Listed("entries", "List entries, with filters."),
    "delete": Listed("delete", "Delete entries by id."),
    "invalidate": Listed("invalidate", "Delete entries by tag, scope, namespace or age."),
    "evict": Listed("evict", "Delete what has expired, and what is above the limit."),
    "clear": Listed("clear", "Delete every entry."),
    "negative": Listed("negative", "Block questions, and see what is blocked."),
    "import": Listed("importing", "Store questions and answers from a file of JSON lines."),
    "export": Listed("exporting", "Write entries to a file of JSON lines."),
    "check": Listed("check", "Look for damage in the database."),
    "doctor": Listed("doctor", "Examine installation, settings and directory, with remedies."),
    "calibrate": Listed("calibrate", "Choose the threshold from question pairs of your own."),
    "bench": Listed("bench", "Measure what synthesised answers are worth."),
    "reembed": Listed("reembed", "Change the embedder of a directory."),
}


class LazyGroup(click.Group):
    """Imports a command when it is used, and ends with an exit code instead of a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        listed = COMMANDS.get(cmd_name)
        if listed is None:
            return None
        command: click.Command = import_module(f"cacheback.cli.{listed.module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, listed.summary) for name, listed in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CachebackError as error:
            complain(str(error))
            ctx.exit(code_of(error))
        except BrokenPipeError:
            raise  # whoever read the output has seen enough: click ends quietly
        except OSError as error:
            complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
            ctx.exit(FAILED)
        except KeyboardInterrupt:
            complain("interrupted; what was done until here is kept")
            ctx.exit(INTERRUPTED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@cache_dir_option
@json_option
@click.version_option(__version__, "--version", prog_name="cacheback")
@click.pass_context
def main(ctx: click.Context, cache_dir: str | None, as_json: bool) -> None:
    """Look into a semantic cache of LLM answers, and take care of it.

    Every command works on one directory: --cache-dir, else CACHEBACK_CACHE_DIR, else
    ~/.cacheback. All other settings come from the environment as well (CACHEBACK_TTL,
    CACHEBACK_SIMILARITY_THRESHOLD, CACHEBACK_EMBEDDER, …); `cacheback doctor` shows them.

    \b
    Try:
      cacheback doctor
      cacheback import faq.jsonl
      cacheback lookup "How do I reset my password?"

    Exit codes: 0 fine; 1 a negative finding (nothing would be served, damage, bad lines);
    2 a mistake in the command line or the settings; 3 the store, the embedder or a file failed;
    130 interrupted.
    """
    ctx.obj = Session(cache_dir, as_json)
