"""The command: the table, and what the rule gets wrong."""

from __future__ import annotations

import sys

from benchmarks.blocking.rules import RULES, SHIPPED, load, measured, table, wrong
from cacheback.embedders.minilm import MiniLM

if __name__ == "__main__":
    cases = measured(load(), MiniLM())
    print(table(cases))
    if "--wrong" in sys.argv:
        for case in wrong(cases, RULES[SHIPPED]):
            said = "missed " if case.wanted else "blocked"
            print(f"{said} {case.similarity:.3f} {case.question!r} | {case.pattern!r}")
