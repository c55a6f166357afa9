"""Opening the cache of a directory for a command: with its embedder, or without loading any."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, Never

from cacheback.assembly import EMBEDDER_META
from cacheback.cache import SemanticCache
from cacheback.cli.options import Session
from cacheback.config import MEMORY, Settings
from cacheback.embedders import BaseEmbedder
from cacheback.errors import ConfigurationError, EmbedderError, InputError
from cacheback.models import JSON
from cacheback.store.files import FILE_NAME
from cacheback.store.sqlite import SQLiteStore


class Nameplate(BaseEmbedder):
    """Stands for the embedder of a directory where nothing is encoded.

    So that entries can be listed, deleted and exported where the embedder itself is not at hand,
    and without the time it takes to load.
    """

    def __init__(self, name: str, dim: int, fingerprint: str) -> None:
        self.name = name
        self.dim = dim
        self.fingerprint = fingerprint

    def encode(self, text: str) -> Never:  # noqa: ARG002 - the base's signature
        raise EmbedderError(f"the embedder {self.name!r} was not loaded")


def settings_of(session: Session, **given: Any) -> Settings:
    """The settings of a command: its options over the environment.

    Raises:
        ConfigurationError: a setting that cannot be read or cannot work, or a cache in memory.
    """
    settings = Settings.from_environment(cache_dir=session.cache_dir, **given)
    if settings.directory is None:
        raise ConfigurationError(
            "a cache in memory is gone with its process; name a directory with --cache-dir"
        )
    return settings


def directory_of(settings: Settings) -> Path:
    """The directory, which must hold a cache: a command that only looks makes none.

    Raises:
        ConfigurationError: there is no cache.
    """
    directory = settings.directory
    if directory is None or not (directory / FILE_NAME).exists():
        raise ConfigurationError(
            f"there is no cache in {settings.cache_dir}; nothing was made there. Name another"
            " directory with --cache-dir, or fill one with: cacheback import FILE"
        )
    return directory


@contextmanager
def looking(session: Session) -> Iterator[SemanticCache]:
    """The cache of a directory that exists, for commands that encode nothing."""
    settings = settings_of(session)
    store = SQLiteStore(directory_of(settings), lock_timeout=settings.lock_timeout)
    try:
        note = store.meta(EMBEDDER_META)
    except BaseException:
        store.close()
        raise
    embedder = settings.embedder if note is None else Nameplate(**json.loads(note))
    with SemanticCache(store=store, **_keywords(settings, embedder=embedder)) as cache:
        yield cache


@contextmanager
def asking(session: Session, *, make: bool = False, **given: Any) -> Iterator[SemanticCache]:
    """The cache of a directory with its embedder; the directory is made only with `make`."""
    settings = settings_of(session, **given)
    if not make:
        directory_of(settings)
    embedder = embedder_of(settings.embedder)
    with SemanticCache(**_keywords(settings, embedder=embedder)) as cache:
        yield cache


@contextmanager
def in_memory() -> Iterator[SemanticCache]:
    """A cache with the settings' embedder and judge that touches no directory."""
    settings = Settings.from_environment(cache_dir=MEMORY)
    embedder = embedder_of(settings.embedder)
    with SemanticCache(**_keywords(settings, embedder=embedder)) as cache:
        yield cache


@contextmanager
def store_of(session: Session) -> Iterator[SQLiteStore]:
    """The bare store of a directory that exists, whatever state its cache is in."""
    settings = settings_of(session)
    store = SQLiteStore(directory_of(settings), lock_timeout=settings.lock_timeout)
    with closing(store):
        yield store


def embedder_of(embedder: Any) -> Any:
    """An embedder that can be given to `checked`: a registered name, or `module:Class` imported.

    Raises:
        ConfigurationError: there is no such module or class.
    """
    if not isinstance(embedder, str) or ":" not in embedder:
        return embedder
    module, _, name = embedder.partition(":")
    sys.path.insert(0, "")  # where the user is, as with `python -m`
    try:
        made: BaseEmbedder = getattr(import_module(module), name)()
    except (ImportError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"the embedder {embedder!r} cannot be made: {error}; it must be module:Class, a"
            " subclass of cacheback.embedders.BaseEmbedder that is made without arguments"
        ) from error
    finally:
        sys.path.remove("")
    return made


def scope_asked(
    cache: SemanticCache, scope: tuple[tuple[str, JSON], ...], like: int | None
) -> dict[str, JSON] | None:
    """The parts that `--scope` and `--like` amount to; None when neither was given.

    A day is left out: a question about now carries the day on which it is asked.

    Raises:
        InputError: there is no entry with the id that `like` names.
    """
    if like is None:
        return dict(scope) or None
    entries = cache.store.get([like])
    parts = cache.store.scope_parts(entries[0].scope) if entries else None
    if parts is None:
        raise InputError(f"there is no entry {like}; see: cacheback entries")
    return {name: value for name, value in parts.items() if name != "day"} | dict(scope)


def _keywords(settings: Settings, **instead: Any) -> Mapping[str, Any]:
    # A command explains a synthesis and makes none: it needs no key.
    given = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {**given, "synthesizer": _no_model, **instead}


def _no_model(_: object) -> str:
    raise AssertionError("no command lets a model write")
