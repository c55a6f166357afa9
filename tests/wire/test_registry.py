"""Which requests are ours to read."""

from __future__ import annotations

import pytest

from cacheback.wire import openai_chat
from cacheback.wire.registry import codec_for, codec_named


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/chat/completions",
        "/openai/deployments/mine/chat/completions?api-version=2024-10-21",
        "/gateway/eu/v1/chat/completions",
    ],
)
def test_chat_completions_under_any_prefix(path: str) -> None:
    assert codec_for("POST", path) is openai_chat


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("POST", "/v1/chat/completions/chatcmpl-1"),
        ("POST", "/v1/other?next=/chat/completions"),
        ("POST", "/v1/threads/thread_1/messages"),
        ("POST", "/v1/messages/count_tokens"),
        ("POST", "/v1/messages/batches"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("POST", "/v1/embeddings"),
    ],
)
def test_everything_else_is_not_ours(method: str, path: str) -> None:
    assert codec_for(method, path) is None


def test_a_codec_is_found_by_the_name_that_answers_carry() -> None:
    assert codec_named("openai.chat") is openai_chat
    assert codec_named("") is None
