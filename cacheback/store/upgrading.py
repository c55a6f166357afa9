"""Bringing a database that an earlier version made up to the present schema.

Each step is a file of statements and runs in one transaction with the number it leads to: a killed
process leaves the schema as it was, and of two that try at once the second finds it done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

NEGATIVES_SINCE, LEARNED_SINCE = 2, 3
STEPS: Mapping[int, str] = {NEGATIVES_SINCE: "negatives.sql", LEARNED_SINCE: "learned.sql"}
"""From the version before to this one; the file sets `user_version` itself."""

SCHEMA_VERSION = max(STEPS)


def version_of(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def upgrade(db: sqlite3.Connection) -> None:
    """Run the steps that are missing; inside a transaction that may write."""
    for version in sorted(STEPS):
        if version_of(db) < version:
            for statement in _statements(STEPS[version]):
                db.execute(statement)


def _statements(file: str) -> Iterator[str]:
    """The statements of a file: `executescript` would end the transaction first."""
    gathered = ""
    for line in Path(__file__).with_name(file).read_text("utf-8").splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered
            gathered = ""
