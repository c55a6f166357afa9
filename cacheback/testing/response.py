"""HTTP/1.1 responses as the bytes that go over the wire: whole, streamed, compressed or cut."""

from __future__ import annotations

import http
import zlib
from collections.abc import Iterable, Iterator, Mapping

_GZIP = 31  # zlib's name for the gzip container, largest window


def whole(status: int, headers: Mapping[str, str], body: bytes) -> list[bytes]:
    """A response with a content length, as one piece."""
    return [_head(status, {"content-length": str(len(body)), **headers}) + body]


def streamed(status: int, headers: Mapping[str, str], events: Iterable[bytes]) -> list[bytes]:
    """A chunked response, a piece for each event; the last one ends it."""
    pieces = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    pieces[0] = _head(status, {"transfer-encoding": "chunked", **headers}) + pieces[0]
    pieces[-1] += b"0\r\n\r\n"
    return pieces


def head_only(pieces: list[bytes]) -> list[bytes]:
    """What answers a HEAD request."""
    return [pieces[0][: _body_start(pieces)]]


def cut(pieces: list[bytes], after: int) -> list[bytes]:
    """The pieces up to so many bytes of body."""
    left = _body_start(pieces) + after
    kept = []
    for piece in pieces:
        if left > 0:
            kept.append(piece[:left])
        left -= len(piece)
    return kept


def gzipped(events: Iterable[bytes]) -> Iterator[bytes]:
    """Each event compressed so that it can be read as soon as it arrives."""
    squeeze = zlib.compressobj(wbits=_GZIP)
    *events, last = events
    for event in events:
        yield squeeze.compress(event) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    yield squeeze.compress(last) + squeeze.flush()


def _body_start(pieces: list[bytes]) -> int:
    return pieces[0].index(b"\r\n\r\n") + 4


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    known = status in set(http.HTTPStatus)
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase if known else ''}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
