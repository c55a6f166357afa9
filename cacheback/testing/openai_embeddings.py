"""Speaks embeddings as OpenAI does: unit vectors that follow from nothing but the input."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence

from cacheback.models import JSON
from cacheback.testing import openai_chat, speech
from cacheback.testing.script import Reply

error = openai_chat.error
failure = openai_chat.failure

_DIMENSIONS = 1536  # those of text-embedding-3-small


def understands(body: JSON) -> bool:
    """True for a body with an input, not empty, that does not ask for a stream."""
    if not isinstance(body, Mapping) or "stream" in body:
        return False
    inputs = _inputs(body)
    return bool(inputs) and all(isinstance(one, str | list) and one for one in inputs)


def question(body: Mapping[str, JSON]) -> str:
    """The first input; what a model would say to it is not told."""
    return str(_inputs(body)[0])


def completion(body: Mapping[str, JSON], reply: Reply) -> JSON:
    """A vector for each input, in the wanted form."""
    dimensions = body.get("dimensions") or _DIMENSIONS
    packed = body.get("encoding_format") == "base64"
    inputs = _inputs(body)
    counts = (speech.tokens(one) if isinstance(one, str) else len(one) for one in inputs)
    usage = speech.usage(reply, sum(counts))
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _written(one, dimensions, packed)}
            for index, one in enumerate(inputs)
        ],
        "model": body.get("model"),
        "usage": {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens},
        **reply.extra,
    }


def events(body: Mapping[str, JSON], reply: Reply) -> list[bytes]:
    """Vectors are never streamed, and a request that wants them so is not understood."""
    raise AssertionError(f"a stream of embeddings: {body}, {reply}")


def vector(text: str, dimensions: int = _DIMENSIONS) -> list[float]:
    """The unit vector of a text, each number one that float32 can hold."""
    return list(struct.unpack(f"<{dimensions}f", _packed(text, dimensions)))


def _packed(given: JSON, dimensions: int) -> bytes:
    seed = json.dumps(given).encode()
    noise = struct.unpack(f"<{dimensions}h", hashlib.shake_256(seed).digest(2 * dimensions))
    length = math.hypot(*noise)
    return struct.pack(f"<{dimensions}f", *(number / length for number in noise))


def _written(given: JSON, dimensions: int, packed: bool) -> str | Sequence[float]:
    data = _packed(given, dimensions)
    if packed:
        return base64.b64encode(data).decode("ascii")
    return struct.unpack(f"<{dimensions}f", data)


def _inputs(body: Mapping[str, JSON]) -> list[JSON]:
    """The inputs of a request: one text, one list of tokens, or a list of either kind."""
    given = body.get("input")
    if isinstance(given, list) and given and isinstance(given[0], str | list):
        return given
    return [given]
