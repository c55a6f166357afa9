"""Settings: what can be set, what it means, and the only reader of the environment."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

from cacheback.core.normalise import blank_volatile
from cacheback.core.scope import Rule, ScopeRules
from cacheback.core.synthesis import CITING, REFUSAL, Prompt, PromptWriter
from cacheback.errors import ConfigurationError
from cacheback.models import SynthesisMode
from cacheback.sources import Reader, optional_number, sourced, truth
from cacheback.synthesizers.endpoint import KEYS

if TYPE_CHECKING:
    from cacheback.core.ports import Synthesizer
    from cacheback.embedders import BaseEmbedder
    from cacheback.models import OnNegativeHit

DEFAULT_DIR = "~/.cacheback"

MEMORY = ":memory:"
"""As `cache_dir`: keep everything in this process's memory, and nothing on disk."""

_MODES = get_args(SynthesisMode)
_CACHE_MODES = ("default", "shadow")
# Of two hits one may be wrong: whoever can bear more needs no bound.
_MOST_ERRORS = 0.5
# Seconds: an hour. What waits in a thread takes no infinity.
_LONGEST_WAIT = 3_600
# Not whose the entries are, nor anything that was said or shown besides the question: that may hold
# what the answer for another must not tell.
_MAY_DIFFER = (
    "provider",
    "endpoint",
    "model",
    "system",
    "tools",
    "tool_choice",
    "parameters",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of a cache.

    Args:
        cache_dir: the directory of the cache, made when missing (mode 0700); ":memory:" for none.
        similarity_threshold: cosine (0 to 1) from which an entry may be served by meaning, if
            the judge agrees.
        judge_threshold: probability (0 to 1) of one right answer from which the judge agrees; None
            for its shipped operating point. Not for a judge of one's own.
        negative_threshold: cosine (0 to 1) from which a question matches a blocked pattern; see
            `SemanticCache.negative`.
        on_negative_hit: what then happens: "raise" raises BlockedError, "skip" asks upstream as
            if there were no cache; a function is called with the match and the request, and may
            return an answer (text or `Answer`), raise, or return None to let the question pass.
            Where the caller is asynchronous it may be a coroutine function.
        cache_ttl: seconds until an entry expires; None for never.
        cache_max_entries: above this the least recently used entries go.
        cache_enabled: False lets every call through, and stores nothing.
        embedder: a registered name, or an instance of `cacheback.embedders.BaseEmbedder`.
        namespace: keeps the entries of one use apart from those of others in one directory.
        tenant: whose entries these are; None takes a digest of the credential where there is one.
            Name the same tenant for several credentials to let them share.
        scope: per part of the scope "exact" (the default), "ignore", or a function from the
            part's JSON value to what counts, such as `cacheback.blank_volatile`.
        exact_above_temperature: requests sampled above this temperature are served by the exact
            tier only; None for no limit.
        candidates: how many near entries the judge may look at.
        hot_entries: how many recently served entries are kept in memory for exact hits (64 MB of
            them at most).
        lock_timeout: seconds to wait for another process's write before it counts as a failure.
        synthesis_mode: "auto" lets a model write the answer where no entry may answer alone but
            several are near; "always" also where one may; "off" never.
        synthesis_model: which one; `local/<name>` on this machine, `anthropic/<name>` through
            Anthropic's API, else through OpenRouter's, OpenAI's or that at the base URL.
        synthesis_model_base_url: the address of its API, instead of the provider's own.
        synthesis_model_api_key: its key; None finds `OPENROUTER_API_KEY`, `OPENAI_API_KEY` or
            `ANTHROPIC_API_KEY`, whichever fits.
        synthesizer: instead of a model's name a function from a `Prompt` to a text or an iterator
            of texts (it may be asynchronous), or an object as `core.ports.Synthesizer` describes.
        synthesis_threshold: cosine from which an entry may be a source.
        synthesis_top_k: how many sources at most.
        synthesis_timeout: seconds that the model may take until its reply has decided whether it
            is an answer, and then for each further piece.
        synthesis_scope: parts of the scope in which sources may differ from the question: of
            provider, endpoint, model, system, tools, tool_choice and parameters.
        synthesis_prompt: other rules for the model (a text that keeps the reply's protocol), or a
            function as `core.synthesis.write_prompt`.
        mode: "shadow" serves nothing and judges everything: what memory would have served goes
            upstream all the same, and the two answers are compared; "default" serves.
        max_error: at most this share of the hits by meaning (above 0, at most 0.5) may be wrong.
            The judge's probability from which a hit is served follows from evidence, and a few hits
            are also asked of upstream to gather it; None leaves the decision to the judge.
        judgements_kept: how many hits by meaning, real or in shadow, are kept with their questions,
            to be looked at; 0 for none.
        referee_model: a model that is asked whether two answers say the same where comparing them
            cannot tell; at the address and with the key of `synthesis_model`. None for none.
        referee: instead of a model's name a function or an object as for `synthesizer`.

    Raises:
        ConfigurationError: a value that cannot work.
    """

    cache_dir: str | Path = DEFAULT_DIR
    similarity_threshold: float = 0.85
    judge_threshold: float | None = None
    negative_threshold: float = 0.85
    on_negative_hit: OnNegativeHit = "raise"
    cache_ttl: float | None = 86_400
    cache_max_entries: int = 100_000
    cache_enabled: bool = True
    embedder: str | BaseEmbedder = "minilm"
    namespace: str | None = None
    tenant: str | None = None
    scope: Mapping[str, Rule] = field(default_factory=dict)
    exact_above_temperature: float | None = None
    candidates: int = 4
    hot_entries: int = 4_096
    lock_timeout: float = 2.0
    synthesis_mode: SynthesisMode = "off"
    synthesis_model: str = "google/gemini-2.0-flash-lite-001"
    synthesis_model_base_url: str | None = None
    synthesis_model_api_key: str | None = field(default=None, repr=False)
    synthesizer: Synthesizer | Callable[[Prompt], Any] | None = None
    synthesis_threshold: float = 0.80
    synthesis_top_k: int = 5
    synthesis_timeout: float = 10.0
    synthesis_scope: Sequence[str] = ()
    synthesis_prompt: str | PromptWriter | None = None
    mode: Literal["default", "shadow"] = "default"
    max_error: float | None = None
    judgements_kept: int = 10_000
    referee_model: str | None = None
    referee: Synthesizer | Callable[[Prompt], Any] | None = None

    def __post_init__(self) -> None:
        self._check_kinds()
        bounded("similarity_threshold", self.similarity_threshold, 0, 1)
        if self.judge_threshold is not None:
            bounded("judge_threshold", self.judge_threshold, 0, 1)
        bounded("negative_threshold", self.negative_threshold, 0, 1)
        bounded("cache_max_entries", self.cache_max_entries, 1)
        bounded("candidates", self.candidates, 1, 1_000)
        bounded("hot_entries", self.hot_entries, 0)
        bounded("lock_timeout", self.lock_timeout, 0)
        if self.cache_ttl is not None:
            bounded("cache_ttl", self.cache_ttl, 0, hint="; None lets entries live for ever")
        if self.exact_above_temperature is not None:
            bounded("exact_above_temperature", self.exact_above_temperature, 0)
        if self.on_negative_hit not in ("raise", "skip") and not callable(self.on_negative_hit):
            raise ConfigurationError(
                f"on_negative_hit is {self.on_negative_hit!r}; it must be 'raise', 'skip' or a"
                " function"
            )
        ScopeRules(self.scope)
        self._check_synthesis()
        self._check_learning()

    def _check_kinds(self) -> None:
        # An empty one would be wherever the program happens to run.
        directory: object = self.cache_dir
        if not isinstance(directory, str | Path) or directory == "":
            raise ConfigurationError(
                f"cache_dir is {self.cache_dir!r}; it must be a directory, or {MEMORY!r}"
            )
        if not isinstance(self.cache_enabled, bool):
            raise ConfigurationError(
                f"cache_enabled is {self.cache_enabled!r}; it must be True or False"
            )
        for name in ("namespace", "tenant"):
            if not isinstance(value := getattr(self, name), str | None):
                raise ConfigurationError(f"{name} is {value!r}; it must be a text or None")

    def _check_synthesis(self) -> None:
        if self.synthesis_mode not in _MODES:
            raise ConfigurationError(
                f"synthesis_mode is {self.synthesis_mode!r}; it must be one of {', '.join(_MODES)}"
            )
        bounded("synthesis_threshold", self.synthesis_threshold, 0, 1)
        bounded("synthesis_top_k", self.synthesis_top_k, 1, 50)
        bounded("synthesis_timeout", self.synthesis_timeout, 0, _LONGEST_WAIT)
        if not _names(self.synthesis_scope, _MAY_DIFFER):
            raise ConfigurationError(
                f"synthesis_scope is {self.synthesis_scope!r}; sources may differ in"
                f" {', '.join(_MAY_DIFFER)}, and in nothing else"
            )
        _check_model("synthesizer", self.synthesizer, "synthesis_model")
        rules = self.synthesis_prompt
        if not (rules is None or isinstance(rules, str) or callable(rules)):
            raise ConfigurationError(
                f"synthesis_prompt is {rules!r}; it must be a text or a function"
            )
        if isinstance(rules, str) and not (REFUSAL in rules and CITING in rules):
            raise ConfigurationError(
                f"synthesis_prompt does not demand the reply's first line: it must name {REFUSAL!r}"
                f" for a refusal, and {CITING!r} before the numbers of the sources"
            )

    def _check_learning(self) -> None:
        if self.mode not in _CACHE_MODES:
            raise ConfigurationError(
                f"mode is {self.mode!r}; it must be 'default' or 'shadow'; the other modes are for"
                " single requests (X-Cacheback-Mode, options())"
            )
        if self.max_error is not None:
            bounded("max_error", self.max_error, 0, _MOST_ERRORS, hint="; None for no bound")
            if not self.max_error:
                raise ConfigurationError(
                    "max_error is 0, which no evidence can ever show; name a share that you can"
                    " bear, such as 0.01, or None for no bound"
                )
        bounded("judgements_kept", self.judgements_kept, 0)
        _check_model("referee", self.referee, "referee_model")

    @property
    def directory(self) -> Path | None:
        """Where the cache lives, or None when it lives in memory."""
        if str(self.cache_dir) == MEMORY:
            return None
        return Path(self.cache_dir).expanduser()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Settings from `CACHEBACK_<NAME>` variables, under those that are given (not None).

        `CACHEBACK_CACHE_DIR`, `CACHEBACK_SIMILARITY_THRESHOLD`, `CACHEBACK_TTL` and so on; empty
        variables count as unset.

        Raises:
            ConfigurationError: a variable that cannot be read, naming it.
        """
        environ = os.environ if environ is None else environ
        values = {name: one.value for name, one in sourced(READERS, environ).items()}
        values.update({name: value for name, value in given.items() if value is not None})
        return cls(**values)


def provider_keys(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The providers' API keys that the environment holds, by variable."""
    environ = os.environ if environ is None else environ
    found = {name: environ.get(name, "").strip() for name in KEYS}
    return {name: key for name, key in found.items() if key}


class CacheKeywords(TypedDict, total=False):
    """The settings but `cache_dir` as keywords, for the signatures that take them."""

    similarity_threshold: float
    judge_threshold: float | None
    negative_threshold: float
    on_negative_hit: OnNegativeHit
    cache_ttl: float | None
    cache_max_entries: int
    cache_enabled: bool
    embedder: str | BaseEmbedder
    namespace: str | None
    tenant: str | None
    scope: Mapping[str, Rule]
    exact_above_temperature: float | None
    candidates: int
    hot_entries: int
    lock_timeout: float
    synthesis_mode: SynthesisMode
    synthesis_model: str
    synthesis_model_base_url: str | None
    synthesis_model_api_key: str | None
    synthesizer: Synthesizer | Callable[[Prompt], Any] | None
    synthesis_threshold: float
    synthesis_top_k: int
    synthesis_timeout: float
    synthesis_scope: Sequence[str]
    synthesis_prompt: str | PromptWriter | None
    mode: Literal["default", "shadow"]
    max_error: float | None
    judgements_kept: int
    referee_model: str | None
    referee: Synthesizer | Callable[[Prompt], Any] | None


class SettingKeywords(CacheKeywords, total=False):
    """Every setting as a keyword."""

    cache_dir: str | Path


_RULES: Mapping[str, Rule] = {
    "exact": "exact",
    "ignore": "ignore",
    "blank_volatile": blank_volatile,
}


def _scope(value: str | Mapping[str, str]) -> dict[str, Rule]:
    """`history=ignore, system=blank_volatile`, or a table of these."""
    if isinstance(value, str):
        pairs = [one.partition("=")[::2] for one in value.split(",")]
    else:
        pairs = list(value.items())
    told = {part.strip(): str(rule).strip() for part, rule in pairs}
    wrong = [part for part, rule in told.items() if rule not in _RULES]
    if wrong:
        raise ValueError(f"the rule for {wrong[0]!r} must be one of {', '.join(_RULES)}")
    return {part: _RULES[rule] for part, rule in told.items()}


READERS: Mapping[str, Reader] = {
    "cache_dir": str,
    "similarity_threshold": float,
    "judge_threshold": optional_number,
    "negative_threshold": float,
    "on_negative_hit": str,
    "cache_ttl": optional_number,
    "cache_max_entries": int,
    "cache_enabled": truth,
    "embedder": str,
    "namespace": str,
    "tenant": str,
    "scope": _scope,
    "exact_above_temperature": optional_number,
    "candidates": int,
    "hot_entries": int,
    "lock_timeout": float,
    "synthesis_mode": str,
    "synthesis_model": str,
    "synthesis_model_base_url": str,
    "synthesis_model_api_key": str,
    "synthesis_threshold": float,
    "synthesis_top_k": int,
    "synthesis_timeout": float,
    "synthesis_prompt": str,
    "mode": str,
    "max_error": optional_number,
    "judgements_kept": int,
    "referee_model": str,
    "synthesis_scope": lambda text: tuple(text.replace(",", " ").split()),
}
"""How each setting of a cache is read from text."""


def _names(given: object, among: Sequence[str]) -> bool:
    """Whether it is a sequence (a set, a mapping) of some of these names, and no text."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        return False
    return all(name in among for name in given)


def _check_model(name: str, given: object, by_name: str) -> None:
    """Raise where it is nothing that writes."""
    if not (given is None or callable(given) or hasattr(given, "write")):
        raise ConfigurationError(
            f"{name} is {given!r}; it must be a function or an object with write();"
            f" a model's name is {by_name}"
        )


def bounded(
    name: str, value: object, low: float, high: float = math.inf, *, hint: str = ""
) -> None:
    """Check a number.

    Raises:
        ConfigurationError: it is none, or out of bounds.
    """
    right_type = isinstance(value, int | float) and not isinstance(value, bool)
    if not right_type or not low <= value <= high:  # type: ignore[operator]  # a number by now
        bounds = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise ConfigurationError(f"{name} is {value!r}; it must be a number {bounds}{hint}")
