"""The public names, pinned: a change here is a change for users."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cacheback

NAMES = [
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


def test_these_and_no_others() -> None:
    assert cacheback.__all__ == NAMES
    assert dir(cacheback) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name: str) -> None:
    assert getattr(cacheback, name) is not None


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        cacheback.Nothing  # noqa: B018


def test_importing_it_imports_no_sdk_and_no_model() -> None:
    code = "import cacheback, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"openai", "anthropic", "onnxruntime", "numpy", "httpx", "httpx2", "pydantic", "click"}
    assert not heavy & set(loaded)
