"""Which texts the bundled model can read: rules about characters, no model.

The tokenizer folds and drops more than `[UNK]` tells. It removes control and invisible characters,
strips every combining mark (so that "≠" is read as "=", and "n̶o̶t̶" as "not"), and knows the single
letters of many scripts whose words the model has hardly seen. Cosines measured with the shipped
model, between questions with different answers:

    Is x ≠ y here? / Is x = y here?                                  1.00  (same tokens)
    con bò ăn gì? / con bơ ăn gì? (Vietnamese: cow, butter)           1.00  (same tokens)
    Как открыть счёт? / Как закрыть счёт? (open / close an account)   .91
    Ποια είναι η πρωτεύουσα της Γαλλίας; / Πώς ανοίγω λογαριασμό;     .87
    What does π mean? / What does Δ mean?                             .37

So letters must be Latin, single Greek letters are symbols like any other, and accents may adorn a
text (café, naïve, Zürich) but not carry it. What remains is that a rare pair of words differs by
accents alone (año, ano; résumé, resume): their vectors are equal, and only a comparison of the
texts can tell them apart. Line breaks and indentation are folded into spaces likewise.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Invisible and without meaning in Latin text: soft hyphen, zero-width space, non-joiner and
# joiner, left-to-right and right-to-left marks, word joiner, variation selectors of symbols, byte
# order mark. Others are not harmless: an LLM reads tag characters (U+E0000), we would not.
_HARMLESS = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff")
_LINE_BREAKS = frozenset("\t\n\r")

# Of a text's letters, in about ten sentences each: English 0, German 0-9 %, Spanish and French
# 0-17 %, Polish 6-13 %, Czech 23-31 %, Vietnamese 21-46 %. One or two may be a name.
_ACCENTED_SHARE = 0.2
_ACCENTED_FEW = 2

_GREEK_WORD = re.compile("[\u0370-\u03ff\u1f00-\u1fff]{2,}")


def legible(text: str) -> bool:
    """Whether the tokenizer passes on to the model all that a reader would see in this text."""
    if text.isascii() and text.isprintable():
        return True
    composed = unicodedata.normalize("NFC", text)
    return (
        all(map(_known, set(composed)))
        and not _GREEK_WORD.search(composed)
        and not _lives_by_accents(composed)
    )


@lru_cache(4096)
def _known(character: str) -> bool:
    """Whether this character is read, or dropped without loss.

    A character that no vocabulary has may pass here: it becomes `[UNK]`, which is seen elsewhere.
    """
    category = unicodedata.category(character)
    if category.startswith("L"):
        # Latin-1 has letters with other names: the micro sign, and ª and º, which stand for °.
        return character < "\u0100" or _script(character) in ("LATIN", "GREEK")
    if category == "Nd":
        return character.isascii()
    if category.startswith(("C", "M")):
        return character in _LINE_BREAKS or character in _HARMLESS
    # U+FFFD stands for what was lost before us. A symbol with a mark loses it: ≠ would be =.
    return character != "\ufffd" and not _marked(character)


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]


@lru_cache(4096)
def _marked(character: str) -> bool:
    """Whether the tokenizer would strip a combining mark from it."""
    parts = unicodedata.normalize("NFD", character)
    return any(unicodedata.category(part) == "Mn" for part in parts)


def _lives_by_accents(text: str) -> bool:
    accented = sum(map(_marked, text))
    letters = sum(map(str.isalpha, text))
    return accented > max(_ACCENTED_FEW, _ACCENTED_SHARE * letters)
