"""Tables in Markdown from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.answers.bounding import Part, Run
from benchmarks.answers.contrast import KINDS
from benchmarks.answers.measured import SHOWN, TUNED, Contrast, Point
from benchmarks.answers.replayed import WRONG, Streamed
from benchmarks.answers.streams import Replay

Cells = Sequence[str]


def table(head: Cells, rows: Sequence[Cells]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main_table(contrasts: Sequence[Contrast], streams: Mapping[str, Sequence[Streamed]]) -> str:
    """A line per row and operating point, over the contrast set and every stream."""
    points = {point.name: (row, point) for row in contrasts for point in row.own}
    replays = {
        name: {point: one for row in rows for point, one in row.own.items()}
        for name, rows in streams.items()
    }
    names = dict.fromkeys([*points, *(name for one in replays.values() for name in one)])
    head = ["row", "false accepts", "paraphrase hits"]
    head += [f"{stream}: {what}" for stream in streams for what in ("hits", "wrong", "wrong/hit")]
    return table(
        head,
        [
            [
                name,
                *(_shares(points[name][1]) if name in points else ("", "")),
                *(cell for one in replays.values() for cell in _replay(one.get(name))),
            ]
            for name in names
        ],
    )


def ranking_table(contrasts: Sequence[Contrast]) -> str:
    """AUC of each row's scores, and what thresholds chosen on the other split accept."""
    head = ["row", "AUC", "short", "long"]
    for point in contrasts[0].tuned:
        share = point.name.rpartition(", ")[2]
        head += [f"{share}: threshold", "false accepts", "hits", "hits, short", "hits, long"]
    rows = []
    for row in contrasts:
        cells = [row.row.name, *(f"{one:.3f}" for one in (row.auc, row.auc_short, row.auc_long))]
        for point in row.tuned:
            cells += [f"{point.threshold:.3f}", *_shares(point)]
            cells += [str(point.short[1]), str(point.long[1])]
        rows.append(cells)
    return table(head, rows)


def kind_table(points: Sequence[Point]) -> str:
    """False accepts by kind and length, and hits by length."""
    head = ["", f"in {SHOWN}", *(point.name for point in points)]
    rows = [
        [kind, str(points[0].kinds[kind].of), *(str(point.kinds[kind]) for point in points)]
        for kind in KINDS
    ]
    for length in ("short", "long"):
        for index, what in enumerate(("near-misses", "paraphrases")):
            shares = [(point.short if length == "short" else point.long)[index] for point in points]
            rows.append([f"**{length} {what}**", str(shares[0].of), *map(str, shares)])
    return table(head, rows)


def band_table(contrasts: Sequence[Contrast]) -> str:
    """AUC of each row among pairs of about the same cosine."""
    head = ["cosine", "near-misses", "paraphrases", *(f"AUC: {row.row.name}" for row in contrasts)]
    rows = []
    for bands in zip(*(row.bands for row in contrasts), strict=True):
        low, high = bands[0].cosines
        label = f"under {high:g}" if low < 0 else f"from {low:g}"
        aucs = ["-" if one.auc is None else f"{one.auc:.3f}" for one in bands]
        rows.append([label, str(bands[0].others), str(bands[0].same), *aucs])
    return table(head, rows)


def stream_table(streams: Mapping[str, Sequence[Streamed]]) -> str:
    """The most hits that each row's curve has under a common rate of wrong answers."""
    names = dict.fromkeys(row.name for rows in streams.values() for row in rows)
    found = {(name, row.name): row.hits_at_wrong for name, rows in streams.items() for row in rows}
    return table(
        [f"hits at {WRONG:.0%} wrong answers per request", *streams],
        [[name, *(f"{found[stream, name]:.1%}" for stream in streams)] for name in names],
    )


def bound_table(
    runs: Mapping[tuple[str, float], Sequence[Run]],
    published: Mapping[str, Sequence[Replay]] | None = None,
    bounds: Sequence[float] = (),
) -> str:
    """Each stream at each error bound; with `published`, the per-entry rule's hits beside it.

    A run holds the bound if the share of its hits that were wrong is not above it, as one without
    hits does. The per-entry rule stands at the same nominal bound, and where its curve over
    `bounds`, drawn from (0, 0), has as many wrong answers per hit as there were of ours.
    """
    head = ["stream", "bound", "held", "held since the change", "hits", "wrong/hit"]
    head += ["wrong/hit since the change", "audits/hit"]
    if published:
        head += ["per-entry rule: hits", "wrong/hit", "hits at our wrong/hit"]
    rows = []
    for (stream, bound), done in runs.items():
        whole, changed = (
            Part.sum([one.whole for one in done]),
            Part.sum([one.changed for one in done]),
        )
        cells = [stream, f"{bound:g}"]
        cells += [f"{sum(one.whole.holds(bound) for one in done) / len(done):.0%}"]
        cells += [f"{sum(one.changed.holds(bound) for one in done) / len(done):.0%}"]
        cells += [f"{whole.hits / max(1, whole.requests):.1%}", f"{whole.wrong_per_hit:.2%}"]
        cells += [f"{changed.wrong_per_hit:.2%}", f"{whole.audits / max(1, whole.hits):.1%}"]
        if published:
            same = published[stream][list(bounds).index(bound)]
            curve = sorted((one.wrong_per_hit, one.hit_rate) for one in published[stream])
            at_ours = np.interp(whole.wrong_per_hit, *zip((0.0, 0.0), *curve, strict=True))
            cells += [f"{same.hit_rate:.1%}", f"{same.wrong_per_hit:.2%}", f"{at_ours:.1%}"]
        rows.append(cells)
    return table(head, rows)


def shortcut_table(aucs: Mapping[str, Mapping[str, float]]) -> str:
    """AUC of what looks at no meaning, by part of the set."""
    head = ["AUC over all splits", *next(iter(aucs.values()))]
    return table(
        head, [[name, *(f"{one:.2f}" for one in row.values())] for name, row in aucs.items()]
    )


def page(facts: Cells, sections: Sequence[tuple[str, str]]) -> str:
    """The whole of RESULTS.md."""
    intro = f"""# Right answers, measured

Written by `python -m benchmarks.answers`. What is measured, and how, is in [README.md](README.md).
False accepts are near-misses that a row serves, paraphrase hits are paraphrases that it serves,
both on the contrast set's `{SHOWN}` split; "wrong" is wrong answers per request, and "{TUNED}" says
that a threshold was chosen on that split. A number behind a name is the `similarity_threshold`.
"""
    listed = "\n".join(f"- {fact}" for fact in facts)
    return "\n".join([intro, listed, *(f"\n## {head}\n\n{body}" for head, body in sections), ""])


def _shares(point: Point) -> tuple[str, str]:
    return str(point.false_accepts), str(point.hits)


def _replay(one: Replay | None) -> tuple[str, str, str]:
    if one is None:
        return "", "", ""
    return f"{one.hit_rate:.1%}", f"{one.wrong_rate:.2%}", f"{one.wrong_per_hit:.1%}"
