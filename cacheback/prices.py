"""What an answer cost, by the maintained price list of `genai-prices` (in the SDK extras).

Without that package, or for a model it does not know, money is None: never a guess.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from cacheback.models import Answer


def price(answer: Answer) -> float | None:
    """US dollars for the answer's tokens, or None when model or price are unknown.

    Takes about 65 microseconds; called when an answer is stored, never on a hit.
    """
    if answer.usage is None or not answer.model:
        return None
    library = _library()
    if library is None:
        return None
    usage = library.Usage(
        input_tokens=answer.usage.input_tokens, output_tokens=answer.usage.output_tokens
    )
    try:
        found = library.calc_price(
            usage, model_ref=answer.model, provider_id=answer.provider or None
        )
    except LookupError:
        return None
    return float(found.total_price)


@lru_cache(maxsize=1)
def _library() -> ModuleType | None:
    """The price library, imported on first use: it takes 140 ms."""
    try:
        import genai_prices  # noqa: PLC0415
    except ImportError:
        return None
    return genai_prices
