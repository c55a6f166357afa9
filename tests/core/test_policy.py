from __future__ import annotations

from typing import Any

import pytest

from cacheback.core.policy import NEVER, Ruling, rule
from cacheback.models import Controls, Mode, Reason, Request


def ruled(*limits: Reason, mode: Mode = "default", enabled: bool = True, **rest: Any) -> Ruling:
    limit = rest.pop("exact_above_temperature", None)
    request = Request("q", limits=limits, controls=Controls(mode=mode), **rest)
    return rule(request, enabled=enabled, exact_above_temperature=limit)


def test_a_plain_question_may_be_answered_and_kept() -> None:
    assert ruled() == Ruling(recall=True, semantic=True, keep=True, call=True)


@pytest.mark.parametrize(
    "limit",
    [
        Reason.TOOLS_EXACT_ONLY,
        Reason.STRUCTURED_EXACT_ONLY,
        Reason.CHOICES_EXACT_ONLY,
        Reason.LOGPROBS_EXACT_ONLY,
        Reason.EMBEDDING_EXACT_ONLY,
        Reason.NO_QUESTION,
    ],
)
def test_exact_is_exact(limit: Reason) -> None:
    ruling = ruled(limit)
    assert ruling == Ruling(recall=True, semantic=False, keep=True, call=True, reason=limit)


@pytest.mark.parametrize("limit", sorted(NEVER))
def test_what_is_never_cached(limit: Reason) -> None:
    ruling = ruled(Reason.TOOLS_EXACT_ONLY, limit)
    assert ruling == Ruling(recall=False, semantic=False, keep=False, call=True, reason=limit)


def test_in_shadow_memory_is_asked_as_ever() -> None:
    assert ruled(mode="shadow") == ruled()


def test_modes() -> None:
    bypass, refresh, only = (ruled(mode=m) for m in ("bypass", "refresh", "only-if-cached"))
    assert (bypass.recall, bypass.keep, bypass.call) == (False, False, True)
    assert (refresh.recall, refresh.semantic, refresh.keep) == (False, True, True)
    assert (only.recall, only.call) == (True, False)


@pytest.mark.parametrize("mode", ["default", "refresh", "only-if-cached"])
def test_what_was_called_wrong_is_not_recalled(mode: Mode) -> None:
    request = Request("q", controls=Controls(mode=mode, feedback="wrong"))
    ruling = rule(request, enabled=True, exact_above_temperature=None)
    assert (ruling.recall, ruling.keep) == (False, True)
    assert ruling.call is (mode != "only-if-cached")
    assert ruling.reason is Reason.REPORTED_WRONG


def test_what_was_called_right_is_a_request_like_any_other() -> None:
    request = Request("q", controls=Controls(feedback="right"))
    assert rule(request, enabled=True, exact_above_temperature=None) == ruled()


def test_a_disabled_cache_only_calls() -> None:
    ruling = ruled(enabled=False)
    assert (ruling.recall, ruling.keep, ruling.reason) == (False, False, Reason.DISABLED)


@pytest.mark.parametrize(
    ("temperature", "semantic"), [(None, True), (0.7, True), (0.71, False), (2, False)]
)
def test_wide_sampling_can_be_made_exact_only(temperature: float | None, semantic: bool) -> None:
    ruling = ruled(temperature=temperature, exact_above_temperature=0.7)
    assert ruling.semantic is semantic
    assert ruling.reason is (None if semantic else Reason.SAMPLING_EXACT_ONLY)
    assert ruled(temperature=temperature).semantic
