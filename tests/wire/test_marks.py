from __future__ import annotations

from types import SimpleNamespace

from cacheback.models import Answer, Entry, Outcome, Reason, Saved, Tier, Verdict
from cacheback.wire.marks import Info, headers, info, marks

ENTRY = Entry(7, "q", "d", "s", Answer("a"), 0.0, None, 0.0)
HIT = Outcome(
    Answer("a"),
    Tier.SEMANTIC,
    Verdict(True, Reason.ABOVE_THRESHOLD),
    0.94567,
    ENTRY,
    12.4,
    Saved(10, 0.5, 2.0),
)
MISS = Outcome(None, Tier.UPSTREAM, Verdict(False, Reason.BELOW_THRESHOLD, "0.7 < 0.92"), 0.7)


def test_what_is_marked_can_be_read() -> None:
    expected = Info(
        hit=True,
        synthesized=False,
        tier=Tier.SEMANTIC,
        reason=Reason.ABOVE_THRESHOLD,
        similarity=0.94567,
        entry=7,
        age=12.4,
        saved=Saved(10, 0.5, 2.0),
    )
    assert info(marks(HIT)) == expected
    assert info(SimpleNamespace(**marks(HIT))) == expected


def test_a_miss_says_so() -> None:
    assert marks(MISS)["cacheback_hit"] is False
    told = info(marks(MISS))
    assert told is not None
    assert not told.hit
    assert told.detail == "0.7 < 0.92"


def test_other_objects_have_nothing_to_tell() -> None:
    assert info({}) is None
    assert info(object()) is None
    assert info(SimpleNamespace(cacheback="something else")) is None


def test_headers_of_a_hit_and_of_a_miss() -> None:
    assert dict(headers(HIT)) == {
        "X-Cacheback-Hit": "true",
        "X-Cacheback-Synthesized": "false",
        "X-Cacheback-Tier": "semantic",
        "X-Cacheback-Reason": "above_threshold",
        "X-Cacheback-Similarity": "0.9457",
        "X-Cacheback-Age": "12",
    }
    assert "X-Cacheback-Age" not in dict(headers(MISS))
