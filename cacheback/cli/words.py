"""Reasons, tiers and counts in words, for people; programs read names and numbers."""

from __future__ import annotations

from collections.abc import Mapping

from cacheback.core.reporting import Doubt
from cacheback.models import Reason, Tier, Verdict

REASONS: Mapping[Reason, str] = {
    Reason.SAME_TEXT: "the same text",
    Reason.ABOVE_THRESHOLD: "the same meaning",
    Reason.SAME_FLIGHT: "an identical call has just been answered",
    Reason.EMPTY: "nothing is stored in this scope",
    Reason.BELOW_THRESHOLD: "not near enough",
    Reason.EXPIRED: "it has expired",
    Reason.NUMBER_DIFFERS: "a number differs",
    Reason.NEGATION_DIFFERS: "only one of them is negated",
    Reason.DIRECTION_DIFFERS: "from and to are exchanged",
    Reason.COMPARISON_DIFFERS: "what is compared is exchanged",
    Reason.OPPOSITE: "they ask for opposites",
    Reason.TIME_DIFFERS: "the time differs",
    Reason.NAME_DIFFERS: "a name differs",
    Reason.FORM_DIFFERS: "they want different forms of answer",
    Reason.MEANING_DIFFERS: "read word by word, they hardly ask the same",
    Reason.REPORTED_RIGHT: "somebody said that its answer is right for this question",
    Reason.REPORTED_WRONG: "somebody said that its answer is wrong for this question",
    Reason.ERROR_BOUND: "not sure enough for the bound on wrong answers (CACHEBACK_MAX_ERROR)",
    Reason.SHADOW: "it would be served, but in shadow mode upstream answers everything",
    Reason.SYNTHESIZED: "written from near ones",
    Reason.SYNTHESIS_ALWAYS: "the same meaning, but an answer is written all the same",
    Reason.SYNTHESIS_REFUSED: "the sources do not suffice, said the synthesis model",
    Reason.SYNTHESIS_EMPTY: "the synthesis model said nothing",
    Reason.SYNTHESIS_MALFORMED: "the synthesis model did not keep to its rules",
    Reason.SYNTHESIS_CUT: "the synthesis model's answer was cut off",
    Reason.SYNTHESIS_TIMEOUT: "the synthesis model took too long",
    Reason.SYNTHESIS_FAILED: "the synthesis model could not be asked",
    Reason.TOO_LONG: "longer than the embedder can see, so only the same text may be served",
    Reason.UNREADABLE: "the embedder cannot read all of it, so only the same text may be served",
    Reason.NO_QUESTION: "the last turn is no question, so only the same request may be served",
    Reason.TOOLS_EXACT_ONLY: "tools may be called, so only the same request may be served",
    Reason.STRUCTURED_EXACT_ONLY: "structured output, so only the same request may be served",
    Reason.CHOICES_EXACT_ONLY: "several choices, so only the same request may be served",
    Reason.LOGPROBS_EXACT_ONLY: "logprobs are wanted, so only the same request may be served",
    Reason.EMBEDDING_EXACT_ONLY: "an embedding, so only the same input may be served",
    Reason.SAMPLING_EXACT_ONLY: "sampled too freely, so only the same request may be served",
    Reason.STATEFUL: "the provider keeps state, so it is not cached",
    Reason.BYPASSED: "the request went past the cache",
    Reason.REFRESHED: "the request wanted a fresh answer",
    Reason.BLOCKED: "it matches a blocked pattern",
    Reason.DISABLED: "the cache is switched off (CACHEBACK_CACHE_ENABLED)",
    Reason.STORE_FAILED: "the store failed",
    Reason.EMBEDDER_FAILED: "the embedder failed",
    Reason.INDEX_FAILED: "the index failed",
    Reason.JUDGE_FAILED: "the judge failed",
    Reason.SCOPE_FAILED: "a rule for a part of the scope failed",
    Reason.WIRE_FAILED: "the codec of this endpoint failed",
    Reason.OBSERVER_FAILED: "an observer failed",
    Reason.LEARNING_FAILED: "what was to be learned could not be kept",
}

TIERS: Mapping[Tier, str] = {
    Tier.NEGATIVE: "blocked",
    Tier.EXACT: "same text",
    Tier.SEMANTIC: "same meaning",
    Tier.SYNTHESIS: "written from several",
    Tier.UPSTREAM: "asked upstream",
}

DOUBTS: Mapping[Doubt, str] = {
    "contradicting": "comparisons contradict each other, or what was reported",
    "compared_wrong": "upstream's answer was another one",
    "unsure": "nobody has looked, and the judge was not very sure",
}


def told(verdict: Verdict) -> str:
    """A verdict's reason in words, with what was seen where the judge says so."""
    words = REASONS[verdict.reason]
    return f"{words}: {verdict.detail}" if verdict.detail else words


def counted(count: int, one: str, many: str = "") -> str:
    """A count with what is counted: 1 row, 2,000 rows; `many` where that is more than an s."""
    return f"{count:,} {one if abs(count) == 1 else many or f'{one}s'}"
