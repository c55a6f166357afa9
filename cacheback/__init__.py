"""cacheback: answers LLM calls from memory when it safely can.

The names below are imported on first use, so that `import cacheback` costs nothing: no numpy, no
model runtime, no SDK.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cacheback._version import __version__

if TYPE_CHECKING:
    from cacheback.adapters.anthropic import AsyncCachedAnthropic, CachedAnthropic
    from cacheback.adapters.openai import (
        AsyncCachedAzureOpenAI,
        AsyncCachedOpenAI,
        CachedAzureOpenAI,
        CachedOpenAI,
    )
    from cacheback.adapters.options import options
    from cacheback.adapters.wrap import wrap
    from cacheback.cache import SemanticCache
    from cacheback.config import Settings
    from cacheback.core.feedback import Feedback
    from cacheback.core.normalise import blank_volatile
    from cacheback.core.observing import Event
    from cacheback.core.plan import Send
    from cacheback.core.reporting import Report
    from cacheback.embedders.registry import make_embedder
    from cacheback.errors import (
        BlockedError,
        CachebackError,
        ClosedError,
        ConfigurationError,
        EmbedderError,
        EmbedderMismatchError,
        InputError,
        MissingExtraError,
        NotCachedError,
        StoreError,
    )
    from cacheback.models import (
        Answer,
        Candidate,
        Controls,
        Entry,
        Explanation,
        Hit,
        Negative,
        NegativeMatch,
        Outcome,
        Reason,
        Reply,
        Request,
        Saved,
        Stats,
        Tier,
        ToolCall,
        Usage,
        Verdict,
    )
    from cacheback.relay import AsyncRelay, SyncRelay
    from cacheback.wire.marks import Info, info, marks

_HOMES = {
    "cacheback.adapters.anthropic": ("AsyncCachedAnthropic", "CachedAnthropic"),
    "cacheback.wire.marks": ("Info", "info", "marks"),
    "cacheback.adapters.openai": (
        "AsyncCachedAzureOpenAI",
        "AsyncCachedOpenAI",
        "CachedAzureOpenAI",
        "CachedOpenAI",
    ),
    "cacheback.adapters.options": ("options",),
    "cacheback.adapters.wrap": ("wrap",),
    "cacheback.cache": ("SemanticCache",),
    "cacheback.config": ("Settings",),
    "cacheback.core.feedback": ("Feedback",),
    "cacheback.core.normalise": ("blank_volatile",),
    "cacheback.core.observing": ("Event",),
    "cacheback.core.plan": ("Send",),
    "cacheback.core.reporting": ("Report",),
    "cacheback.embedders.registry": ("make_embedder",),
    "cacheback.errors": (
        "BlockedError",
        "CachebackError",
        "ClosedError",
        "ConfigurationError",
        "EmbedderError",
        "EmbedderMismatchError",
        "InputError",
        "MissingExtraError",
        "NotCachedError",
        "StoreError",
    ),
    "cacheback.models": (
        "Answer",
        "Candidate",
        "Controls",
        "Entry",
        "Explanation",
        "Hit",
        "Negative",
        "NegativeMatch",
        "Outcome",
        "Reason",
        "Reply",
        "Request",
        "Saved",
        "Stats",
        "Tier",
        "ToolCall",
        "Usage",
        "Verdict",
    ),
    "cacheback.relay": ("AsyncRelay", "SyncRelay"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "AsyncCachedAnthropic",
    "AsyncCachedAzureOpenAI",
    "AsyncCachedOpenAI",
    "AsyncRelay",
    "BlockedError",
    "CachebackError",
    "CachedAnthropic",
    "CachedAzureOpenAI",
    "CachedOpenAI",
    "Candidate",
    "ClosedError",
    "ConfigurationError",
    "Controls",
    "EmbedderError",
    "EmbedderMismatchError",
    "Entry",
    "Event",
    "Explanation",
    "Feedback",
    "Hit",
    "Info",
    "InputError",
    "MissingExtraError",
    "Negative",
    "NegativeMatch",
    "NotCachedError",
    "Outcome",
    "Reason",
    "Reply",
    "Report",
    "Request",
    "Saved",
    "SemanticCache",
    "Send",
    "Settings",
    "Stats",
    "StoreError",
    "SyncRelay",
    "Tier",
    "ToolCall",
    "Usage",
    "Verdict",
    "__version__",
    "blank_volatile",
    "info",
    "make_embedder",
    "marks",
    "options",
    "wrap",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'cacheback' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
