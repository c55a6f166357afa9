"""Names of people, places, languages and products; quoted words, code, files, links; my and your.

A name of one text must be among the words of the other, in whatever letters: nothing is assumed
about names that only one side spells with a capital.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from cacheback.core.guards.guard import Guard, rivals, unmatched
from cacheback.core.guards.name_words import (
    ACCENT_TRAPS,
    ACRONYM_TRAPS,
    ALIASES,
    AMBIGUOUS_TOOLS,
    CASE_TRAPS,
    KNOWN,
    NO_NAMES,
)
from cacheback.core.guards.reading import Reading, Token, reading
from cacheback.core.guards.times import dated
from cacheback.core.guards.units import UNITS
from cacheback.core.words import word_set
from cacheback.models import Reason

_LITERAL = re.compile(
    r"""
    (?P<link>    https?://[^\s"<>)]+ | www\.[^\s"<>)]+ | [\w.+-]+@[\w-]+\.[\w.]+ )
  | (?P<quoted>  `(?P<code>[^`\n]+)` | "(?P<said>[^"\n]+)" | (?<!\w)'(?P<word>[^'\n]+)'(?!\w) )
  | (?P<path>    (?:~|\.{1,2})?/[\w.-]+(?:/[\w.-]*)* (?<![.]) | [A-Za-z]:\\\S+ )
  | (?P<file>    \b[\w-]+(?:/[\w-]+)*\.(?:[a-z][a-z0-9]{1,4})\b )
  | (?P<flag>    (?<![\w-])--?[A-Za-z][\w-]* )
  | (?P<ident>   \b[A-Za-z]\w*(?:_\w+|(?:\.(?![A-Z])|::|->)[A-Za-z_]\w*)+(?:\(\))?
               | \b\w+\(\) | _{2}\w+_{2}
               | \b[a-z]{2,}(?:[A-Z][a-z0-9]+)+\b )
  | (?P<tag>     (?<!\w)(?:[\#@]\w | \$[A-Za-z_])\w* )
  | (?P<sign>    (?<!\S)[=!<>&|*+%^~?:@\#\\-]+(?!\S) | [=!<>&|]{2,} )
    """,
    re.VERBOSE,
)
# Most texts have none of these, and no literal.
_HINTS = re.compile(
    r"[/@_`\"\\#$=<>|*+%^~]|[.:]\w|\(\)|(?<!\w)['-](?=[\w-])|[a-z][A-Z]|\s[&!?:.-]\s"
)
# Signs that stand for words, or for nothing.
_SIGN_OF_PROSE = re.compile(r"[-!?.:]+|&|->|=")
_AFTER_A_TOOL = word_set("programming language code lang function script")
_BEFORE_A_TOOL = word_set("in learn using with")
_ENDINGS_OF_NUMBERS = word_set("st nd rd th k m b bn mn s x am pm fa")
_WHOSE = {"my": "my", "your": "your", "our": "our", "his": "his", "her": "her", "their": "their"}


class Names(NamedTuple):
    """`must` be among the other's words (key → as shown), `may` is what this text mentions.

    `phrase` is the text as its words with spaces, for quotes of several words; `traps` maps a word
    without its case or accent to how it is written; `whose` holds "my name", "you" for "are you".
    """

    must: dict[str, str]
    may: frozenset[str]
    phrase: str
    traps: dict[str, str]
    whose: dict[str, str]


@lru_cache(maxsize=8192)
def key(word: str) -> str:
    """A name as it is compared: "PostgreSQL", "postgres" → "postgre"; plurals fall together."""
    word = ALIASES.get(word, word)
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "su":  # noqa: PLR2004 — iPhones
        word = word[:-1]
    return word


def _is_name(read: Reading, place: int, token: Token) -> bool:
    word = token.word
    if word in NO_NAMES or word in UNITS:
        return False
    if token.capital and not read.shouted and (not token.opens or _has_more_capitals(token)):
        return True
    if word in KNOWN or (len(word) > 1 and not word.isalpha()):  # c++
        return True
    return word in AMBIGUOUS_TOOLS and _is_tool(read, place)


def _has_more_capitals(token: Token) -> bool:
    """iPhone, JavaScript, USA, Einstein's — names also at the beginning of a sentence."""
    text = token.text
    if "'" in text:
        return token.word not in _NO_OWNERS and text.lower() == f"{token.word}'s"
    return len(text) > 1 and not text[1:].islower()


