"""The questions: each with its cached neighbours, and the facts that a right answer contains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cacheback.core.synthesis import Source
from cacheback.errors import ConfigurationError, InputError
from cacheback.models import JSON

# In a checkout and in the source distribution; a wheel is kept small.
_CHECKOUT = Path(__file__).parents[3] / "benchmarks" / "cas" / "questions"


@dataclass(frozen=True, slots=True)
class Case:
    """A question of a domain. `suffices`: the neighbours hold all that a right answer needs.

    Of each of the `facts` one alternative must be in the answer.
    """

    domain: str
    question: str
    suffices: bool
    facts: tuple[tuple[str, ...], ...]
    neighbours: tuple[Source, ...]


def load(directory: Path | None = None) -> list[Case]:
    """The questions in a directory, a JSON file for each domain; by default those of the checkout.

    Raises:
        ConfigurationError: there are none.
        InputError: a file cannot be read.
    """
    files = sorted((directory or _CHECKOUT).glob("*.json"))
    if not files:
        raise ConfigurationError(
            f"there are no questions in {directory or _CHECKOUT}; they come with the source, not"
            " with the wheel: name the folder benchmarks/cas/questions of a checkout with"
            " --questions"
        )
    return [case for file in files for case in _read(file)]


def _read(file: Path) -> Iterator[Case]:
    try:
        for one in json.loads(file.read_text("utf-8")):
            yield _case(file.stem, one)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} holds no questions as we know them: {error!r}") from error


def _case(domain: str, given: JSON) -> Case:
    return Case(
        domain=domain,
        question=given["question"],
        suffices=given["suffices"],
        facts=tuple(tuple(alternatives) for alternatives in given["facts"]),
        neighbours=tuple(Source(one["question"], one["answer"]) for one in given["neighbours"]),
    )
