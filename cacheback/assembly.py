"""Assembly: from settings to an engine with all its parts, and how they end.

What may live here: which part is made of which setting, whose vectors a store holds. What it may
not know: what a cache is asked.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cacheback.config import Settings
from cacheback.core.engine import Engine
from cacheback.core.flight import Flights
from cacheback.core.hot import HotMap
from cacheback.core.parts import Limits, Parts
from cacheback.core.scope import ScopeRules
from cacheback.core.synthesis import PromptWriter, write_prompt
from cacheback.drive import Landing
from cacheback.embedders.checked import Checked
from cacheback.errors import (
    EmbedderMismatchError,
    ReembeddingError,
    StoreError,
    StoreReadOnlyError,
)
from cacheback.index.catalog import IndexCatalog
from cacheback.models import Answer, Reason
from cacheback.noting import Notebook
from cacheback.prices import price
from cacheback.store.memory import MemoryStore
from cacheback.store.sqlite import SQLiteStore
from cacheback.tally import FaultLog, WriteBehind
from cacheback.vectors import pack, unpack

if TYPE_CHECKING:
    from cacheback.core.ports import Embedder, Judge, Store
    from cacheback.writing import SynthesizerWriter

# Keys of the store's meta: whose vectors it holds, and whose they are being turned into.
EMBEDDER_META = "embedder"
REEMBEDDING_META = "reembedding"

_log = logging.getLogger("cacheback")


@dataclass(frozen=True, slots=True)
class Assembled:
    """An engine, and those of its parts that somebody must end."""

    engine: Engine
    store: Store
    catalog: IndexCatalog
    tally: WriteBehind
    notes: Notebook
    writers: Sequence[SynthesizerWriter]

    def finish(self) -> None:
        """Write what is pending and close everything."""
        for writer in self.writers:
            writer.close()
        try:
            self._record()
        finally:
            self.catalog.close()
            self.store.close()

    def _record(self) -> None:
        for what, record in (("notes", self.notes.record), ("counters", self.tally.record)):
            try:
                record()
            except StoreError as error:
                _log.warning("the last %s were not recorded: %s", what, error)


def open_store(settings: Settings) -> Store:
    """The store in the settings' directory."""
    directory = settings.directory
    if directory is None:
        return MemoryStore()
    return SQLiteStore(directory, lock_timeout=settings.lock_timeout)


def embedder_meta(embedder: Embedder) -> str:
    """How a store notes whose vectors it holds."""
    return json.dumps(
        {"name": embedder.name, "dim": embedder.dim, "fingerprint": embedder.fingerprint},
        sort_keys=True,
    )


def claim(store: Store, embedder: Embedder) -> None:
    """Note whose vectors a new store holds.

    Raises:
        EmbedderMismatchError: it holds another embedder's.
        ReembeddingError: a change of embedder was begun in it.
    """
    if store.meta(REEMBEDDING_META) is not None:
        raise ReembeddingError(
            "a change of embedder was begun in this directory and not finished;"
            " run: cacheback reembed"
        )
    mine, found = embedder_meta(embedder), store.meta(EMBEDDER_META)
    store.rely_on({EMBEDDER_META: mine, REEMBEDDING_META: None})
    if found is None:
        try:
            store.set_meta({EMBEDDER_META: mine})
        except StoreReadOnlyError:
            # Nothing can be stored here, so nothing can be mixed up either.
            store.rely_on({EMBEDDER_META: None, REEMBEDDING_META: None})
    elif found != mine:
        raise EmbedderMismatchError(
            f"this directory holds vectors of the embedder {found}, and {mine} was asked for;"
            " use the first, another cache_dir, or re-embed the entries:"
            f" cacheback reembed --embedder {embedder.name}"
        )


def assemble(
    settings: Settings,
    store: Store,
    embedder: Checked,
    judge: Judge,
    clock: Callable[[], float],
) -> Assembled:
    """The engine that the settings describe, on this store.

    Raises:
        ConfigurationError: a model that is to write or to compare cannot be asked.
        StoreError: the store failed.
    """
    catalog = IndexCatalog(
        store,
        dim=embedder.dim,
        directory=settings.directory,
        fingerprint=embedder.fingerprint,
    )
    tally = WriteBehind(store, clock)
    faults = FaultLog(tally)
    notes = Notebook(store, faults, clock, keep=settings.judgements_kept)
    writer, referee = _writer(settings, faults), _referee(settings, faults)
    parts = Parts(
        store=store,
        catalog=catalog,
        embedder=embedder,
        judge=judge,
        rules=ScopeRules(settings.scope),
        hot=HotMap(settings.hot_entries),
        tally=tally,
        faults=faults,
        notes=notes,
        clock=clock,
        random=random.random,
        day=_day,
        price=price,
        pack=pack,
        sound=_sound,
        unpack=partial(unpack, dim=embedder.dim),
        writer=writer,
        referee=referee,
    )
    engine = Engine(parts, _limits(settings), Flights(Landing))
    notes.taught = engine.memory.look_again
    writers = [one for one in (writer, referee) if one is not None]
    return Assembled(engine, store, catalog, tally, notes, writers)


def _limits(settings: Settings) -> Limits:
    return Limits(
        threshold=settings.similarity_threshold,
        ttl=settings.cache_ttl,
        max_entries=settings.cache_max_entries,
        candidates=settings.candidates,
        enabled=settings.cache_enabled,
        exact_above_temperature=settings.exact_above_temperature,
        negative_threshold=settings.negative_threshold,
        on_negative_hit=settings.on_negative_hit,
        synthesis_mode=settings.synthesis_mode,
        synthesis_threshold=settings.synthesis_threshold,
        synthesis_top_k=settings.synthesis_top_k,
        synthesis_scope=tuple(settings.synthesis_scope),
        synthesis_prompt=_prompt_writer(settings),
        mode=settings.mode,
        max_error=settings.max_error,
        judgements_kept=settings.judgements_kept,
    )


def _writer(settings: Settings, faults: FaultLog) -> SynthesizerWriter | None:
    """What lets the settings' model write answers; None where none is to be written."""
    if settings.synthesis_mode == "off" or not settings.cache_enabled:
        return None
    # Imported here: asyncio and an HTTP library, 60 ms, which a cache without synthesis is spared.
    from cacheback.writing import make_writer  # noqa: PLC0415

    return make_writer(settings, partial(faults.report, Reason.SYNTHESIS_FAILED))


def _referee(settings: Settings, faults: FaultLog) -> SynthesizerWriter | None:
    """What lets a model compare two answers; None where none was named."""
    named = settings.referee is not None or settings.referee_model is not None
    if not (named and settings.cache_enabled):
        return None
    from cacheback.writing import make_referee  # noqa: PLC0415 - as above

    return make_referee(settings, partial(faults.report, Reason.LEARNING_FAILED))


def _prompt_writer(settings: Settings) -> PromptWriter:
    given = settings.synthesis_prompt
    if given is None:
        return write_prompt
    return partial(write_prompt, rules=given) if isinstance(given, str) else given


def _sound(answer: Answer) -> Answer:
    if not answer.format:
        return answer
    # Imported here: 12 ms, for the codecs, that a cache of plain texts need not pay.
    from cacheback.wire.registry import sound  # noqa: PLC0415

    return sound(answer)


def _day(now: float) -> str:
    """The local date, as that is what "today" means to those who ask."""
    return time.strftime("%Y-%m-%d", time.localtime(now))
