"""Embeddings as OpenAI speaks them: a batch of inputs, each with an answer of its own.

What may live here: taking a batch apart, asking for a part of it, putting it together. What it may
not know: HTTP, which inputs are remembered. Foreign JSON is never an error: `split` and `read`
return None. A vector is never served by similarity: it is exact, or asked for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import struct
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from cacheback.models import JSON, Answer, Reason, Usage
from cacheback.wire import shapes
from cacheback.wire.shapes import are_objects, is_list

FORMAT = "openai.embeddings"
_PROVIDER = "openai"

LIMITS = (Reason.EMBEDDING_EXACT_ONLY,)
"""Why only the exact tier may answer an input: near texts have near vectors, not the same."""

# What cannot change the vectors: who asks, and how they are written down.
_WITHOUT_EFFECT = frozenset({"encoding_format", "metadata", "user"})
_FLOAT32 = 4  # bytes
_LARGEST = 3.4028234663852886e38  # the largest finite float32


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a batch: the text or tokens to send, and where its vector belongs.

    `question` is the text under which its answer is kept (of tokens, their JSON); `parts` are
    parts of the scope which it adds to those of the batch.
    """

    value: str | tuple[int, ...]
    question: str
    parts: Mapping[str, JSON] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """A request, taken apart: its inputs in order, and the scope that they share."""

    inputs: tuple[Input, ...]
    parts: Mapping[str, JSON]


def split(body: JSON) -> Batch | None:
    """Take a request apart; None when it is not one for embeddings as we know it."""
    if not isinstance(body, Mapping):
        return None
    values = _values(body.get("input"))
    if not values:
        return None
    fields = shapes.fields(body, {})
    rest = {k: v for k, v in fields.items() if k not in {"model", "input", *_WITHOUT_EFFECT}}
    parts = shapes.filled({"model": fields.get("model"), "parameters": rest})
    return Batch(tuple(_input(value) for value in values), parts)


def _values(given: JSON) -> list[str | tuple[int, ...]] | None:
    """The inputs of a request: one text, one list of tokens, or a list of either kind."""
    if isinstance(given, str) or _are_tokens(given):
        given = [given]
    if not is_list(given):
        return None
    if all(isinstance(one, str) and one for one in given):
        return list(given)
    return [tuple(one) for one in given] if all(_are_tokens(one) for one in given) else None


def _are_tokens(value: JSON) -> bool:
    return is_list(value) and len(value) > 0 and all(type(one) is int for one in value)


def _input(value: str | tuple[int, ...]) -> Input:
    if isinstance(value, tuple):
        tokens = "[" + ",".join(str(token) for token in value) + "]"
        return Input(value, tokens, {"attachments": ["tokens"]})
    if unicodedata.normalize("NFC", value).strip() == value:
        return Input(value, value)
    # Questions are compared without the white space around them; a vector is of every character.
    exactly = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return Input(value, value, {"attachments": [f"sha256:{exactly}"]})


def upstream_body(body: Mapping[str, JSON], inputs: Sequence[Input]) -> dict[str, JSON]:
    """The request for these inputs only, otherwise as the caller wrote it."""
    asked = [one.value if isinstance(one.value, str) else list(one.value) for one in inputs]
    return {**body, "input": asked}


def read(payload: JSON, inputs: Sequence[Input]) -> tuple[Answer, ...] | None:
    """An answer for each of the inputs that were asked for, in their order.

    None when the reply is an error or not whole. Its tokens are shared out by the inputs' length:
    the provider tells but their sum.
    """
    if not isinstance(payload, Mapping) or payload.get("error") is not None:
        return None
    vectors = _vectors(payload.get("data"))
    if vectors is None or vectors.keys() != set(range(len(inputs))):
        return None
    model = shapes.text(payload.get("model"))
    shares = _shares(payload.get("usage"), [len(one.value) for one in inputs])
    return tuple(
        Answer(
            text="",
            usage=usage,
            model=model,
            provider=_PROVIDER,
            format=FORMAT,
            raw={"embedding": vectors[index]},
        )
        for index, usage in enumerate(shares)
    )


def _vectors(data: JSON) -> dict[int, JSON] | None:
    """Vectors by their index, as they came, or None when one cannot be read."""
    if not are_objects(data):
        return None
    found: dict[int, JSON] = {}
    for one in data:
        match one:
            case {"index": int(index), "embedding": vector} if _is_vector(vector):
                found[index] = vector
            case _:
                return None
    return found if len(found) == len(data) else None


def _is_vector(value: JSON) -> bool:
    if isinstance(value, str):
        return bool(_unpacked(value))
    return is_list(value) and len(value) > 0 and all(_fits(one) for one in value)


def _fits(value: JSON) -> bool:
    found = shapes.number(value)
    return found is not None and abs(found) <= _LARGEST


def _shares(given: JSON, lengths: Sequence[int]) -> list[Usage | None]:
    match given:
        case {"prompt_tokens": int(tokens)}:
            total = sum(lengths)
            edges = [tokens * so_far // total for so_far in accumulate(lengths, initial=0)]
            return [Usage(end - start) for start, end in pairwise(edges)]
    return [None] * len(lengths)


def render(
    answers: Sequence[Answer],
    body: Mapping[str, JSON],
    *,
    marks: Mapping[str, JSON],
    model: str = "",
) -> dict[str, JSON]:
    """The response for a whole batch, with our marks; `model` is named if no answer names one.

    Vectors are written as the request asks: as base64 where it says so (an SDK that was not told
    otherwise does), else as lists of numbers.

    Raises:
        ValueError, struct.error: what an answer holds is no vector.
    """
    packed = body.get("encoding_format") == "base64"
    tokens = sum(answer.usage.input_tokens for answer in answers if answer.usage)
    named = next((answer.model for answer in answers if answer.model), model)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _written(answer, packed=packed)}
            for index, answer in enumerate(answers)
        ],
        "model": named,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        **marks,
    }


def _written(answer: Answer, *, packed: bool) -> JSON:
    vector = (answer.raw or {}).get("embedding")
    if isinstance(vector, str) and _data(vector):
        return vector if packed else list(_unpacked(vector))
    if is_list(vector) and vector:
        written = _packed(vector)  # also where it is not asked for: numbers alone can be packed
        return written if packed else vector
    raise ValueError("what is remembered of an input is no vector")


def _packed(vector: Sequence[float]) -> str:
    """Numbers as the base64 of little-endian float32, which is the providers' form."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def _data(text: str) -> bytes:
    """The bytes of numbers from base64; empty when they cannot be that."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return b"" if len(data) % _FLOAT32 else data


def _unpacked(text: str) -> tuple[float, ...]:
    """Numbers from base64; empty when it is not the base64 of finite ones."""
    data = _data(text)
    numbers = struct.unpack(f"<{len(data) // _FLOAT32}f", data)
    return numbers if all(math.isfinite(number) for number in numbers) else ()


def mark(payload: Mapping[str, JSON], marks: Mapping[str, JSON]) -> dict[str, JSON]:
    """A provider's own body with our marks at its top level."""
    return {**payload, **marks}
