"""Settings of the proxy: from where they come, and what cannot work."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from cacheback import ConfigurationError, Settings, blank_volatile
from cacheback.cli.serving import meanings, shown
from cacheback.proxy.keys import digest
from cacheback.proxy.settings import Configuration, ProxySettings, readers

UPSTREAMS = '{"groq": {"url": "https://api.groq.com/openai/v1", "models": ["llama-"]}}'


def test_the_names_and_defaults_of_old() -> None:
    told = Configuration.read({})
    assert told.proxy.port == 8080
    assert told.proxy.host == "127.0.0.1"
    assert told.cache.similarity_threshold == 0.85
    assert told.cache.cache_ttl == 86_400
    environ = {
        "OPENAI_API_KEY": "sk-x",
        "CACHEBACK_SIMILARITY_THRESHOLD": "0.9",
        "CACHEBACK_TTL": "60",
        "CACHEBACK_PORT": "9000",
        "CACHEBACK_SHARED": "true",
        "CACHEBACK_CLIENT_KEYS": "client-key-1, client-key-2",
        "CACHEBACK_UPSTREAMS": UPSTREAMS,
        "CACHEBACK_SCOPE": "system=blank_volatile, history=ignore",
    }
    told = Configuration.read(environ)
    assert told.proxy.openai_api_key == "sk-x"
    assert told.proxy.port == 9000
    assert told.proxy.client_keys == (digest("client-key-1"), digest("client-key-2"))
    assert told.proxy.upstreams[0].models == ("llama-",)
    assert told.cache.similarity_threshold == 0.9
    assert told.cache.cache_ttl == 60
    assert told.cache.tenant == "shared"
    assert told.cache.scope == {"system": blank_volatile, "history": "ignore"}


def test_the_command_line_over_the_environment_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(
        """
        host = "127.0.0.2"
        port = 1111
        workers = 2
        shared = true
        client_keys = ["client-key-1", "client-key-2"]

        [scope]
        system = "ignore"

        [upstreams.groq]
        url = "https://api.groq.com/openai/v1"
        models = ["llama-"]
        api_key_env = "GROQ_API_KEY"
        """
    )
    environ = {"CACHEBACK_CONFIG": str(file), "CACHEBACK_PORT": "2222", "GROQ_API_KEY": "gsk"}
    told = Configuration.read(environ, workers=3, port=None)
    assert (told.proxy.host, told.proxy.port, told.proxy.workers) == ("127.0.0.2", 2222, 3)
    assert told.proxy.client_keys == (digest("client-key-1"), digest("client-key-2"))
    assert told.proxy.upstreams[0].api_key == "gsk"
    assert told.cache.scope == {"system": "ignore"}
    sources = {name: told.given[name].source for name in ("host", "port", "workers")}
    assert sources == {"host": str(file), "port": "CACHEBACK_PORT", "workers": "command line"}


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"CACHEBACK_PORT": "http"}, "CACHEBACK_PORT='http' cannot be read"),
        ({"CACHEBACK_PORT": "70000"}, "port is 70000; it must be a number between 0 and 65535"),
        ({"CACHEBACK_SHARED": "maybe"}, "must be one of"),
        ({"CACHEBACK_CLIENT_KEYS": "short"}, "CACHEBACK_CLIENT_KEYS cannot be read: a key must"),
        ({"CACHEBACK_SCOPE": "system=forget"}, "the rule for 'system' must be one of exact"),
        ({"CACHEBACK_SCOPE": "sistem=ignore"}, "sistem"),
        ({"CACHEBACK_UPSTREAMS": "[]"}, "must be like"),
        ({"CACHEBACK_UPSTREAMS": "{"}, "cannot be read"),
        ({"CACHEBACK_UPSTREAMS": '{"a": {"url": "https://x"}}'}, "must have url and models"),
        ({"CACHEBACK_UPSTREAMS": '{"a": {"url": "https://x", "models": []}}'}, "a list of prefix"),
        (
            {"CACHEBACK_UPSTREAMS": '{"a": {"url": "x", "models": ["b"], "api_key_env": "C"}}'},
            "takes its key from C, which is not set",
        ),
        ({"CACHEBACK_OPENAI_URL": "openai"}, "the url of upstream openai is 'openai'"),
        ({"CACHEBACK_CLIENT_TIMEOUT": "0"}, "client_timeout is 0"),
        ({"CACHEBACK_SIMILARITY_THRESHOLD": "2"}, "similarity_threshold"),
        ({"CACHEBACK_CONFIG": "/nowhere.toml"}, r"/nowhere.toml cannot be read"),
    ],
)
def test_a_bad_value_is_refused_with_a_sentence(environ: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        Configuration.read(environ)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("port = [", "cannot be read"),
        ("similarity_treshold = 1", "did you mean 'similarity_threshold'"),
        ("port = 1.5", "port in .*cannot be read"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=complaint):
        Configuration.read({}, file)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
@pytest.mark.parametrize(
    "spending",
    [
        {"OPENAI_API_KEY": "sk-x"},
        {"CACHEBACK_SYNTHESIS_MODE": "auto"},
        {"CACHEBACK_REFEREE_MODEL": "gpt-4.1-nano"},
    ],
)
def test_the_servers_keys_are_not_everybodys_to_spend(host: str, spending: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="CACHEBACK_CLIENT_KEYS"):
        Configuration.read({"CACHEBACK_HOST": host, **spending})
    Configuration.read({"CACHEBACK_HOST": host, "CACHEBACK_CLIENT_KEYS": "client-key", **spending})
    Configuration.read({"CACHEBACK_HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.9"])
def test_this_machine_is_not_public(host: str) -> None:
    assert not ProxySettings(host=host).public


def test_every_setting_can_be_told_and_has_a_meaning() -> None:
    """`embedder` as a name and `scope` as rules: every field has a reader and a sentence."""
    told = {one.name for kind in (ProxySettings, Settings) for one in fields(kind)}
    assert set(readers({})) == told - {"synthesizer", "referee"}  # objects, and nothing else
    assert set(meanings(ProxySettings)) | set(meanings(Settings)) == told


def test_secrets_are_never_shown() -> None:
    settings = ProxySettings(openai_api_key="sk-x", client_keys=(digest("client-key"),))
    assert "sk-x" not in repr(settings)
    assert digest("client-key") not in repr(settings)
    assert shown("openai_api_key", "sk-x") == "set"
    assert shown("client_keys", settings.client_keys) == "1 key"
