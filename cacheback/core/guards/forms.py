"""What is wanted: how long, as what, for whom, in which language; and which question is asked."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import NamedTuple

from cacheback.core.guards.guard import Guard, contrast, rivals
from cacheback.core.guards.name_words import ALIASES
from cacheback.core.guards.reading import Reading
from cacheback.core.words import word_list, word_set
from cacheback.models import Reason

_FORMATS = {
    name: full
    for full, names in {
        "table": "table",
        "list": "list bullets bulleted enumeration checklist",
        "JSON": "json",
        "XML": "xml",
        "YAML": "yaml yml",
        "CSV": "csv",
        "HTML": "html",
        "Markdown": "markdown",
        "LaTeX": "latex",
        "code": "code pseudocode script program snippet",
        "poem": "poem poems poetry verse rhyme limerick sonnet haiku",
        "song": "song lyrics rap",
        "story": "story tale",
        "essay": "essay article blogpost blog",
        "email": "email letter",
        "tweet": "tweet",
        "dialogue": "dialogue conversation",
        "diagram": "diagram chart flowchart graph",
        "emoji": "emoji emojis",
        "one word": "word",
        "one sentence": "sentence",
        "sentences": "sentences",
        "words": "words",
        "paragraph": "paragraph",
        "paragraphs": "paragraphs",
        "headline": "headline title",
        "joke": "joke",
        "quiz": "quiz",
        "speech": "speech",
        "formula": "formula equation",
    }.items()
    for name in names.split()
}
_LEADS = re.compile(
    r"(?:as|in|into|using|with) (?:a|an|the|one|two|three|single|proper|[0-9]+)?\s?"
    r"(?:[a-z]+ )?[a-z]+$"
    r"|(?:write|make|create|generate|compose|draft|produce|return|output|format) (?:me |us |it |"
    r"them )?"
    r"(?:(?:a|an|the|some|your|as|in|in a) )?(?:[a-z]+ )?[a-z]+$"
    r"|(?:give|show|provide|tell|need|want) (?:me |us )?(?:a|an|some) (?:[a-z]+ )?[a-z]+$"
)
_SHORT_OR_LONG = re.compile(
    r"(?P<brief>\b(?:briefly|concise(?:ly)?|succinct(?:ly)?|in (?:brief|short|a nutshell)|tl ?;?dr|"
    r"in a few words|quick(?:ly)? (?:summary|overview|explanation|answer)|summar\w+|"
    r"(?:short|brief|quick) (?:answer|explanation|summary|version|overview|description|reply|"
    r"response|paragraph|essay|poem|story|email|note|message|text|introduction|bio)|"
    r"(?:keep|make) it (?:short|brief)|sum up))\b"
    r"|(?P<full>\b(?:in (?:\w+ )?(?:detail|details|depth|full)|"
    r"with (?:more|all|full|many) details?|detailed|thorough(?:ly)?|"
    r"comprehensive(?:ly)?|extensive(?:ly)?|exhaustive(?:ly)?|elaborate|at length|in depth|"
    r"long (?:answer|explanation|version|essay|poem|story|email|reply|response|description)))\b"
    r"|(?P<steps>\bstep (?:by step|wise)|stepwise)\b"
    r"|(?P<simple>\b(?:like i am (?:5|five)|simple (?:terms|words|language|english)|in plain "
    r"english|"
    r"layman\w* terms|lay terms|for dummies|to a (?:\w+ ){0,3}?(?:child|kid|five year old|5 year "
    r"old|"
    r"toddler)|for (?:kids|children|beginners|a (?:child|kid|beginner))|simply))\b"
    r"|(?P<expert>\b(?:for (?:an? )?experts?|to an expert|technical(?:ly)? (?:terms|detail\w*)|"
    r"(?:at|on) (?:an? )?(?:advanced|graduate|expert|phd) level|for professionals|as an expert))\b"
    r"|(?P<examples>\b(?:with(?:out)? (?:an? |some |any |concrete |code |\w+ )?examples?|"
    r"(?:give|show|provide|include) (?:me )?(?:an? |some |\w+ )?(?:\w+ )?examples?|examples? of))\b"
    r"|(?P<yesno>\byes or no|yes no)\b"
)
# One of these is in whatever the pattern finds: it is tried on few texts.
_WANTING = word_set(
    "briefly brief concise concisely succinct succinctly short tl tldr few quick quickly summary "
    "summarize summarise summarizing summarized sum detail details detailed depth full thorough "
    "thoroughly comprehensive comprehensively extensive extensively exhaustive elaborate length "
    "long "
    "step stepwise like simple plain layman laymans lay dummies child kid old toddler kids "
    "children "
    "beginners beginner simply experts expert technical technically level professionals example "
    "examples yes nutshell"
)
_TEACHING = word_set(
    "explain describe teach define summarize summarise tell write introduce introduction answer "
    "explanation guide tutorial overview put"
)
_SHOWN = {
    "brief": "short",
    "full": "in detail",
    "steps": "step by step",
    "simple": "in simple words",
    "expert": "for experts",
    "examples": "with examples",
    "yesno": "yes or no",
}
_LANGUAGES = word_set(
    "english german french spanish italian portuguese dutch swedish norwegian danish finnish "
    "russian "
    "ukrainian polish czech greek turkish arabic hebrew persian urdu hindi bengali thai vietnamese "
    "indonesian chinese mandarin japanese korean latin deutsch espanol español francais français "
    "italiano"
)
# How a word is said in French is a question about French, not one to be answered in French.
_ABOUT_WORDS = word_set("say word mean called translate")
_IN = word_set("in auf en em into")
_WHO, _WHEN, _WHERE, _WHY = "who", "when", "where", "why"
_HOW_MANY = {
    word: asked
    for asked, words in {
        "how much": "much many",
        "how long": "long",
        "how often": "often frequently",
        "how old": "old",
        "how far": "far",
        "how big": "big large tall high heavy wide deep small",
        "when": "soon fast quickly quick",
    }.items()
    for word in words.split()
}
_COUNTED = {
    "times": "how often",
    **dict.fromkeys(word_list("time longer minutes hours days weeks months years"), "how long"),
}
_QUESTION_WORDS = word_set("who whose whom when where why how what")
# "When will it come?" and "How long does it take?" want one answer.
_ALIKE = {"how long": frozenset({"how long", _WHEN}), _WHEN: frozenset({"how long", _WHEN})}
_ASKING = word_set(
    "is are was were am do does did can could will would should shall has have had to may might "
    "must in"
)
# Behind these a question word begins a question: "tell me when".
_CLAUSE = word_set("know tell explain ask out about say wonder wondering")
_TOLD = word_set("tell show ask remind")
_ONE = word_set("i we you one someone people")
_TASKS = {
    word: task
    for task, words in {
        "list": "list enumerate",
        "explain": "explain describe elaborate",
        "summarise": "summarize summarise",
        "translate": "translate",
        "define": "define definition",
        "compare": "compare contrast",
        "rewrite": "rewrite rephrase paraphrase reword",
        "proofread": "proofread correct",
        "pronounce": "pronounce pronunciation",
        "spell": "spell spelling",
        "calculate": "calculate compute solve",
        "debug": "debug fix",
        "test": "test",
        "implement": "implement code",
        "synonym": "synonym synonyms",
        "antonym": "antonym antonyms",
    }.items()
    for word in words.split()
}
_TASK_PLACES = 4  # words: "can you please explain"
_MODALS = {
    word: modal
    for modal, words in {"can": "can could may", "should": "should", "must": "must"}.items()
    for word in words.split()
}
_OBLIGED = frozenset({("have", "to"), ("need", "to"), ("required", "to"), ("obliged", "to")})
_ABLE = frozenset({("able", "to"), ("allowed", "to"), ("possible", "to"), ("permitted", "to")})


class Form(NamedTuple):
    """`wanted` must be the same on both sides; of the others, sides may only not contradict."""

    wanted: frozenset[str]
    asked: frozenset[str]
    task: frozenset[str]
    modal: frozenset[str]


def _lengths(read: Reading) -> set[str]:
    plain = " ".join(read.words)
    found = {_SHOWN[match.lastgroup or ""] for match in _SHORT_OR_LONG.finditer(plain)}
    if _TEACHING.isdisjoint(read.words):  # an account for a child is no simple account
        found -= {_SHOWN["simple"], _SHOWN["expert"]}
    return found


def _formats(read: Reading) -> set[str]:
    found = set()
    for place, word in enumerate(read.words):
        if word in _FORMATS and place:
            lead = " ".join(read.words[max(0, place - 5) : place + 1])
            if _LEADS.search(lead):
                found.add(_FORMATS[word])
        elif (
            word in _LANGUAGES
            and read.word(place - 1) in _IN
            and _ABOUT_WORDS.isdisjoint(read.words)
        ):
            found.add(f"in {ALIASES.get(word, word)}")
    return found


def _asked(read: Reading) -> set[str]:
    """Which question it is: only where the question word begins a clause of its own."""
    asked: set[str] = set()
    for place, word in enumerate(read.words):
        if word in _QUESTION_WORDS:
            asked |= _asked_at(read, place, word)
    return asked


def _asked_at(read: Reading, place: int, word: str) -> AbstractSet[str]:
    after, before = read.word(place + 1), read.word(place - 1)
    clause = before in _CLAUSE or (before == "me" and read.word(place - 2) in _TOLD)
    if word == "how":
        return {_WHY} if after == "come" else {_how(after, read.word(place + 2))}
    if word == _WHY:
        return {_WHY}
    if word == "what":
        return {_WHEN} if after in ("time", "date", "day", "year") else set()
    if word in (_WHEN, _WHERE):
        # Where one can do a thing is how to do it.
        does = word == _WHERE and (after == "to" or read.word(place + 2) in _ONE)
        return ({word, "how"} if does else {word}) if clause or after in _ASKING else set()
    return {_WHO} if place == 0 or clause else set()


def _how(after: str, counted: str) -> str:
    if after in ("much", "many") and counted in _COUNTED:
        return _COUNTED[counted]
    return _HOW_MANY.get(after, "how")


def _modal(read: Reading) -> frozenset[str]:
    """Whether one can, should or must: in questions for yes or no, and nowhere else."""
    words = read.words
    if words and words[0] in _MODALS:
        return frozenset({_MODALS[words[0]]})
    if words and words[0] in ("do", "does", "is", "am", "are", "will"):
        pairs = set(pairwise(words[1:7]))
        if pairs & _OBLIGED:
            return frozenset({"must"})
        if pairs & _ABLE:
            return frozenset({"can"})
    return frozenset()


def _read(read: Reading) -> Form:
    wanted = set() if _WANTING.isdisjoint(read.words) else _lengths(read)
    asked: set[str] = set()
    for question in _asked(read):
        asked |= _ALIKE.get(question, {question})
    return Form(
        wanted=frozenset(wanted | _formats(read)),
        asked=frozenset(asked),
        task=frozenset(_TASKS[word] for word in read.words[:_TASK_PLACES] if word in _TASKS),
        modal=_modal(read),
    )


def _differ(mine: Form, theirs: Form) -> str | None:
    return (
        contrast(sorted(mine.wanted - theirs.wanted), sorted(theirs.wanted - mine.wanted))
        or rivals(mine.asked, theirs.asked)
        or rivals(mine.task, theirs.task)
        or rivals(mine.modal, theirs.modal)
    )


FORMS: Guard[Form] = Guard(Reason.FORM_DIFFERS, _read, _differ)
