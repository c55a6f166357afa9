"""Which requests are ours to read."""

from __future__ import annotations

import pytest

from cacheback.wire import anthropic_messages, openai_chat, openai_completions, openai_responses
from cacheback.wire.codec import Codec
from cacheback.wire.registry import codec_for, codec_named, is_embeddings


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
    ("path", "codec"),
    [
        ("/v1/completions", openai_completions),
        ("/openai/deployments/mine/completions?api-version=2024-10-21", openai_completions),
        ("/v1/responses", openai_responses),
        ("/openai/v1/responses?api-version=preview", openai_responses),
        ("/v1/messages", anthropic_messages),
        ("/v1/messages?beta=true", anthropic_messages),
        ("/gateway/anthropic/v1/messages", anthropic_messages),
    ],
)
def test_every_endpoint_has_its_codec(path: str, codec: Codec) -> None:
    assert codec_for("POST", path) is codec
    assert not is_embeddings("POST", path)


def test_embeddings_are_taken_apart_and_have_no_codec() -> None:
    for path in ("/v1/embeddings", "/openai/deployments/mine/embeddings?api-version=1"):
        assert is_embeddings("POST", path)
        assert not is_embeddings("GET", path)
        assert codec_for("POST", path) is None


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
        ("GET", "/v1/responses"),
        ("POST", "/v1/images/generations"),
    ],
)
def test_everything_else_is_not_ours(method: str, path: str) -> None:
    assert codec_for(method, path) is None


def test_a_codec_is_found_by_the_name_that_answers_carry() -> None:
    for codec in (openai_chat, openai_completions, openai_responses, anthropic_messages):
        assert codec_named(codec.FORMAT) is codec
    assert codec_named("") is None
