"""Reads a text once for all guards: its words, and what their letters and places say.

What may live here: turning text into tokens. What it may not know: what any guard makes of them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cacheback.core.words import word_list, word_set

# Texts whose reading and facts are remembered, so that a candidate is read once and compared often.
REMEMBERED = 1024

_TOKEN = re.compile(
    r"""
    (?P<word>   [A-Za-z](?:\+\+|\#)(?!\w) | \.(?i:net)\b | [^\W\d_]+(?:'[^\W\d_]+)* )
  | (?P<date>   [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?![0-9])
              | [0-9]{1,2}(?P<by>[./-])[0-9]{1,2}(?P=by)(?:[0-9]{4}|[0-9]{2})(?![0-9.]) )
  | (?P<clock>  [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})? )
  | (?P<number> (?:(?<!\S)-)?[0-9]+(?:[.,][0-9]+)* | \d+ )
  | (?P<stop>   [.!?:;]+(?=\s|$) | \n )
  | (?P<mark>   [-=]> | [→⇒,()$€£¥₹%°+*/=<>^~|&@\#×÷] | (?<=\s)[-–—](?=\s) )
    """,  # noqa: RUF001 — dashes and signs as people type them
    re.VERBOSE,
)

_QUOTES = str.maketrans(
    {"’": "'", "‘": "'", "´": "'", "`": "`", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}  # noqa: RUF001
    | {"½": " and a half", "¼": " a quarter of", "−": "-", "‑": "-"}  # noqa: RUF001
)
_INITIALS = re.compile(r"\b[A-Za-z]\.[A-Za-z]\.(?:[A-Za-z]\.)?|\b[A-Z]\.[A-Z]\b")  # U.S., a.m.
_TICK = re.compile(r"(?<=[a-z])`(?=[a-z]{1,2}\b)")  # didn`t

_SHORT = {
    "cannot": "can not",
    "cant": "can not",
    "dont": "do not",
    "wont": "will not",
    "aint": "is not",
    "im": "i am",
    "ive": "i have",
    "whats": "what is",
    "wheres": "where is",
    "whos": "who is",
    "hows": "how is",
    "thats": "that is",
    "gonna": "going to",
    "wanna": "want to",
    "gotta": "have to",
    "u": "you",
    "ur": "your",
    "eli": "explain like i am",
    "tmrw": "tomorrow",
    "tomorow": "tomorrow",
    "yrs": "years",
    "pls": "please",
}
_SHORT |= {
    f"{verb}nt": f"{verb} not"
    for verb in (
        *("did", "does", "is", "was", "are", "were", "have", "has", "had"),
        *("could", "should", "would", "must"),
    )
}
_STEMS_OF_NOT = {"ca": "can", "wo": "will", "sha": "shall", "ai": "is"}
_ENDINGS = {"'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "'m": "am"}
# Words whose 's is "is"; after any other word it is a genitive, which says nothing here.
_IS = word_set("what who where when why how it that this there here he she let everything")

# Small words that stay small in a Title of a Text.
_SMALL = word_set("a an and as at by for from in is of on or the to vs with")


class Token(NamedTuple):
    """A word or sign.

    `word` is in lower case and spelled out, `text` as written, `kind` the pattern's group that
    matched, `capital` that it has one anywhere, `opens` that it begins a sentence, `glued` that no
    space stands before it.
    """

    word: str
    text: str
    kind: str
    capital: bool
    opens: bool
    glued: bool


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A text as tokens.

    `words` are the tokens' words, `plain` the text with quotes and dashes unified, `shouted` tells
    that capitals mean nothing (a text in capitals, or A Title), `cased` that it uses any at all.
    """

    plain: str
    tokens: tuple[Token, ...]
    words: tuple[str, ...]
    shouted: bool
    cased: bool

    def word(self, place: int) -> str:
        """The word at a place, or "" before the beginning and after the end."""
        return self.words[place] if 0 <= place < len(self.words) else ""


@lru_cache(maxsize=8192)
def spell_out(word: str) -> tuple[str, ...]:
    """A lower-case word as full words: "can't" → ("can", "not"), "paris's" → ("paris",)."""
    if word in _SHORT:
        return tuple(_SHORT[word].split())
    if "'" not in word:
        return (word,)
    if word.endswith("n't"):
        head = word[:-3]
        return (_STEMS_OF_NOT.get(head, head), "not") if head else ("not",)
    head, _, _ = word.partition("'")
    if word.endswith("'s"):
        return (head, "is") if head in _IS else (head,)
    ending = _ENDINGS.get(word[len(head) :])
    return (head, ending) if ending else (word,)


def unify(text: str) -> str:
    """The text with quotes, dashes, wide letters and dotted initials (U.S.) in one spelling."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_QUOTES))
    if "`" in text:
        text = _TICK.sub("'", text)
    return _INITIALS.sub(lambda match: match[0].replace(".", ""), text) if "." in text else text


def _tokens(plain: str) -> list[Token]:
    tokens: list[Token] = []
    opens, end = True, -1
    for match in _TOKEN.finditer(plain):
        kind, text = match.lastgroup or "", match[0]
        glued, end = match.start() == end, match.end()
        if kind != "word":
            tokens.append(Token(text, text, kind, False, opens, glued))
            opens = kind == "stop"
            continue
        capital = not text.islower()
        for word in spell_out(text.lower()):
            tokens.append(Token(word, text, kind, capital, opens, glued))
            opens = capital = False  # "What's" has one capital, and it is not that of "is"
    return tokens


def _shouted(plain: str, tokens: list[Token]) -> bool:
    if plain.isupper():
        return len(tokens) > 1
    telling = [
        token.capital
        for token in tokens
        if token.kind == "word" and not token.opens and token.word not in _SMALL
    ]
    return len(telling) >= 3 and sum(telling) >= 0.75 * len(telling)  # noqa: PLR2004 — a few, most


@lru_cache(maxsize=64)
def reading(text: str) -> Reading:
    """Read a text. Only the last few are kept: guards remember their own facts."""
    plain = unify(text)
    tokens = _tokens(plain)
    return Reading(
        plain=plain,
        tokens=tuple(tokens),
        words=tuple([token.word for token in tokens]),
        shouted=_shouted(plain, tokens),
        cased=not plain.islower(),
    )


_IRREGULAR = dict(
    pair.split("=")
    for pair in word_list(
        "sent=send bought=buy sold=sell won=win lost=lose went=go gone=go came=come rose=rise "
        "risen=rise fell=fall fallen=fall began=begin begun=begin gave=give given=give "
        "took=take taken=take taught=teach lent=lend hid=hide hidden=hide shown=show paid=pay "
        "spent=spend kept=keep left=left grew=grow grown=grow built=build broke=break "
        "broken=break forgot=forget forgotten=forget drew=draw drawn=draw withdrew=withdraw "
        "withdrawn=withdraw froze=freeze frozen=freeze unfroze=unfreeze unfrozen=unfreeze "
        "found=find made=make worse=worse got=get gotten=get hired=hire children=child "
        "wives=wife wolves=wolf mice=mouse women=woman men=man feet=foot lay=lay less=less "
    )
)


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A rough stem, the same for a word's inflections ("enabling", "enables" → "enabl").

    Good for comparing words with words, not for showing.
    """
    word = _IRREGULAR.get(word, word)
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "sui":  # noqa: PLR2004 — gas, yes
        word = word[:-3] + "y" if word.endswith("ies") else word[:-1]
    if len(word) > 5 and word.endswith("ing"):  # noqa: PLR2004 — king, bring
        word = word[:-3]
    elif len(word) > 4 and word.endswith("ed"):  # noqa: PLR2004 — need, bed
        word = word[:-3] + "y" if word.endswith("ied") else word[:-2]
    if len(word) > 3 and word[-1] in "ey":  # noqa: PLR2004
        word = word[:-1]
    if len(word) > 2 and word[-1] == word[-2]:  # noqa: PLR2004 — add → ad, cancelled → cancel
        word = word[:-1]
    return word