_NO_OWNERS = word_set(
    "mine today tomorrow yesterday tonight one let it what who where when how that this there here "
    "he she everything"
)


def _is_tool(read: Reading, place: int) -> bool:
    before, after = read.word(place - 1), read.word(place + 1)
    ends = place + 1 == len(read.tokens) or read.tokens[place + 1].kind in ("stop", "mark")
    return after in _AFTER_A_TOOL or (before in _BEFORE_A_TOOL and (ends or after in ("and", "or")))


def _words(read: Reading) -> tuple[dict[str, str], set[str]]:
    must: dict[str, str] = {}
    may: set[str] = set()
    used = dated(read).used
    for place, token in enumerate(read.tokens):
        if token.kind != "word":
            continue
        may.add(key(token.word))
        if token.glued and place and read.tokens[place - 1].kind == "number":
            if token.word not in _ENDINGS_OF_NUMBERS and token.word not in UNITS:
                name = read.tokens[place - 1].text + token.word  # 4o, 3D
                may.add(name)
                must[name] = name
        elif place not in used and _is_name(read, place, token):
            must[key(token.word)] = token.text if token.capital else token.word
    return must, may


def _literals(plain: str) -> dict[str, str]:
    """Code, links and quotes, which have to be equal; quotes also match the bare words."""
    found = {}
    for match in _LITERAL.finditer(plain):
        inner = match["code"] or match["said"] or match["word"]
        shown = (inner or match[0]).strip()
        if match["sign"] and _SIGN_OF_PROSE.fullmatch(shown):
            continue
        if shown:
            quoted = match["said"] or match["word"]
            found[_quote(shown) if quoted else shown.casefold()] = shown
    return found


def _quote(shown: str) -> str:
    """A quote as its words, as they would stand without quotation marks."""
    return " ".join(reading(shown).words) or shown


def _traps(read: Reading) -> dict[str, str]:
    """How words are written that mean something else with another case or accent."""
    traps = {}
    for place, token in enumerate(read.tokens):
        word = token.word
        if word in CASE_TRAPS and not read.shouted and read.cased and not token.opens:
            if place not in dated(read).used:
                named = token.text.isupper() if word in ACRONYM_TRAPS else token.capital
                traps[word] = token.text.title() if named else word
        elif word in ACCENT_TRAPS:
            traps[_bare(word)] = word
    return traps


@lru_cache(maxsize=256)
def _bare(word: str) -> str:
    marks = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in marks if not unicodedata.combining(letter))


def _whose(read: Reading) -> dict[str, str]:
    """Whose thing is meant ("my name"), and who ("am I", "are you")."""
    words, found = read.words, {}
    for place, word in enumerate(words[:-1]):
        after = words[place + 1]
        if word in _WHOSE:
            found[key(after)] = _WHOSE[word]
        elif (word, after) in (("am", "i"), ("are", "you")):
            found["?"] = after
    return found


def _read(read: Reading) -> Names:
    must, may = _words(read)
    if _HINTS.search(read.plain):
        literals = _literals(read.plain)
        must |= literals
        may |= literals.keys()
    phrase = f" {' '.join(read.words)} "
    return Names(must, frozenset(may), phrase, _traps(read), _whose(read))


def _differ(mine: Names, theirs: Names) -> str | None:
    found = unmatched(
        _outside(mine.must, theirs.phrase), mine.may, _outside(theirs.must, mine.phrase), theirs.may
    )
    if found:
        return found
    for trap in mine.traps.keys() & theirs.traps.keys():
        if mine.traps[trap] != theirs.traps[trap]:
            return f"{mine.traps[trap]} ≠ {theirs.traps[trap]}"
    for thing in mine.whose.keys() & theirs.whose.keys():
        here, there = frozenset({mine.whose[thing]}), frozenset({theirs.whose[thing]})
        if found := rivals(here, there):
            return found
    return None


def _outside(must: dict[str, str], phrase: str) -> dict[str, str]:
    """Without what the other text says word by word (quotes, and nothing else, have spaces)."""
    return {name: shown for name, shown in must.items() if f" {name} " not in phrase}


NAMES: Guard[Names] = Guard(Reason.NAME_DIFFERS, _read, _differ)
