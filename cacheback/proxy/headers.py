"""Which headers go on, in either direction."""

from __future__ import annotations

from cacheback.proxy.keys import OWN_HEADER, RawHeaders

# Between two neighbours only (RFC 9110, 7.6.1), and what the connection to the next one sets anew.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# What the server in front of us says of its caller is no provider's business, and must not split
# the scope by address. `expect` has been answered by our own server.
_OF_THE_WAY = frozenset({b"host", b"expect", b"forwarded", b"via", b"x-real-ip", OWN_HEADER})
_FORWARDED = b"x-forwarded-"


def to_upstream(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """A client's headers without those that end here."""
    dropped = _HOP_BY_HOP | _OF_THE_WAY | _named_by_connection(headers)
    return [one for one in headers if one[0] not in dropped and not one[0].startswith(_FORWARDED)]


def to_client(headers: RawHeaders, *, decoded: bool) -> list[tuple[bytes, bytes]]:
    """Upstream's headers without those that end here.

    With `decoded` the body is not sent as it came, and its encoding and length are not told.
    """
    named = [(name.lower(), value) for name, value in headers]
    dropped = _HOP_BY_HOP | _named_by_connection(named)
    if decoded:
        dropped |= {b"content-encoding", b"content-length"}
    return [one for one in named if one[0] not in dropped]


def value_of(headers: RawHeaders, wanted: bytes) -> bytes | None:
    """The first value of a header, or None."""
    return next((value for name, value in headers if name == wanted), None)


def _named_by_connection(headers: RawHeaders) -> set[bytes]:
    return {
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    }
