"""Between drafts, rows of the `entries` table, and entries.

A row carries a checksum because SQLite keeps none: a flipped bit in an answer would otherwise be
served as what the model said.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args
from zlib import crc32

from cacheback.errors import StoreCorruptError
from cacheback.models import JSON, Draft, Entry, Provenance
from cacheback.store.answers import decode_text, dump_answer, encode_text, load_answer

ENTRY = """
    SELECT e.id, s.digest, e.question_digest, e.created_at, e.expires_at, e.last_used_at, e.hits,
        e.provenance, e.seconds, e.tags, e.sources, e.question, e.answer, e.checksum
    FROM entries e JOIN scopes s ON s.id = e.scope_id
"""

INSERT = """
    INSERT INTO entries (scope_id, question_digest, created_at, expires_at, last_used_at,
        provenance, seconds, tags, sources, question, answer, checksum)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_PROVENANCES = frozenset(get_args(Provenance))


def entry_of(draft: Draft, entry_id: int) -> Entry:
    """A draft as the entry that it becomes; tags and sources are named once each."""
    return Entry(
        id=entry_id,
        question=draft.question,
        question_digest=draft.question_digest,
        scope=draft.scope.digest,
        answer=draft.answer,
        created_at=draft.created_at,
        expires_at=draft.expires_at,
        last_used_at=draft.created_at,
        provenance=draft.provenance,
        tags=tuple(dict.fromkeys(draft.tags)),
        sources=tuple(dict.fromkeys(draft.sources)),
        seconds=draft.seconds,
    )


def row_of(draft: Draft, scope_id: int) -> tuple[object, ...]:
    """The parameters of `INSERT`. Raises InputError when the answer is not what it must be."""
    created_at = float(draft.created_at)
    expires_at = None if draft.expires_at is None else float(draft.expires_at)
    seconds = None if draft.seconds is None else float(draft.seconds)
    tags = json.dumps(list(dict.fromkeys(draft.tags)))
    sources = json.dumps(list(dict.fromkeys(draft.sources)))
    question = encode_text(draft.question)
    answer = dump_answer(draft.answer)
    digests = (draft.scope.digest, draft.question_digest)
    fields = (*digests, created_at, expires_at, draft.provenance, seconds, tags, sources)
    return (
        scope_id,
        draft.question_digest,
        created_at,
        expires_at,
        created_at,
        draft.provenance,
        seconds,
        tags,
        sources,
        question,
        answer,
        _checksum(fields, question, answer),
    )


def entry_from(row: Sequence[Any]) -> Entry:
    """A row of `ENTRY` as an entry. Raises StoreCorruptError, naming it, when it is damaged."""
    (entry_id, scope, digest, created_at, expires_at, last_used_at, hits) = row[:7]
    (provenance, seconds, tags, sources, question, answer, checksum) = row[7:]
    try:
        fields = (scope, digest, created_at, expires_at, provenance, seconds, tags, sources)
        if _checksum(fields, question, answer) != checksum:
            raise ValueError("its checksum does not match")  # noqa: TRY301 - one report for all
        return Entry(
            id=entry_id,
            question=decode_text(question),
            question_digest=digest,
            scope=scope,
            answer=load_answer(answer),
            created_at=_instance(created_at, float),
            expires_at=expires_at,
            last_used_at=_instance(last_used_at, float),
            hits=_instance(hits, int),
            provenance=_known(provenance),
            tags=_array(tags, str),
            sources=_array(sources, int),
            seconds=seconds,
        )
    except (ValueError, TypeError) as error:
        raise StoreCorruptError(
            f"entry {entry_id} is damaged ({error}); it is never served: delete it by its id"
        ) from error


def _checksum(fields: tuple[object, ...], question: bytes, answer: bytes) -> int:
    """CRC-32: against accidents, not against forgery. `repr` of a float is exact."""
    return crc32(answer, crc32(question, crc32(repr(fields).encode())))


def _instance(value: Any, expected: type) -> Any:
    if not isinstance(value, expected):
        raise TypeError(f"{expected.__name__} was expected, not {type(value).__name__}")
    return value


def _known(provenance: Any) -> Provenance:
    if provenance not in _PROVENANCES:
        raise ValueError(f"{provenance!r} is no provenance")
    known: Provenance = provenance
    return known


def _array(text: str, item: type) -> tuple[Any, ...]:
    if text == "[]":
        return ()
    values: JSON = json.loads(text)
    return tuple(_instance(value, item) for value in _instance(values, list))
