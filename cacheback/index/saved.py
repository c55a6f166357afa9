"""Graphs on disk: one data file per large scope, and a manifest that says what is in it.

A data file has a name of its own for every save and is never written again, and the manifest is
replaced last and in one step. So a reader meets a whole graph or none, also when processes save
at the same time: the last manifest wins, and the files that it does not name are deleted. A save
that loses its file to another one's sweeping fails, which is as well, for the other is newer.
Nothing is synced to disk: after a power cut a checksum differs, and the graph is built anew.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cacheback.core.ports import Ids

logger = logging.getLogger(__name__)

FORMAT = 1
CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a data file holds.

    `recipe` is all that the graph depends on (dimension, parameters, embedder, ...), `seq` a point
    of the store's change sequence that it reflects (None: not known), `dead` the ids of removed
    vectors that are still nodes.
    """

    file: str
    size: int
    crc32: int
    recipe: Mapping[str, Any]
    count: int
    seq: int | None
    dead: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SavedGraphs:
    """The saved graphs of one directory that were made by one recipe."""

    directory: Path
    recipe: Mapping[str, Any]

    def save(
        self, scope: str, dump: Callable[[Path], None], *, count: int, seq: int | None, dead: Ids
    ) -> None:
        """Keep what `dump` writes to the path it is given.

        Raises:
            OSError: there is no space, or no right to write here; nothing was changed.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.directory / f"{scope}.{secrets.token_hex(8)}.hnsw"
        try:
            _create(path)
            dump(path)
            size, crc32 = path.stat().st_size, _crc32(path)
            manifest = Manifest(
                path.name, size, crc32, self.recipe, count, seq, tuple(dead.tolist())
            )
            self._replace_manifest(scope, manifest)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        _sweep(self.directory, scope, keep=path.name)

    def find(self, scope: str) -> tuple[Path, Manifest] | None:
        """The data file and manifest of a scope, if they are whole and of this recipe."""
        try:
            manifest = _parsed(_manifest_path(self.directory, scope).read_bytes())
            path = self.directory / manifest.file
            if manifest.recipe != self.recipe:
                problem = "it was made in another way"
            elif path.parent != self.directory or path.stat().st_size != manifest.size:
                problem = "its size differs"
            elif _crc32(path) != manifest.crc32:
                problem = "its checksum differs"
            else:
                return path, manifest
        except FileNotFoundError:
            return None
        except OSError as error:
            problem = str(error)
        except (ValueError, TypeError, KeyError):
            problem = "its manifest is damaged"
        logger.warning("the saved index of scope %s is not used: %s", scope[:12], problem)
        return None

    def _replace_manifest(self, scope: str, manifest: Manifest) -> None:
        facts = json.dumps(asdict(manifest), sort_keys=True)
        text = json.dumps({"format": FORMAT, "check": zlib.crc32(facts.encode()), "facts": facts})
        draft = self.directory / f"{scope}.{secrets.token_hex(8)}.tmp"
        _create(draft)
        draft.write_text(text)
        draft.replace(_manifest_path(self.directory, scope))


def exists(directory: Path, scope: str) -> bool:
    """Whether a graph of this scope was saved, of whatever worth it may be."""
    return _manifest_path(directory, scope).exists()


def scopes(directory: Path) -> set[str]:
    """Scopes of which anything was saved."""
    return {path.name.partition(".")[0] for path in directory.glob("*.*")}


def drop(directory: Path, scope: str) -> None:
    """Delete what was saved of a scope."""
    _manifest_path(directory, scope).unlink(missing_ok=True)
    _sweep(directory, scope, keep=None)


def _sweep(directory: Path, scope: str, keep: str | None) -> None:
    for path in directory.glob(f"{scope}.*.*"):
        if path.name != keep:
            with contextlib.suppress(OSError):  # somebody else was quicker, or has it open
                path.unlink()


def _create(path: Path) -> None:
    """An empty file that only its owner may read; who writes to it later keeps its mode."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _manifest_path(directory: Path, scope: str) -> Path:
    return directory / f"{scope}.json"


def _parsed(data: bytes) -> Manifest:
    """A manifest from its file's bytes; raises ValueError, TypeError or KeyError."""
    outer = json.loads(data)
    facts = outer["facts"]
    if outer["format"] != FORMAT or zlib.crc32(facts.encode()) != outer["check"]:
        raise ValueError("the manifest is damaged or of another version")
    fields = json.loads(facts)
    return Manifest(**fields | {"dead": tuple(fields["dead"])})


def _crc32(path: Path) -> int:
    crc = 0
    buffer = memoryview(bytearray(CHUNK))
    with path.open("rb", buffering=0) as file:
        while length := file.readinto(buffer):
            crc = zlib.crc32(buffer[:length], crc)
    return crc
