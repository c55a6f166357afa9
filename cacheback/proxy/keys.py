"""Keys of those who ask: kept as digests, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence

RawHeaders = Sequence[tuple[bytes, bytes]]
"""As ASGI tells them: names in lower case."""

OWN_HEADER = b"x-cacheback-key"
"""Carries a client key beside a provider's key; it is never sent upstream."""

BEARER = b"authorization"
API_KEY = b"x-api-key"
# Where SDKs put a key: OpenAI and most others, Anthropic, Azure.
CREDENTIALS = (BEARER, API_KEY, b"api-key")

_PREFIX = "sha256:"
# A key that can be guessed is none. Those that `openssl rand -hex 16` makes have 32.
_SHORTEST = 8


def digest(key: str) -> str:
    """What is kept of a key: the hexadecimal SHA-256, also of one that was given as such.

    >>> digest("sha256:" + "0" * 64) == "0" * 64
    True

    Raises:
        ValueError: it is too short to be secret, or no such digest.
    """
    if key.startswith(_PREFIX):
        given = key.removeprefix(_PREFIX).lower()
        if len(given) != 64 or not set(given) <= set("0123456789abcdef"):  # noqa: PLR2004 - SHA-256
            raise ValueError("sha256: must be followed by 64 hexadecimal digits")
        return given
    if len(key) < _SHORTEST:
        raise ValueError(f"a key must have at least {_SHORTEST} characters")
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """The keys of those who may ask; nobody may while there are none."""

    def __init__(self, digests: Iterable[str]) -> None:
        self._digests = tuple(bytes.fromhex(one) for one in digests)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def open_to(self, key: bytes) -> bool:
        """Whether this is one of the keys; takes equally long whichever it is."""
        asked = hashlib.sha256(key).digest()
        matches = [hmac.compare_digest(asked, one) for one in self._digests]
        return any(matches)

    def held_in(self, headers: RawHeaders) -> bytes | None:
        """The name of the header that holds one of the keys, or None."""
        for name, value in headers:
            if (name == OWN_HEADER or name in CREDENTIALS) and self.open_to(bearer(name, value)):
                return name
        return None


def bearer(name: bytes, value: bytes) -> bytes:
    """The key that a header carries."""
    if name == BEARER:
        scheme, _, key = value.partition(b" ")
        return key.strip() if scheme.lower() == b"bearer" else b""
    return value.strip()
