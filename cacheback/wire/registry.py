"""Which codec reads which endpoint."""

from __future__ import annotations

from dataclasses import replace

from cacheback.models import Answer
from cacheback.wire import anthropic_messages, openai_chat, openai_completions, openai_responses
from cacheback.wire.codec import Codec

# By how the path ends: base URLs differ (/v1, /openai/deployments/<name>, a gateway's prefix).
# The first that fits counts. OpenAI's threads have `/messages` too, hence the version there.
_BY_ENDING: dict[str, Codec] = {
    "/chat/completions": openai_chat,
    "/completions": openai_completions,
    "/responses": openai_responses,
    "/v1/messages": anthropic_messages,
}
_EMBEDDINGS = "/embeddings"


def codec_for(method: str, path: str) -> Codec | None:
    """The codec for a request (`path` may carry a query), or None when it is not ours to read."""
    if method.upper() != "POST":
        return None
    bare = path.partition("?")[0]
    return next((codec for end, codec in _BY_ENDING.items() if bare.endswith(end)), None)


def is_embeddings(method: str, path: str) -> bool:
    """True for a batch of embeddings, which `openai_embeddings` takes apart."""
    return method.upper() == "POST" and path.partition("?")[0].endswith(_EMBEDDINGS)


def codec_named(name: str) -> Codec | None:
    """The codec that understands answers of this `Answer.format`, or None."""
    return next((codec for codec in _BY_ENDING.values() if name == codec.FORMAT), None)


def sound(answer: Answer) -> Answer:
    """The answer, without JSON that the codec it names cannot read.

    Anybody can write JSON into a memory: by `populate`, by an import.
    """
    codec = codec_named(answer.format)
    if codec is None or codec.answer(answer.raw) is not None:
        return answer
    return replace(answer, raw=None)
