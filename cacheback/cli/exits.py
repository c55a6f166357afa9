"""How commands end: the exit codes, and from an error to one of them."""

from __future__ import annotations

from typing import Never

import click

from cacheback.errors import CachebackError, ClosedError, ConfigurationError, InputError

FINDING = 1
"""A negative finding: nothing would be served, damage, bad lines, an id that does not exist."""
USAGE = 2
"""A mistake in the command line, the settings or the environment (also click's own)."""
FAILED = 3
"""The store, the embedder or a file failed."""
INTERRUPTED = 130
"""Ctrl-C: 128 + SIGINT, as shells have it."""


def end_with_finding() -> Never:
    """End the command with `FINDING`, after everything was printed."""
    click.get_current_context().exit(FINDING)


def code_of(error: CachebackError) -> int:
    """The exit code of an error."""
    return USAGE if isinstance(error, ConfigurationError | InputError | ClosedError) else FAILED


def complain(sentence: str) -> None:
    """Say on standard error why the command ends."""
    click.secho(f"Error: {sentence}", fg="red", err=True)
