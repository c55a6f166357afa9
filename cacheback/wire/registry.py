"""Which codec reads which endpoint."""

from __future__ import annotations

from cacheback.wire import openai_chat
from cacheback.wire.codec import Codec

# By how the path ends: base URLs differ (/v1, /openai/deployments/<name>, a gateway's prefix).
_BY_ENDING: dict[str, Codec] = {
    "/chat/completions": openai_chat,
}


def codec_for(method: str, path: str) -> Codec | None:
    """The codec for a request (`path` may carry a query), or None when it is not ours to read."""
    if method.upper() != "POST":
        return None
    bare = path.partition("?")[0]
    return next((codec for end, codec in _BY_ENDING.items() if bare.endswith(end)), None)


def codec_named(name: str) -> Codec | None:
    """The codec that understands answers of this `Answer.format`, or None."""
    return next((codec for codec in _BY_ENDING.values() if name == codec.FORMAT), None)
