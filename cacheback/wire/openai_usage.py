"""Tokens as chat and legacy completions count them."""

from __future__ import annotations

from cacheback.models import JSON, Usage


def usage(given: JSON) -> Usage | None:
    match given:
        case {"prompt_tokens": int(input_tokens), "completion_tokens": int(output_tokens)}:
            return Usage(input_tokens, output_tokens)
    return None


def told(usage: Usage | None) -> dict[str, JSON]:
    """A usage as JSON; zeros where it is not known."""
    usage = usage or Usage()
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total,
    }
