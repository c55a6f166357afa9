"""What `cacheback doctor` looks at: each finding says what was found and what can be done."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Literal

from cacheback._version import __version__
from cacheback.assembly import EMBEDDER_META, embedder_meta
from cacheback.cache import SemanticCache
from cacheback.cli.console import size
from cacheback.cli.opened import embedder_of
from cacheback.cli.words import counted
from cacheback.config import Settings, provider_keys
from cacheback.embedders.checked import Checked
from cacheback.embedders.minilm import MiniLM
from cacheback.embedders.registry import make_embedder
from cacheback.errors import CachebackError, ConfigurationError, StoreError
from cacheback.index.catalog import CROSSOVER
from cacheback.judges import LearnedJudge
from cacheback.models import Tier
from cacheback.proxy.settings import readers
from cacheback.reembed import unfinished
from cacheback.sources import variable
from cacheback.store.files import FILE_NAME
from cacheback.store.sqlite import SQLiteStore
from cacheback.synthesizers.endpoint import find

Level = Literal["ok", "warn", "fail"]

# Room for some 200,000 entries, or for the log of a large import.
_LITTLE_SPACE = 500_000_000
# A lookup by meaning takes about 2 ms here; above this something is wrong with the machine.
_SLOW = 0.1
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    level: Level
    found: str
    remedy: str = ""


def examine(settings: Settings, given: Sequence[Finding]) -> Iterator[Finding]:
    """Everything, in the order in which one thing depends on another.

    `given` are findings on what was given and may have been left out of `settings`.
    """
    yield from _versions()
    yield from _models()
    yield _hnswlib()
    yield _settings(settings)
    yield from given
    yield from _misspelt(os.environ)
    yield from _synthesis(settings)
    yield from _directory(settings)
    yield from _self_test(settings)


# Installation -----------------------------------------------------------------------------------


def _versions() -> Iterator[Finding]:
    yield Finding("cacheback", "ok", __version__)
    yield Finding("python", "ok", f"{platform.python_version()}, {platform.machine()}")
    yield Finding("sqlite", "ok", sqlite3.sqlite_version)
    for package in ("numpy", "onnxruntime", "tokenizers"):
        version = _version(package)
        if version is None:
            yield Finding(package, "fail", "not installed", "pip install cacheback-ai")
        else:
            yield Finding(package, "ok", version)
    for package, extra in (("openai", "openai"), ("anthropic", "anthropic")):
        version = _version(package)
        absent = f"not installed; where it is wanted: pip install 'cacheback-ai[{extra}]'"
        yield Finding(package, "ok", version or absent)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _models() -> Iterator[Finding]:
    for name, part in (("model", MiniLM), ("judge", LearnedJudge)):
        try:
            problems = part().check()
        except OSError as error:
            problems = [f"{error.filename} cannot be read ({error.strerror})"]
        for problem in problems:
            yield Finding(name, "fail", problem, "pip install --force-reinstall cacheback-ai")
        if not problems:
            yield Finding(name, "ok", "bundled; the files have the hashes that they should have")


def _hnswlib() -> Finding:
    version = _version("hnswlib")
    if version is not None:
        return Finding("hnswlib", "ok", version)
    return Finding(
        "hnswlib",
        "warn",
        f"not installed: scopes above {CROSSOVER:,} entries are searched one by one, exactly but"
        " slower (about 0.6 ms at 10,000 entries and 7 ms at 50,000, instead of 0.1 and 0.3)",
        "pip install 'cacheback-ai[hnsw]' (it is compiled: a C++ compiler is needed)",
    )


def _settings(settings: Settings) -> Finding:
    default = Settings()
    changed = [
        f"{field.name}={getattr(settings, field.name)!r}" if field.repr else f"{field.name} is set"
        for field in fields(settings)
        if getattr(settings, field.name) != getattr(default, field.name)
    ]
    return Finding("settings", "ok", ", ".join(changed) or "all as shipped")


def _misspelt(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that look like settings and are none: nothing else would ever tell."""
    known = {"CACHEBACK_CONFIG", *map(variable, readers(environ))}
    for name in sorted(environ):
        if name.startswith("CACHEBACK_") and name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]}?" if near else "docs/guide.md lists the settings"
            yield Finding("environment", "warn", f"{name} is no setting and has no effect", meant)


def _synthesis(settings: Settings) -> Iterator[Finding]:
    """Where the synthesis model is, if one is to write."""
    if settings.synthesis_mode == "off":
        return
    try:
        endpoint = find(
            settings.synthesis_model,
            settings.synthesis_model_base_url,
            settings.synthesis_model_api_key,
            provider_keys(),
        )
    except ConfigurationError as error:
        yield Finding("synthesis", "warn", "it has no key here", str(error))
    else:
        yield Finding("synthesis", "ok", f"{endpoint.model} at {endpoint.base_url}")


# The directory ----------------------------------------------------------------------------------


def _directory(settings: Settings) -> Iterator[Finding]:
    directory = settings.directory
    if directory is None:
        yield Finding("directory", "ok", "none: the cache is kept in memory")
        return
    if not (directory / FILE_NAME).exists():
        yield Finding("directory", "ok", f"{directory} holds no cache yet; the first use makes it")
        return
    yield from _access(directory)
    yield _space(directory)
    try:
        with closing(SQLiteStore(directory, lock_timeout=settings.lock_timeout)) as store:
            yield _contents(directory, store)
            yield _owner(settings, store)
    except StoreError as error:
        yield Finding("database", "fail", str(error), "cacheback check, or another --cache-dir")


