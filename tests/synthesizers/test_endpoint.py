"""Where a synthesis model is, by its name, its address and the keys at hand."""

from __future__ import annotations

from typing import Any

import pytest

from cacheback import ConfigurationError
from cacheback.synthesizers.endpoint import ANTHROPIC, LOCAL, OPENAI, OPENROUTER, Endpoint, find

GEMINI = "google/gemini-2.0-flash-lite-001"
ROUTER = {"OPENROUTER_API_KEY": "or"}
OPEN = {"OPENAI_API_KEY": "oa"}
ANTHRO = {"ANTHROPIC_API_KEY": "an"}
ALL = ROUTER | OPEN | ANTHRO
THERE = "https://gateway.example/v1"


@pytest.mark.parametrize(
    ("model", "given", "keys", "expected"),
    [
        (GEMINI, {}, ALL, ("openai", OPENROUTER, GEMINI, "or", "openrouter")),
        (GEMINI, {"api_key": "mine"}, {}, ("openai", OPENROUTER, GEMINI, "mine", "openrouter")),
        ("gpt-4.1-nano", {}, ALL, ("openai", OPENAI, "gpt-4.1-nano", "oa", "openai")),
        ("gpt-4.1-nano", {"api_key": "m"}, ALL, ("openai", OPENAI, "gpt-4.1-nano", "m", "openai")),
        ("openai/gpt-4o", {}, OPEN, ("openai", OPENAI, "gpt-4o", "oa", "openai")),
        ("openai/gpt-4o", {}, ALL, ("openai", OPENROUTER, "openai/gpt-4o", "or", "openrouter")),
        ("anthropic/c", {}, ALL, ("anthropic", ANTHROPIC, "c", "an", "anthropic")),
        ("claude-c", {"api_key": "m"}, {}, ("anthropic", ANTHROPIC, "claude-c", "m", "anthropic")),
        ("local/llama", {}, {}, ("openai", LOCAL, "llama", None, None)),
        (
            "local/llama",
            {"base_url": "http://127.0.0.1:11434/v1"},
            ALL,
            ("openai", "http://127.0.0.1:11434/v1", "llama", None, None),
        ),
        (GEMINI, {"base_url": THERE}, ALL, ("openai", THERE, GEMINI, "oa", None)),
        (
            GEMINI,
            {"base_url": "https://openrouter.ai/api/v1/"},
            ALL,
            ("openai", "https://openrouter.ai/api/v1/", GEMINI, "or", "openrouter"),
        ),
        (GEMINI, {"base_url": LOCAL}, {}, ("openai", LOCAL, GEMINI, None, None)),
        ("claude-c", {"base_url": LOCAL}, {}, ("anthropic", LOCAL, "claude-c", None, "anthropic")),
    ],
)
def test_where_it_is(model: str, given: Any, keys: Any, expected: Any) -> None:
    found = find(model, given.get("base_url"), given.get("api_key"), keys)
    dialect, url, name, key, provider = expected
    assert found == Endpoint(dialect, url, name, key, provider, free=model.startswith("local/"))


@pytest.mark.parametrize(
    ("model", "base_url", "keys", "remedy"),
    [
        (GEMINI, None, {}, "OPENROUTER_API_KEY"),
        (GEMINI, None, ANTHRO, "OPENROUTER_API_KEY"),
        (GEMINI, None, OPEN, "gpt-4.1-nano"),
        ("gpt-4.1-nano", None, {}, "OPENAI_API_KEY"),
        ("claude-c", None, ROUTER | OPEN, "ANTHROPIC_API_KEY"),
        # A key of OpenRouter's goes nowhere else.
        (GEMINI, THERE, ROUTER, "OPENAI_API_KEY"),
    ],
)
def test_no_key(model: str, base_url: str | None, keys: Any, remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=remedy):
        find(model, base_url, None, keys)


def test_a_key_is_not_printed() -> None:
    assert "secret" not in repr(find(GEMINI, None, "secret", {}))


@pytest.mark.parametrize(
    ("model", "base_url", "api_key", "remedy"),
    [
        ("", None, "key", "must name a model"),
        ("local/", None, None, "must name a model"),
        ("local/small", "not an address", None, "such as http://"),
        ("local/small", "localhost:8080/v1", None, "such as http://"),
        ("local/small", "file:///tmp", None, "such as http://"),
        ("small", "http://[::1", "key", "such as http://"),
        ("small", "http://here:99999999", "key", "such as http://"),
        ("small", THERE, "secret\n", "the end of a line"),
        ("small", THERE, "secret…", "the end of a line"),
    ],
)
def test_what_could_never_be_called(
    model: str, base_url: str | None, api_key: str | None, remedy: str
) -> None:
    with pytest.raises(ConfigurationError, match=remedy) as raised:
        find(model, base_url, api_key, {})
    assert "secret" not in str(raised.value)
