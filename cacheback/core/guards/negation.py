"""Not, never, without, un-: how often a text denies, and what."""

from __future__ import annotations

from typing import NamedTuple

from cacheback.core.guards.guard import Guard
from cacheback.core.guards.reading import Reading, stem
from cacheback.core.words import word_list, word_set
from cacheback.models import Reason

_DENIALS = word_set(
    "not no never without nor none nobody nothing nowhere neither unable nt non hardly barely "
    "scarcely lacking lacks unless except excluding"
)
# What may be said with or without a denial: "it failed" is "it did not go through".
_MAYBE = word_set(
    "fail fails failed failing failure broken missing refused refuses wrong denied stuck rejected "
    "declined cancelled canceled expired lost stopped pending still yet faulty down blocked frozen "
    "trouble troubles difficulty difficulties problem problems issue issues help find figure "
    "waiting "
    "instead different error errors stolen unhappy disappeared away yet forgot forgotten forget"
)
# Adjectives whose opposite is the word without its first syllable, and means "not" that word.
_DENYING_ADJECTIVES = word_list(
    """
unable unacceptable unaffordable unattractive unaware unavailable unbreakable uncertain unclear
uncomfortable uncommon unconfirmed uncooked undefined undesirable uneducated unemployed unencrypted
unequal unexpected unfair unfamiliar unfinished unfriendly unhappy unhealthy unhelpful unimportant
uninsured unintended unknown unlawful unlicensed unlikely unlimited unmarried unnecessary unofficial
unpaid unpleasant unpopular unpredictable unread unreadable unrealistic unreasonable unrecognised
unrecognized unregistered unrelated unreliable unsafe unsatisfied unsecured unseen unsigned unstable
unsuccessful unsuitable unsupported unsure untrue unused unusual unverified unwanted unwell
unauthorised unauthorized unapproved uninterested unripe unsalted unsweetened unopened unanswered
inaccessible inaccurate inactive inadequate inadmissible inappropriate incapable incompatible
incomplete inconsistent inconvenient incorrect incurable indirect inedible ineffective inefficient
ineligible inexpensive infertile infrequent inorganic insecure insignificant insoluble insufficient
invalid invisible involuntary
impatient imperfect impermissible impersonal impolite impossible impractical improbable improper
illegal illegible illegitimate illiterate illogical irrational irregular irrelevant irresponsible
irreversible dishonest disloyal disobedient disrespectful nonexistent nonfiction nonprofit
nonrefundable nonsmoking nonstop nontoxic nonverbal
"""
)
_PREFIXES = ("non", "dis", "un", "in", "im", "il", "ir")
_ROOTS = {
    word: word.removeprefix(next(prefix for prefix in _PREFIXES if word.startswith(prefix)))
    for word in _DENYING_ADJECTIVES
}
# Verbs that deny what follows as "-ing" or "from": stop paying, prevent it from starting.
_PREVENTING = word_set(
    "stop stops stopping prevent prevents preventing avoid avoids avoiding quit quits keep "
    "refrain block blocks"
)
_CEASED = frozenset({"stopped", "stops", "quit", "ceased"})
# Where a denial denies nothing: (words, where in them the denial stands).
_IDIOMS = (
    ("or", "not"),
    ("not", "only"),
    ("not", "just"),
    ("not", "merely"),
    ("not", "sure"),
    ("not", "certain"),
    ("do", "not", "know"),
    ("do", "not", "understand"),
    ("do", "not", "get", "how"),
    ("do", "not", "get", "why"),
    ("no", "idea"),
    ("not", "to", "mention"),
    ("no", "matter"),
    ("no", "problem"),
    ("no", "doubt"),
    ("why", "not"),
    ("if", "not"),
    ("or", "no"),
    ("never", "mind"),
    ("do", "not", "forget"),
    ("not", "figure", "out"),
    ("not", "find"),
    ("not", "wait"),
    ("not", "exactly"),
    ("no", "good"),
    ("do", "not", "worry"),
)
_BY_FIRST: dict[str, list[tuple[str, ...]]] = {}
for _idiom in _IDIOMS:
    _BY_FIRST.setdefault(_idiom[0], []).append(_idiom)
