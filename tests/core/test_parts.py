"""A rule that fails is a miss; an argument that is no JSON is the caller's mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cacheback import InputError, SemanticCache


def fails(_: Any) -> Any:
    raise InputError("not this")


@pytest.mark.parametrize("rule", [lambda system: {system}, fails])
def test_a_rule_whose_value_is_no_json_is_a_counted_miss(
    make_cache: Callable[..., SemanticCache], rule: Callable[[Any], Any]
) -> None:
    cache = make_cache(scope={"system": rule})
    assert cache.lookup("How old is the sun?", scope={"system": "Be kind."}) is None
    assert cache.stats().faults == {"scope_failed": 1}


def test_a_part_that_is_no_json_is_the_callers_mistake(cache: SemanticCache) -> None:
    with pytest.raises(InputError, match="not JSON"):
        cache.lookup("How old is the sun?", scope={"system": {"a", "b"}})
    assert not cache.stats().faults
