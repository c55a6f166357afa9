"""Tokens as chat and legacy completions count them."""

from __future__ import annotations

from cacheback.models import JSON, Answer, Usage


def usage(given: JSON) -> Usage | None:
    match given:
        case {"prompt_tokens": int(input_tokens), "completion_tokens": int(output_tokens)}:
            return Usage(input_tokens, output_tokens)
    return None


def told(answer: Answer) -> dict[str, JSON]:
    """The usage of an answer; zeros where it is not known."""
    usage = answer.usage or Usage()
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total,
    }
