"""What a `Selection` means, as SQL and as the two comparisons that SQL cannot make."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping

from cacheback.core.ports import Selection
from cacheback.models import JSON
from cacheback.store.answers import canonical, decode_text, load_json


def contains(question: str, text: str) -> bool:
    """Case-insensitive in every script; SQLite's LIKE folds ASCII only."""
    return text.casefold() in question.casefold()


def matches(parts: Mapping[str, JSON], wanted: Mapping[str, JSON]) -> bool:
    """Each wanted part is there and is the same JSON value."""
    return all(
        name in parts and canonical(parts[name]) == canonical(value)
        for name, value in wanted.items()
    )


def teach(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that `where` uses."""
    connection.create_function("cb_contains", 2, _contains, deterministic=True)
    connection.create_function("cb_matches", 2, _matches, deterministic=True)


def where(selection: Selection) -> tuple[str, list[object]]:
    """A condition over `entries e`, and its parameters."""
    conditions = list(_conditions(selection))
    sql = " AND ".join(condition for condition, _ in conditions) or "1"
    return sql, [value for _, value in conditions]


def chosen_ids(selection: Selection) -> tuple[str, list[object]]:
    """A query for the ids of the selected entries, and its parameters."""
    condition, values = where(selection)
    return f"SELECT e.id FROM entries e WHERE {condition}", values  # noqa: S608 - only constants


def _conditions(selection: Selection) -> Iterator[tuple[str, object]]:
    """Lists travel as one JSON parameter: a statement has a limited number of them."""
    if selection.ids is not None:
        yield "e.id IN (SELECT value FROM json_each(?))", json.dumps(selection.ids)
    if selection.tags:
        yield (
            "e.id IN (SELECT entry_id FROM tags WHERE tag IN (SELECT value FROM json_each(?)))",
            json.dumps(selection.tags),
        )
    if selection.scope is not None:
        yield "e.scope_id = (SELECT id FROM scopes WHERE digest = ?)", selection.scope
    if selection.parts:
        yield (
            "e.scope_id IN (SELECT id FROM scopes WHERE cb_matches(parts, ?))",
            json.dumps(dict(selection.parts)),
        )
    if selection.question_digest is not None:
        yield "e.question_digest = ?", selection.question_digest
    if selection.text is not None:
        yield "cb_contains(e.question, ?)", selection.text
    if selection.provenance is not None:
        yield "e.provenance = ?", selection.provenance
    if selection.created_before is not None:
        yield "e.created_at < ?", selection.created_before
    if selection.expired_at is not None:
        yield "e.expires_at <= ?", selection.expired_at


def _contains(question: bytes, text: str) -> bool:
    try:
        return contains(decode_text(question), text)
    except (ValueError, AttributeError):
        return False  # damaged: `check` names it


def _matches(parts: bytes, wanted: str) -> bool:
    try:
        return matches(load_json(parts), json.loads(wanted))
    except (ValueError, AttributeError, TypeError):
        return False  # damaged: `check` names it
