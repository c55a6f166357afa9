"""How well the rule for blocked questions tells what was blocked from what was not.

`python -m benchmarks.blocking` prints the table that stands in docs/negative.md, and with
`--wrong` the cases that the rule gets wrong. A test holds the table.
"""
