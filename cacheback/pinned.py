"""Files that belong to the package, and the hashes that they were shipped with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

SUMS = "SHA256SUMS"  # in the folder of the files, as `sha256sum` writes it


def _pinned(folder: Path) -> Mapping[str, str]:
    """SHA-256 by file name."""
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in map(str.split, lines)}


def differing(folder: Path) -> list[str]:
    """What is wrong with a folder's files, in words; nothing when all are as they were shipped.

    Raises:
        OSError: a file cannot be read.
    """
    return [
        f"{folder / name}: SHA-256 is {found}, expected {digest}; install cacheback-ai again"
        for name, digest in _pinned(folder).items()
        if (found := hashlib.sha256((folder / name).read_bytes()).hexdigest()) != digest
    ]
