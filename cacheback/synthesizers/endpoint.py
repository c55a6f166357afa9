"""Where a model that writes is, from its name and what was said about it.

What may live here: the rules for names, addresses and keys. What it may not know: HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from cacheback.errors import ConfigurationError

OPENROUTER = "https://openrouter.ai/api/v1"
OPENAI = "https://api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com"
LOCAL = "http://127.0.0.1:8080/v1"
"""Where llama.cpp's server listens; Ollama does at port 11434, vLLM at 8000."""

KEYS = ("OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")
"""The environment variables in which a key is looked for."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LOCAL = "local/"
_ANTHROPIC = ("anthropic/", "claude-")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is asked. `provider` is whose prices count; None where that is not known."""

    dialect: Literal["openai", "anthropic"]
    base_url: str
    model: str
    api_key: str | None = field(repr=False)
    provider: str | None
    free: bool = False


def find(
    model: str,
    base_url: str | None,
    api_key: str | None,
    keys: Mapping[str, str],
    setting: str = "synthesis_model",
) -> Endpoint:
    """Where to ask a model.

    Args:
        model: `local/<name>` is asked on this machine, `anthropic/<name>` and `claude-…` through
            Anthropic's API, everything else through an OpenAI-compatible one.
        base_url: the address of that API, instead of the provider's own.
        api_key: the key, instead of one among `keys`.
        keys: the environment variables of `KEYS` that are set.
        setting: which one names the model, for what is told where it cannot work.

    Raises:
        ConfigurationError: there is no key where one is needed, or no such model at the only
            provider there is a key for; or one of these cannot be used as it is.
    """
    _require_sound(setting, model, base_url, api_key)
    if model.startswith(_LOCAL):
        url = base_url or LOCAL
        return Endpoint("openai", url, model.removeprefix(_LOCAL), api_key, None, free=True)
    if model.startswith(_ANTHROPIC):
        key = api_key or keys.get("ANTHROPIC_API_KEY")
        _require_key(key, setting, model, base_url)
        name = model.removeprefix("anthropic/")
        return Endpoint("anthropic", base_url or ANTHROPIC, name, key, "anthropic")
    if base_url is not None:
        return _named(setting, model, base_url, api_key, keys)
    return _found(setting, model, api_key, keys)


def _named(
    setting: str, model: str, base_url: str, api_key: str | None, keys: Mapping[str, str]
) -> Endpoint:
    """At an address that was given. A key of OpenRouter's goes nowhere else."""
    host = urlsplit(base_url).hostname or ""
    openrouter = host == "openrouter.ai"
    key = api_key or keys.get("OPENROUTER_API_KEY" if openrouter else "OPENAI_API_KEY")
    provider = "openrouter" if openrouter else "openai" if host == "api.openai.com" else None
    _require_key(key, setting, model, base_url)
    return Endpoint("openai", base_url, model, key, provider)


def _found(setting: str, model: str, api_key: str | None, keys: Mapping[str, str]) -> Endpoint:
    """At the provider that the name and the keys at hand lead to."""
    vendor, slash, name = model.partition("/")
    openais = vendor == "openai" or not slash
    openai_key = api_key if api_key and not slash else keys.get("OPENAI_API_KEY")
    openrouter_key = api_key or keys.get("OPENROUTER_API_KEY")
    if slash and openrouter_key:
        return Endpoint("openai", OPENROUTER, model, openrouter_key, "openrouter")
    if openais and openai_key:
        return Endpoint("openai", OPENAI, name or model, openai_key, "openai")
    if openai_key:
        raise ConfigurationError(
            f"{setting} is {model!r}, which is not OpenAI's, and OPENAI_API_KEY is the only key:"
            " set OPENROUTER_API_KEY, name the model's API as synthesis_model_base_url, or name"
            f" another model, such as {setting}='gpt-4.1-nano'"
        )
    variables = "OPENROUTER_API_KEY or OPENAI_API_KEY" if openais else "OPENROUTER_API_KEY"
    raise ConfigurationError(_no_key(setting, model, variables))


def _require_sound(setting: str, model: str, base_url: str | None, api_key: str | None) -> None:
    """Raise where no call could ever succeed."""
    if not model.removeprefix(_LOCAL).removeprefix("anthropic/").strip():
        raise ConfigurationError(
            f"{setting} is {model!r}; it must name a model, such as 'local/qwen3'"
        )
    if base_url is not None and not _is_address(base_url):
        raise ConfigurationError(
            f"synthesis_model_base_url is {base_url!r}; it must be an address such as {LOCAL}"
        )
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        raise ConfigurationError(
            "synthesis_model_api_key holds a character that no key has, such as the end of a line;"
            " give it without"
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # as of a port that is none
        return False


def _require_key(key: str | None, setting: str, model: str, base_url: str | None) -> None:
    """Raise where there is no key, but for a server on this machine, which needs none."""
    here = base_url is not None and urlsplit(base_url).hostname in _LOOPBACK
    if not (key or here):
        anthropic = model.startswith(_ANTHROPIC)
        variables = "ANTHROPIC_API_KEY" if anthropic else "OPENAI_API_KEY"
        raise ConfigurationError(_no_key(setting, model, variables))


def _no_key(setting: str, model: str, variables: str) -> str:
    # What is off does not need the model that it has by default.
    needless = "synthesis_mode" if setting == "synthesis_model" else setting
    return (
        f"there is no API key for {setting}={model!r}: set {variables}, give"
        f" synthesis_model_api_key, name a model on this machine ({setting}='local/…'), or leave"
        f" out {needless}"
    )
