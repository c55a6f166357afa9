from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cacheback import ConfigurationError, SemanticCache, Settings
from cacheback.config import SettingKeywords, provider_keys
from cacheback.judges import GuardedThreshold
from cacheback.synthesizers.endpoint import KEYS


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("similarity_threshold", 1.2, "between 0 and 1"),
        ("similarity_threshold", "0.9", "a number"),
        ("similarity_threshold", math.nan, "between 0 and 1"),
        ("negative_threshold", -1, "between 0 and 1"),
        ("cache_ttl", -5, "None lets entries live for ever"),
        ("cache_dir", "", "it must be a directory"),
        ("cache_dir", None, "it must be a directory"),
        ("cache_enabled", "no", "True or False"),
        ("namespace", 5, "a text or None"),
        ("tenant", 5, "a text or None"),
        ("cache_max_entries", 0, "at least 1"),
        ("cache_max_entries", True, "a number"),
        ("candidates", 0, "between 1 and 1000"),
        ("hot_entries", -1, "at least 0"),
        ("lock_timeout", -0.1, "at least 0"),
        ("exact_above_temperature", -1, "at least 0"),
        ("synthesis_mode", "on", "off, auto, always"),
        ("synthesis_threshold", 80, "between 0 and 1"),
        ("synthesis_top_k", 0, "between 1 and 50"),
        ("synthesis_timeout", -1, "between 0 and 3600"),
        ("synthesis_timeout", math.inf, "between 0 and 3600"),
        ("synthesis_scope", ("model", "tenant"), "provider, endpoint, model"),
        ("synthesis_scope", ("history",), "provider, endpoint, model"),
        ("synthesis_scope", "model", "provider, endpoint, model"),
        ("synthesis_scope", 5, "provider, endpoint, model"),
        ("synthesis_scope", [["model"]], "provider, endpoint, model"),
        ("synthesizer", "gpt-4.1-nano", "synthesis_model"),
        ("synthesis_prompt", 5, "a text or a function"),
        ("synthesis_prompt", "Answer well. SOURCES: or nothing.", "INSUFFICIENT"),
        ("synthesis_prompt", "Answer well, or say INSUFFICIENT.", "SOURCES:"),
        ("mode", "refresh", "'default' or 'shadow'"),
        ("mode", None, "'default' or 'shadow'"),
        ("max_error", 0, "no evidence can ever show"),
        ("max_error", 0.6, "between 0 and 0.5"),
        ("max_error", "1%", "a number"),
        ("judgements_kept", -1, "at least 0"),
        ("referee", "gpt-4.1-nano", "referee_model"),
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


class TestLearning:
    def test_the_environment(self) -> None:
        environ = {
            "CACHEBACK_MODE": "shadow",
            "CACHEBACK_MAX_ERROR": "0.02",
            "CACHEBACK_JUDGEMENTS_KEPT": "0",
            "CACHEBACK_REFEREE_MODEL": "local/small",
        }
        settings = Settings.from_environment(environ)
        assert (settings.mode, settings.max_error) == ("shadow", 0.02)
        assert (settings.judgements_kept, settings.referee_model) == (0, "local/small")
        assert Settings.from_environment({"CACHEBACK_MAX_ERROR": "none"}).max_error is None

    def test_a_referee_that_needs_a_key_says_so_at_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in KEYS:
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(ConfigurationError, match=r"referee_model='gpt-4.1-nano': set OPENR"):
            SemanticCache(":memory:", referee_model="gpt-4.1-nano")
        with pytest.raises(ConfigurationError, match=r"referee_model is ''"):
            SemanticCache(":memory:", referee_model="")
        with SemanticCache(":memory:", referee_model="gpt-4.1-nano", cache_enabled=False):
            pass


class TestSynthesis:
    def test_the_environment(self) -> None:
        environ = {
            "CACHEBACK_SYNTHESIS_MODE": "auto",
            "CACHEBACK_SYNTHESIS_MODEL": "local/llama",
            "CACHEBACK_SYNTHESIS_THRESHOLD": "0.85",
            "CACHEBACK_SYNTHESIS_TOP_K": "3",
            "CACHEBACK_SYNTHESIS_SCOPE": "model, system",
        }
        settings = Settings.from_environment(environ)
        assert (settings.synthesis_mode, settings.synthesis_model) == ("auto", "local/llama")
        assert (settings.synthesis_threshold, settings.synthesis_top_k) == (0.85, 3)
        assert settings.synthesis_scope == ("model", "system")

    def test_a_key_is_not_printed(self) -> None:
        assert "secret" not in repr(Settings(synthesis_model_api_key="secret"))

    def test_keys_of_the_environment(self) -> None:
        keys = provider_keys({"OPENAI_API_KEY": " k ", "OPENROUTER_API_KEY": "", "HOME": "x"})
        assert keys == {"OPENAI_API_KEY": "k"}

    def test_a_mode_that_needs_a_key_says_so_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in KEYS:
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(ConfigurationError, match="OPENROUTER_API_KEY"):
            SemanticCache(":memory:", synthesis_mode="auto")
        with SemanticCache(":memory:", synthesis_mode="auto", cache_enabled=False):
            pass
        with SemanticCache(":memory:"):
            pass


def test_a_threshold_of_the_shipped_judge_is_refused_for_another() -> None:
    with pytest.raises(ConfigurationError, match="no effect on a judge of your own"):
        SemanticCache(":memory:", judge=GuardedThreshold(), judge_threshold=0.9)
    SemanticCache(":memory:", judge=GuardedThreshold()).close()
