"""Feedback and reports, as the owner of a cache asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from cacheback.core import reporting
from cacheback.errors import InputError
from cacheback.models import Label

if TYPE_CHECKING:
    from cacheback.core.engine import Engine
    from cacheback.core.feedback import Feedback
    from cacheback.core.reporting import Report


def give(engine: Engine, entry_id: int, label: Label, question: str | None) -> Feedback:
    """What `SemanticCache.feedback` does.

    Raises:
        InputError: an argument is not what it must be, or it is not known which question is meant.
        StoreError: it could not be stored.
    """
    if label not in get_args(Label):
        raise InputError(f"label is {label!r}; it must be 'right' or 'wrong'")
    if question is not None and not (isinstance(question, str) and question.strip()):  # type: ignore[redundant-expr]  # whoever calls may not be checked
        raise InputError(f"question is {question!r}; it must be the text that was asked")
    entry = next(iter(engine.parts.store.get([entry_id])), None)
    if entry is None:
        raise InputError(
            f"there is no entry {entry_id}; it may have been replaced or deleted since."
            " `cacheback entries` lists those that there are"
        )
    if question is None:
        question = _asked_last(engine, entry_id)
    return engine.teaching.teach(entry, question, label)


def _asked_last(engine: Engine, entry_id: int) -> str:
    """The question for which an entry was served by meaning last, or would have been."""
    engine.parts.notes.record()
    for judgement in engine.parts.store.learned.judgements(entry_id=entry_id, limit=1):
        return judgement.question
    raise InputError(
        f"it is not known that entry {entry_id} was ever served by meaning; say for which question"
        " its answer is meant: question=…, or --question on the command line"
    )


def reported(engine: Engine, *, since: float | None, pairs: int) -> Report:
    """What `SemanticCache.report` does, once its counters are recorded."""
    if pairs < 0:
        raise InputError(f"pairs is {pairs!r}; it must be how many to show, or 0")
    engine.parts.notes.record()
    store = engine.parts.store
    return reporting.report(
        store.stats().counters,
        store.learned.judgements(since=since or 0.0),
        store.learned.read(0)[1],
        since=since,
        pairs=pairs,
    )
