"""Pairs of questions from frames: the same meaning said in two ways, or one thing changed.

A frame (`frames.txt`) has asks (what is wanted of the thing: each with templates that mean the
same) and slots (each with values that mean different things; each value with aliases that mean the
same). A meaning is a frame, an ask and a value per slot. Rendering picks a template and aliases.
A near-miss is a meaning with one slot, the ask, or the order of two slots changed. Same and other
pairs are rendered at the same three distances, so that counting words does not tell them apart.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

_FILE = Path(__file__).with_name("frames.txt")
_NONE = -1  # a context that is not there
_GERUNDS = {"be": "being", "lie": "lying", "die": "dying", "see": "seeing", "flee": "fleeing"}
_DOUBLED = {
    "get", "put", "cut", "set", "let", "run", "stop", "plan", "drop", "quit", "swap", "rip", "fit",
    "ship", "wrap", "trim", "wipe off", "shut", "crop", "scrub", "beg", "pin", "slim", "chat",
    "sit", "win", "bar",
}  # fmt: skip


@dataclass(frozen=True)
class Slot:
    kind: str
    values: tuple[tuple[str, ...], ...]


@dataclass
class Frame:
    name: str
    asks: dict[str, list[str]] = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    swap: tuple[str, str] | None = None
    tie: tuple[str, str] | None = None
    verb_phrase: str = ""


@dataclass(frozen=True)
class Meaning:
    frame: Frame
    ask: str
    values: Mapping[str, int]


@dataclass(frozen=True)
class Wording:
    template: int
    aliases: Mapping[str, int]


def load() -> list[Frame]:
    frames: list[Frame] = []
    shared: dict[str, list[str]] = {}
    asking: list[str] | None = None
    for line in map(str.strip, _FILE.read_text(encoding="utf-8").splitlines()):
        word, _, rest = line.partition(" ")
        if not line or line.startswith("#"):
            continue
        if word == "ask":
            asking = shared.setdefault(rest, [])
        elif word in ("do", "frame"):
            asking = None
            name, _, phrase = rest.partition(": ")
            frames.append(Frame(name, verb_phrase=phrase))
        elif asking is not None:
            asking.append(line)
        else:
            _extend(frames[-1], word, rest, shared)
    return frames


def _extend(frame: Frame, word: str, rest: str, shared: Mapping[str, list[str]]) -> None:
    if word == "asks":
        frame.asks = {name: shared[name] for name in rest.split()}
    elif word == "=":
        name, _, templates = rest.partition(": ")
        frame.asks[name] = [one.strip() for one in templates.split(" | ")]
    elif word in ("swap", "tie"):
        one, other = rest.split()
        setattr(frame, word, (one, other))
    else:
        kind, _, values = rest.partition(": ")
        parsed = tuple(
            tuple(alias.strip() for alias in value.split("|")) for value in values.split(" ; ")
        )
        frame.slots[word] = Slot(kind, parsed)


def gerund(phrase: str) -> str:
    verb, _, rest = phrase.partition(" ")
    if verb in _GERUNDS:
        form = _GERUNDS[verb]
    elif verb in _DOUBLED:
        form = verb + verb[-1] + "ing"
    elif verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        form = verb[:-1] + "ing"
    else:
        form = verb + "ing"
    return f"{form} {rest}".strip()


def meaning(frame: Frame, rng: random.Random) -> Meaning:
    values = {name: rng.randrange(len(slot.values)) for name, slot in frame.slots.items()}
    if "ctx" in values and rng.random() < 0.3:
        values["ctx"] = _NONE
    if frame.swap:
        one, other = frame.swap
        while values[one] == values[other]:
            values[other] = rng.randrange(len(frame.slots[other].values))
    if frame.tie:
        values[frame.tie[1]] = values[frame.tie[0]]
    return Meaning(frame, rng.choice(list(frame.asks)), values)


def near(given: Meaning, rng: random.Random) -> tuple[str, Meaning]:
    """In what it differs, and a meaning that does."""
    frame, values = given.frame, dict(given.values)
    tied = {frame.tie[1]} if frame.tie else set()
    choices = [name for name in frame.slots if name not in tied]
    if len(frame.asks) > 1:
        choices.append("")
    if frame.swap:
        choices += ["swap", "swap"]
    choice = rng.choice(choices)
    if choice == "":
        others = [ask for ask in frame.asks if ask != given.ask]
        return "aspect", replace(given, ask=rng.choice(others))
    if choice == "swap":
        one, other = frame.swap  # type: ignore[misc]
        values[one], values[other] = values[other], values[one]
        return "direction", replace(given, values=values)
    options = [index for index in range(len(frame.slots[choice].values)) if index != values[choice]]
    if choice == "ctx" and values[choice] != _NONE:
        options += [_NONE] * (1 + len(options) // 3)
    if frame.swap and choice in frame.swap:
        other = frame.swap[1 - frame.swap.index(choice)]
        options.remove(values[other])
    values[choice] = rng.choice(options)
    if frame.tie and choice == frame.tie[0]:
        values[frame.tie[1]] = values[choice]
    return frame.slots[choice].kind, replace(given, values=values)


def wording(given: Meaning, rng: random.Random) -> Wording:
    aliases = {
        name: rng.randrange(len(slot.values[max(0, given.values[name])]))
        for name, slot in given.frame.slots.items()
    }
    if given.frame.tie:
        aliases[given.frame.tie[1]] = aliases[given.frame.tie[0]]
    return Wording(rng.randrange(len(given.frame.asks[given.ask])), aliases)


def render(given: Meaning, way: Wording) -> str:
    frame = given.frame
    texts = {}
    for name, slot in frame.slots.items():
        value = given.values[name]
        aliases = slot.values[value]
        texts[name] = "" if value == _NONE else aliases[way.aliases[name] % len(aliases)]
    templates = frame.asks[given.ask]
    template = templates[way.template % len(templates)]
    if frame.verb_phrase:
        phrase = " ".join(frame.verb_phrase.format(**texts).split())
        texts["do"], texts["doing"] = phrase, gerund(phrase)
    text = " ".join(template.format(**texts).split())
    text = re.sub(r"\s+([?.,:!])", r"\1", text)
    return text[0].upper() + text[1:] if template[0].isupper() or template[0] == "{" else text


def reworded(given: Meaning, way: Wording, distance: str, rng: random.Random) -> Wording:
    """Another way to say `given`: `near` changes one alias or the template, `far` all it can."""
    fresh = wording(given, rng)
    if distance == "far":
        count = len(given.frame.asks[given.ask])
        if count > 1 and fresh.template % count == way.template % count:
            fresh = replace(fresh, template=(way.template + 1 + rng.randrange(count - 1)) % count)
        return fresh
    if distance == "middle":
        return (
            replace(way, template=fresh.template)
            if rng.random() < 0.5
            else replace(way, aliases=fresh.aliases)
        )
    several = [
        name
        for name, slot in given.frame.slots.items()
        if given.values[name] != _NONE and len(slot.values[given.values[name]]) > 1
    ]
    if not several or rng.random() < 0.3:
        return replace(way, template=fresh.template)
    name = rng.choice(several)
    count = len(given.frame.slots[name].values[given.values[name]])
    return replace(way, aliases={**way.aliases, name: (way.aliases[name] + 1) % count})


def pair(frame: Frame, rng: random.Random, *, same: bool) -> tuple[str, str]:
    """Two texts with one answer, or with two."""
    one = meaning(frame, rng)
    way = wording(one, rng)
    distance = rng.choice(("near", "middle", "far"))
    kind, other = ("paraphrase", one) if same else near(one, rng)
    while not same and render(other, way) == render(one, way):  # the slot is not in the template
        kind, other = near(one, rng)
    if same:
        new = reworded(one, way, distance, rng)
    elif distance == "near" or (kind == "aspect" and distance == "middle"):
        new = way
    else:
        new = reworded(other, way, distance, rng)
    return render(one, way), render(other, new)
