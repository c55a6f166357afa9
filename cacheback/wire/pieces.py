"""An answer that is known whole, cut into pieces such as a model says one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cacheback.models import JSON

# A few words. Some scripts have no spaces, and base64 has none either: hence the longest "word".
_PIECE = re.compile(r"(?:\s*\S{1,16}){1,4}|\s+")
_TOKENS = 4


def pieces(text: str) -> list[str]:
    """Pieces of a few words each; joined, they are the text."""
    return _PIECE.findall(text)


def with_tokens(text: str, tokens: Sequence[JSON]) -> Iterator[tuple[str, Sequence[JSON]]]:
    """Pieces of a text, each with those of its tokens' log probabilities that belong to it.

    Tokens that do not add up to the text (such as half a character each) all go with the first.
    """
    words = [token.get("token") if isinstance(token, dict) else None for token in tokens]
    spelled = [word for word in words if isinstance(word, str)]
    if tokens and len(spelled) == len(tokens) and "".join(spelled) == text:
        for start in range(0, len(tokens), _TOKENS):
            group = slice(start, start + _TOKENS)
            yield "".join(spelled[group]), tokens[group]
        return
    for index, piece in enumerate(pieces(text)):
        yield piece, tokens if index == 0 else ()
