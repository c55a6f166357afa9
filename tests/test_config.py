from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cacheback import ConfigurationError, Settings
from cacheback.config import SettingKeywords


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("similarity_threshold", 1.2, "between 0 and 1"),
        ("similarity_threshold", "0.9", "a number"),
        ("similarity_threshold", math.nan, "between 0 and 1"),
        ("negative_threshold", -1, "between 0 and 1"),
        ("cache_ttl", -5, "None lets entries live for ever"),
        ("cache_max_entries", 0, "at least 1"),
        ("cache_max_entries", True, "a number"),
        ("candidates", 0, "between 1 and 1000"),
        ("hot_entries", -1, "at least 0"),
        ("lock_timeout", -0.1, "at least 0"),
        ("exact_above_temperature", -1, "at least 0"),
        ("scope", {"sytem": "ignore"}, "the parts are"),
        ("scope", {"system": "never"}, "'exact', 'ignore' or a function"),
    ],
)
def test_a_setting_that_cannot_work_names_the_remedy(name: str, value: Any, remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=remedy):
        Settings(**{name: value})


def test_keywords_and_settings_are_the_same() -> None:
    assert {one.name for one in fields(Settings)} == set(SettingKeywords.__annotations__)


def test_every_setting_is_documented() -> None:
    doc = Settings.__doc__ or ""
    for one in fields(Settings):
        assert f"{one.name}: " in doc or one.name == "__doc__"


def test_the_environment_is_read_under_what_is_given() -> None:
    environ = {
        "CACHEBACK_TTL": "60",
        "CACHEBACK_SIMILARITY_THRESHOLD": "0.8",
        "CACHEBACK_CACHE_ENABLED": "no",
        "CACHEBACK_CACHE_DIR": "/somewhere",
        "CACHEBACK_NAMESPACE": "",
    }
    settings = Settings.from_environment(environ, similarity_threshold=0.7, tenant=None)
    assert settings.cache_ttl == 60
    assert settings.similarity_threshold == 0.7
    assert settings.cache_enabled is False
    assert settings.namespace is None
    assert settings.directory == Path("/somewhere")


def test_a_lifetime_without_end_can_come_from_the_environment() -> None:
    assert Settings.from_environment({"CACHEBACK_TTL": "none"}).cache_ttl is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CACHEBACK_TTL", "soon"), ("CACHEBACK_CACHE_ENABLED", "maybe")],
)
def test_a_bad_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{variable}='{value}'"):
        Settings.from_environment({variable: value})


def test_memory_has_no_directory() -> None:
    assert Settings(cache_dir=":memory:").directory is None
    assert Settings(cache_dir="~/x").directory == Path.home() / "x"