def _access(directory: Path) -> Iterator[Finding]:
    for name, path, wanted in (
        ("directory", directory, 0o700),
        ("file", directory / FILE_NAME, 0o600),
    ):
        mode = stat.S_IMODE(path.stat().st_mode)
        if not os.access(path, os.R_OK | os.W_OK):
            remedy = f"chown or chmod {path}; without writing, nothing new is kept"
            yield Finding(name, "warn", f"{path} cannot be written", remedy)
        elif mode & 0o077:
            remedy = f"chmod {wanted:o} {path}"
            yield Finding(name, "warn", f"{path} is open to others (mode {mode:o})", remedy)
        else:
            yield Finding(name, "ok", f"{path} (mode {mode:o})")


def _space(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    if free < _LITTLE_SPACE:
        remedy = "make room, or lower CACHEBACK_CACHE_MAX_ENTRIES and run: cacheback evict"
        return Finding("free space", "warn", f"only {size(free)}", remedy)
    return Finding("free space", "ok", size(free))


def _contents(directory: Path, store: SQLiteStore) -> Finding:
    stats = store.stats()
    index = sum(file.stat().st_size for file in (directory / "index").glob("*"))
    found = (
        f"{counted(stats.entries, 'entry', 'entries')} in {counted(stats.scopes, 'scope')},"
        f" {counted(stats.negatives, 'blocked pattern')}, {size(stats.bytes)}; saved indexes"
        f" {size(index)}; journal mode {_journal_mode(store.path)}"
    )
    return Finding("database", "ok", found)


def _journal_mode(path: Path) -> str:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return str(db.execute("PRAGMA journal_mode").fetchone()[0])


def _owner(settings: Settings, store: SQLiteStore) -> Finding:
    """Whose vectors the directory holds, and whether these settings can go on with them."""
    begun = unfinished(store)
    if begun is not None:
        found = f"a change to {begun.label or 'another embedder'} was begun and not finished"
        return Finding("embedder", "fail", found, "cacheback reembed")
    note = store.meta(EMBEDDER_META)
    try:
        mine = Checked(make_embedder(embedder_of(settings.embedder)))
    except CachebackError as error:
        return Finding("embedder", "fail", str(error), "set CACHEBACK_EMBEDDER, or leave it out")
    if note is not None and note != embedder_meta(mine):
        found = f"filled by {_space_of(note)}; the settings say {_space_of(embedder_meta(mine))}"
        remedy = f"cacheback reembed --embedder {settings.embedder}, or set CACHEBACK_EMBEDDER"
        return Finding("embedder", "fail", found, remedy)
    return Finding("embedder", "ok", f"{mine.name}, {mine.dim} dimensions")


def _space_of(note: str) -> str:
    """An embedder's note, as far as a person compares it."""
    embedder = json.loads(note)
    version = f", version {embedder['fingerprint'][:8]}" if embedder["fingerprint"] else ""
    return f"{embedder['name']} ({embedder['dim']} dimensions{version})"


# Trying it --------------------------------------------------------------------------------------


def _self_test(settings: Settings) -> Iterator[Finding]:
    """Store and find again, in a directory of its own that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="cacheback-doctor-") as directory:
        try:
            embedder = embedder_of(settings.embedder)
            with SemanticCache(directory, embedder=embedder, similarity_threshold=0.9) as cache:
                yield from _tried(cache)
        except (CachebackError, OSError) as error:
            remedy = "see the findings above; if they are all fine, please report this"
            yield Finding("self-test", "fail", str(error), remedy)


def _tried(cache: SemanticCache) -> Iterator[Finding]:
    question = "What is the capital of France?"
    same = ["what is the capital of France", "the capital of France?", "What's France's capital?"]
    loading = _timed(lambda: cache.embedder.encode("hello"))
    # Each text is new to the embedder, which remembers recent ones.
    texts = iter([f"Which river flows through city number {i}?" for i in range(_ROUNDS)])
    encoding = min(_timed(lambda: cache.embedder.encode(next(texts))) for _ in range(_ROUNDS))
    cache.populate(question, "Paris.")
    exact = min(_timed(lambda: cache.lookup(question)) for _ in range(_ROUNDS))
    semantic = min(_timed(partial(cache.lookup, text)) for text in same)
    hit = cache.lookup(same[0])
    found = (
        f"load {loading * 1e3:.0f} ms, encode {encoding * 1e3:.1f} ms, exact lookup"
        f" {exact * 1e6:.0f} µs, lookup by meaning {semantic * 1e3:.1f} ms"
    )
    if hit is None or hit.tier is not Tier.SEMANTIC:
        remedy = "the embedder finds no likeness where there is some: check its model"
        yield Finding("self-test", "warn", f"{found}; {same[0]!r} was not recognised", remedy)
    elif semantic > _SLOW:
        yield Finding("self-test", "warn", found, "the machine is slow or busy: try again")
    else:
        yield Finding("self-test", "ok", found)


def _timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