_PASSED_OVER = word_set(
    "a an the to be been being have has had do does did is am are was were get got any my your "
    "this that it i you we they he she able longer really very so yet even actually"
)
_AUXILIARIES = word_set(
    "is are am was were do does did have has had can could will would should must"
)


class Denials(NamedTuple):
    """Denied so many `times`, `maybe` more by words that can be said instead; what is denied.

    `contrasts`: one thing is denied and another is not. `tells`: a story of several sentences.
    """

    times: int
    maybe: frozenset[str]
    denied: frozenset[str]
    stems: frozenset[str]
    contrasts: bool
    tells: bool


def _in_idiom(words: tuple[str, ...], place: int) -> bool:
    for start in range(max(0, place - 2), place + 1):
        for idiom in _BY_FIRST.get(words[start], ()):
            if place < start + len(idiom) and words[start : start + len(idiom)] == idiom:
                return True
    return False


def _is_tag(words: tuple[str, ...], place: int) -> bool:
    """…, isn't it?"""
    return (
        place >= 2  # noqa: PLR2004
        and words[place - 1] in _AUXILIARIES
        and words[place - 2] == ","
        and len(words[place:]) <= len(("not", "it", "?"))
    )


def _prevents(words: tuple[str, ...], place: int) -> bool:
    word, after = words[place], words[place + 1 : place + 5]
    if word in ("keep", "block", "blocks"):
        return "from" in after
    if word == "not" or not after:
        return False
    return word.startswith(("avoid", "prevent")) or after[0].endswith("ing") or "from" in after


def _denied(words: tuple[str, ...], place: int) -> str:
    for word in words[place + 1 : place + 5]:
        if word.isalpha() and word not in _PASSED_OVER:
            return stem(_ROOTS.get(word, word))
    return ""


def _read(read: Reading) -> Denials:
    words = read.words
    count = 0
    denied: set[str] = set()
    for place, word in enumerate(words):
        if word in _ROOTS:
            count += 1
            denied.add(stem(_ROOTS[word]))
        elif word in _DENIALS:
            if not (_in_idiom(words, place) or _is_tag(words, place)):
                # "neither … nor" and "not … any longer" deny once
                count += not (word == "nor" and "neither" in words)
                denied.add(_denied(words, place))
        elif (word in _PREVENTING and _prevents(words, place)) or (
            word in _CEASED and read.word(place + 1).endswith("ing")
        ):
            count += 1
            denied.add(_denied(words, place))
    stems = frozenset([stem(_ROOTS.get(word, word)) for word in words])
    return Denials(
        count,
        _MAYBE & frozenset(words),
        frozenset(denied) - {""},
        stems,
        contrasts="but" in words or "and" in words,
        tells=sum(token.kind == "stop" for token in read.tokens) > 1,
    )


def _differ(mine: Denials, theirs: Denials) -> str | None:
    story = mine.tells and theirs.tells and mine.times and theirs.times
    surplus = mine.times - theirs.times
    instead = (theirs.maybe - mine.maybe) if surplus > 0 else (mine.maybe - theirs.maybe)
    if not story and abs(surplus) > len(instead):
        more, fewer = ("now", "then") if surplus > 0 else ("then", "now")
        what = ", ".join(sorted((mine if more == "now" else theirs).denied)) or "something"
        return f"denied {more}, not {fewer}: {what}"
    # "I can pay but not withdraw" against "I can withdraw but not pay"
    swapped = mine.denied - theirs.denied and theirs.denied - mine.denied
    if (
        swapped
        and mine.contrasts
        and theirs.contrasts
        and mine.denied <= theirs.stems
        and theirs.denied <= mine.stems
    ):
        return f"{', '.join(sorted(mine.denied))} ≠ {', '.join(sorted(theirs.denied))} is denied"
    return None


NEGATION: Guard[Denials] = Guard(Reason.NEGATION_DIFFERS, _read, _differ)
