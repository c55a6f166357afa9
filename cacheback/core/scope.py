"""Scope and question digests: what must be equal before meaning is compared.

What may live here: canonical JSON, the rules for a scope's parts, digests, differences between two
scopes. What it may not know: where parts come from (codecs, adapters) or where scopes are stored.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cacheback.core.traits import is_about_now, leans_on_history
from cacheback.errors import ConfigurationError, InputError
from cacheback.models import JSON, Difference, Scope

PARTS = (
    "tenant",
    "namespace",
    "provider",
    "endpoint",
    "model",
    "system",
    "history",
    "tools",
    "tool_choice",
    "response_format",
    "parameters",
    "attachments",
    "day",
)
"""Every part of a scope, in the order in which differences are explained."""

QUERY_DIGEST = "sha256:"
"""Begins the field of an `endpoint` that stands for what may be secret in its query."""

Rule: TypeAlias = Literal["exact", "ignore"] | Callable[[JSON], JSON]

# A digest names what it is of and its version, so that no digest of one kind or of a later form
# can ever equal one of another.
_SCOPE_DOMAIN = b"cacheback scope 1\n"
_QUESTION_DOMAIN = b"cacheback question 1\n"
_CREDENTIAL_DOMAIN = b"cacheback credential 1\n"

# Made once: `json.dumps` with these arguments makes one at every call, which costs 1 µs.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)

# Characters of context shown on each side of the first difference between two texts.
_CONTEXT = 24


def canonical(value: JSON) -> bytes:
    """The one form in which equal JSON values are equal bytes (sorted keys, no spaces, UTF-8).

    Raises:
        InputError: the value is not JSON.
    """
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"a part of the scope is not JSON: {error}") from error
    return text.encode("utf-8", "surrogatepass")


def question_digest(question: str) -> str:
    """SHA-256 of the question, as 64 hexadecimal digits.

    Composed and decomposed accents and white space around the text do not count as differences;
    everything else does.
    """
    text = unicodedata.normalize("NFC", question).strip()
    return hashlib.sha256(_QUESTION_DOMAIN + text.encode("utf-8", "surrogatepass")).hexdigest()


def credential_digest(credential: str) -> str:
    """The tenant of a credential: its SHA-256, so that the credential itself is never stored."""
    return hashlib.sha256(_CREDENTIAL_DOMAIN + credential.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ScopeRules:
    """How each part enters the scope; a part that is not named is `exact`.

    A rule is `"exact"`, `"ignore"`, or a function from the part's JSON value to the value that
    counts, such as `cacheback.blank_volatile`.

    Raises:
        ConfigurationError: an unknown part, or a rule that is none of the three.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known_parts(self.rules)
        for part, rule in self.rules.items():
            if rule not in ("exact", "ignore") and not callable(rule):
                raise ConfigurationError(
                    f"the scope rule for {part!r} is {rule!r};"
                    " it must be 'exact', 'ignore' or a function"
                )

    def place(self, question: str, parts: Mapping[str, JSON], *, day: Callable[[], str]) -> Scope:
        """The scope of a question, given the raw parts of its request, and what tells the date.

        Two rules are stronger than any setting but an explicit one: a question that leans on
        earlier turns keeps its history as it is, also where history is ignored or normalised
        otherwise; and a question about now carries the day, unless `day` is set to "ignore".
        """
        if is_about_now(question):
            parts = {"day": day(), **parts}
        ruled = {name: self._apply(name, value, question) for name, value in parts.items()}
        kept = {name: value for name, value in ruled.items() if value not in (None, "", [], {})}
        return Scope(hashlib.sha256(_SCOPE_DOMAIN + canonical(kept)).hexdigest(), kept)

    def _apply(self, part: str, value: JSON, question: str) -> JSON:
        rule = self.rules.get(part, "exact")
        if rule == "exact" or (part == "history" and leans_on_history(question)):
            return value
        return None if rule == "ignore" else rule(value)


def known_parts(parts: Mapping[str, object]) -> None:
    """Raise ConfigurationError, naming the known ones, when a part has a name that is not known."""
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise ConfigurationError(
            f"unknown part of a scope: {', '.join(unknown)}; the parts are {', '.join(PARTS)}"
        )


def caller(parts: Mapping[str, JSON]) -> list[JSON]:
    """What tells whose a request is outside of `tenant`: digests of its headers and its query.

    Adapters put them into `parameters` and `endpoint`, see `adapters.origin`.
    """
    told: list[JSON] = []
    match parts.get("parameters"):
        case {"headers": {"others": digest}}:
            told.append(digest)
    match parts.get("endpoint"):
        case str(target):
            fields = target.partition("?")[2].split("&")
            told += [one for one in fields if one.startswith(QUERY_DIGEST)]
    return told


def differences(here: Mapping[str, JSON], there: Mapping[str, JSON]) -> tuple[Difference, ...]:
    """The parts in which two scopes differ, each with the place where they part ways."""
    return tuple(
        Difference(part, *_excerpts(here.get(part), there.get(part)))
        for part in PARTS
        # As digests see them: Python holds 1 and true for equal.
        if canonical(here.get(part)) != canonical(there.get(part))
    )


def _excerpts(here: JSON, there: JSON) -> tuple[str, str]:
    one, other = _readable(here), _readable(there)
    shared = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    return _around(one, shared), _around(other, shared)


def _readable(value: JSON) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical(value).decode("utf-8", "replace")


def _around(text: str, position: int) -> str:
    start, end = max(0, position - _CONTEXT), position + _CONTEXT
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return f"{before}{text[start:end]}{after}"
