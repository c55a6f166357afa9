"""Whether a question matches a blocked pattern: the rules, for one pair of texts.

What may live here: rules of text and of a cosine. What it may not know: where patterns are kept,
what happens to a question that matches.

The judge of the semantic tier asks whether one answer is right for both texts; here it is turned
round: does the question ask for what was blocked, also in fewer words? What a question leaves out
does not let it pass, what it says otherwise does: another number, time or name, an opposite, a
negation. The figures behind the numbers are in docs/negative.md.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from hashlib import sha256

from cacheback.core.guards import AnyGuard
from cacheback.core.guards.names import NAMES
from cacheback.core.guards.negation import NEGATION
from cacheback.core.guards.numbers import NUMBERS
from cacheback.core.guards.opposites import OPPOSITES
from cacheback.core.guards.order import COMPARISON, DIRECTION
from cacheback.core.guards.reading import REMEMBERED, reading, stem
from cacheback.core.guards.times import TIMES
from cacheback.core.words import word_set

LENIENCY = 0.10
"""By how much a question may be less near whose content words all stand in the pattern."""

# Words that a question must share with the pattern for that: one ("salary") is a topic only.
_SHARED = 2

_PATTERN_DOMAIN = b"cacheback pattern 1\n"

_BOTH_WAYS: tuple[AnyGuard, ...] = (OPPOSITES, NEGATION, DIRECTION, COMPARISON)
_ADDED: tuple[AnyGuard, ...] = (NUMBERS, TIMES, NAMES)

_KINDS = frozenset({"word", "number", "date", "clock"})
# Words that carry no content of their own; verbs such as "find" and "make" do.
_FUNCTION = word_set(
    "a an the this that these those my your our his her its their some any i you he she it we "
    "they me him us them one is are was were be been being am do does did doing done has have had "
    "can could should would will shall may might must of in on at to for from with by about into "
    "as than via and or but if so what which who whom whose when where why how there here please "
    "tell show give let lets just"
)


def _between(first: int, last: int) -> set[str]:
    return {chr(code) for code in range(first, last + 1)}


# Fillers that count as letters, and colours of skin, which follow a picture.
_BLANK = frozenset({"\u115f", "\u1160", *_between(0x1F3FB, 0x1F3FF)})
# What joins characters or chooses between forms of one.
_INVISIBLE = frozenset({"\u034f", "\u20e3", *_between(0xFE00, 0xFE0F), *_between(0xE0100, 0xE01EF)})


def seen(text: str) -> str:
    """A text as a reader sees it: without invisible characters, and with a space for a picture.

    Such characters would hide a question from the embedder, which then sees no text it knows.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, unicodedata.normalize("NFKC", text))).strip() or text


def _shown(character: str) -> str:
    if character.isspace():
        return character
    category = unicodedata.category(character)
    if category == "So" or character in _BLANK:
        return " "
    return "" if category in {"Cc", "Cf"} or character in _INVISIBLE else character


def pattern_digest(text: str) -> str:
    """SHA-256 (64 hexadecimal digits) of a text but for case, spaces, and signs at its ends.

    What a reader does not see, and pictures, count as spaces do.
    """
    plain = " ".join(unicodedata.normalize("NFKC", seen(text)).casefold().split())
    plain = plain.strip(" .!?,;:…¿¡\"'“”‘’«»") or plain  # noqa: RUF001 - as people type them
    return sha256(_PATTERN_DOMAIN + plain.encode("utf-8", "surrogatepass")).hexdigest()


def contained(question: str, pattern: str) -> float:
    """The share (0 to 1) of a question's content words that stand in the pattern, in any form.

    0 where they have too few in common to tell.
    """
    words = _content(question)
    shared = len(words & _content(pattern))
    return shared / len(words) if shared >= _SHARED else 0.0


@lru_cache(REMEMBERED)
def _content(text: str) -> frozenset[str]:
    """The stems of a text's content words."""
    return frozenset(
        stem(token.word)
        for token in reading(text).tokens
        if token.kind in _KINDS and token.word not in _FUNCTION
    )


def score(question: str, pattern: str, similarity: float) -> float:
    """What is compared with a bar: the cosine, raised by up to `LENIENCY` for shared words.

    A short question lies far from a long one that says the same ("airspeed of swallows": 0.80).
    """
    return similarity + LENIENCY * contained(question, pattern)


def contradicts(question: str, pattern: str) -> bool:
    """Whether a guard sees that the question asks for something else than the pattern.

    A number, time or name that the question merely leaves out does not count: such a guard compares
    the pattern with the pattern and the question in one text.
    """
    both = f"{pattern}\n{question}"
    return any(guard(question, pattern) for guard in _BOTH_WAYS) or any(
        guard(pattern, both) for guard in _ADDED
    )
