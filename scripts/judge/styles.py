"""How people type: politeness, lost capitals, typos, key words, and much around the question."""

from __future__ import annotations

import random
import re

_OPENINGS = (
    "Hi, ", "Hello! ", "Quick question: ", "Please tell me: ", "Sorry if this was asked before. ",
    "Hey, ", "I was wondering: ", "Hi there. ", "One thing I'd like to know: ", "So, ",
    "Out of curiosity: ", "Just asking: ", "ok ", "Good morning. ", "Dear all, ", "Tell me, ",
)  # fmt: skip
_CLOSINGS = (
    " Thanks!", " Thank you in advance.", " please", " Cheers", " Any help is appreciated.", " thx",
    " Just a short answer please.", " I need to know soon.", " Best regards", " Please be precise.",
)  # fmt: skip
_SHORTER = (
    ("I am ", "I'm "), ("is not", "isn't"), ("do not", "don't"), ("does not", "doesn't"),
    ("cannot", "can't"), ("What is ", "What's "), ("I would ", "I'd "), ("are not", "aren't"),
    ("should not", "shouldn't"), ("How is ", "How's "), ("Where is ", "Where's "),
    ("will not", "won't"), ("Who is ", "Who's "), ("I have ", "I've "), ("must not", "mustn't"),
)  # fmt: skip
_NEUTRAL = (
    ("How do I ", "How can I "), ("How do I ", "How do you "), ("my ", "our "), ("the ", "a "),
    ("What is ", "Tell me what is "), ("Can I ", "Could I "), ("How much ", "Roughly how much "),
    ("a ", "the "), ("?", ""), ("?", "??"), ("?", " ?"), (", ", " "), ("When ", "When exactly "),
    ("people", "folks"), ("need to", "have to"), ("big", "large"), ("get ", "obtain "),
    ("fix ", "repair "), ("buy ", "purchase "), ("start ", "begin "), ("Should I", "Ought I to"),
    ("help me", "assist me"), ("quickly", "fast"), ("kids", "children"), ("job", "position"),
    ("often", "frequently"), ("allowed", "permitted"), ("phone", "mobile phone"), ("car", "auto"),
    ("movie", "film"), ("maximum", "max"), ("minimum", "min"), ("without", "w/o"),
    ("with ", "w/ "), (" and ", " & "), ("because", "since"), ("difference", "distinction"),
)  # fmt: skip
_STOP = set(
    "a an the is are am be do does did i i'm i'd i've to of my me it its it's this that you your "
    "please tell what's there will would could can for in on at".split()
)
_KEEP = set("for in on at to of can".split())  # dropped now and then only: they may carry meaning


def neutral(text: str, rng: random.Random) -> str:
    """One or two words less, more or others, and no other meaning."""
    options = [(a, b) for a, b in (*_SHORTER, *_NEUTRAL) if a in text]
    for old, new in rng.sample(options, min(len(options), rng.choice((1, 1, 2)))):
        text = re.sub(
            r"(?<!\w)" + re.escape(old) if old[0].isalpha() else re.escape(old),
            lambda _, new=new: new,
            text,
            count=1,
        )
    return text


def typo(text: str, rng: random.Random) -> str:
    words = text.split()
    long = [i for i, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    for i in rng.sample(long, min(len(long), rng.choice((1, 1, 2)))):
        word = words[i]
        at = rng.randrange(1, len(word) - 1)
        words[i] = rng.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            )
        )
    return " ".join(words)


def keywords(text: str, rng: random.Random) -> str:
    words = re.sub(r"[?.!,:\"]+(\s|$)", r"\1", text.lower()).split()
    kept = [word for word in words if word not in _STOP or (word in _KEEP and rng.random() < 0.6)]
    return " ".join(kept or words)


def styled(text: str, rng: random.Random) -> str:
    """The text as somebody may type it."""
    roll = rng.random()
    if roll < 0.45:
        return text
    if roll < 0.58:
        return neutral(text, rng)
    if roll < 0.66:
        text = rng.choice(_OPENINGS) + text
    elif roll < 0.72:
        text += rng.choice(_CLOSINGS)
    elif roll < 0.80:
        return text.lower().rstrip("?.!")
    elif roll < 0.89:
        text = typo(text, rng)
        return text.lower() if rng.random() < 0.4 else text
    elif roll < 0.96:
        return keywords(text, rng)
    return text.rstrip("?.!") if rng.random() < 0.5 else text + "?"
