"""The provider that plays all three models where there is no key: it proves the harness only.

It knows the questions, answers most of them well, and errs now and then on purpose, so that no
score comes out perfect and none comes out empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cacheback.cli.cas.cases import Case
from cacheback.cli.cas.scoring import BEST
from cacheback.core.synthesis import CITING, REFUSAL
from cacheback.testing.loopback import Call

SMALL, LARGE, JUDGE = "scripted-small", "scripted-large", "scripted-judge"

# Every so many questions one is answered wrongly, or refused in error.
_WRONG_DIRECT, _WRONG_SMALL, _TIMID = 10, 9, 11
_QUOTED = re.compile(r"^(\d+ A|Q|A|FACT)\| (.*)$", re.MULTILINE)


class Script:
    """Answers the calls of a `ScriptedUpstream`; `cases` are the questions it knows."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._cases: Mapping[str, tuple[int, Case]] = {
            case.question: (number, case) for number, case in enumerate(cases)
        }

    def __call__(self, call: Call) -> str:
        asked = call.json["messages"][-1]["content"]
        model = call.json["model"]
        if model == LARGE:
            return self._direct(asked)
        return self._written(asked) if model == SMALL else _marked(asked)

    def _direct(self, question: str) -> str:
        number, case = self._cases[question]
        known = case.facts[1:] if number % _WRONG_DIRECT == 0 else case.facts
        return "This much is known: " + ", ".join(alternatives[0] for alternatives in known) + "."

    def _written(self, material: str) -> str:
        found = _QUOTED.findall(material)
        (question,) = (text for kind, text in found if kind == "Q")
        number, case = self._cases[question]
        sources = [text for kind, text in found if kind.endswith(" A")]
        if number % _WRONG_SMALL == 0:
            sources = sources[:1]
        elif not case.suffices or number % _TIMID == 0:
            return REFUSAL
        numbers = ", ".join(str(one) for one in range(1, len(sources) + 1))
        return f"{CITING} {numbers}\n" + " ".join(sources)


def _marked(material: str) -> str:
    """The share of the facts that are in the answer, as a mark."""
    found = _QUOTED.findall(material)
    said = " ".join(text for kind, text in found if kind == "A").casefold()
    facts = [text.casefold().split(" / ") for kind, text in found if kind == "FACT"]
    held = sum(any(one in said for one in alternatives) for alternatives in facts)
    return f"SCORE: {max(1, round(BEST * held / len(facts)))}"
