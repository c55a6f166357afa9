"""Frameworks as clients of the proxy: nothing but their base URL is changed."""

from __future__ import annotations

from typing import Any

import pytest

from cacheback.testing import ScriptedUpstream

# What other projects warn of is theirs.
pytestmark = pytest.mark.filterwarnings("default")

QUESTION = "How do I reset my password?"


class TestLangChain:
    def test_openai(self, proxy: Any, upstream: ScriptedUpstream) -> None:
        langchain = pytest.importorskip("langchain_openai", reason="run by nox -s proxy")
        model = langchain.ChatOpenAI(model="gpt-4o", base_url=proxy.openai_url, api_key="sk-a")
        cold, warm = (model.invoke(QUESTION) for _ in range(2))
        assert cold.content == warm.content
        assert "".join(one.content for one in model.stream(QUESTION)) == cold.content
        assert upstream.calls == 1

    def test_anthropic(self, proxy: Any, upstream: ScriptedUpstream) -> None:
        langchain = pytest.importorskip("langchain_anthropic", reason="run by nox -s proxy")
        model = langchain.ChatAnthropic(model="claude-opus-5", base_url=proxy.url, api_key="sk-b")
        cold, warm = (model.invoke(QUESTION) for _ in range(2))
        assert cold.content == warm.content
        assert upstream.calls == 1

    def test_embeddings(self, proxy: Any, upstream: ScriptedUpstream) -> None:
        langchain = pytest.importorskip("langchain_openai", reason="run by nox -s proxy")
        model = langchain.OpenAIEmbeddings(
            base_url=proxy.openai_url, api_key="sk-a", check_embedding_ctx_length=False
        )
        assert model.embed_query("a") == model.embed_query("a")
        assert upstream.calls == 1


class TestLlamaIndex:
    def test_openai(self, proxy: Any, upstream: ScriptedUpstream) -> None:
        llama = pytest.importorskip("llama_index.llms.openai", reason="run by nox -s proxy")
        model = llama.OpenAI(model="gpt-4o", api_base=proxy.openai_url, api_key="sk-a")
        cold, warm = (model.complete(QUESTION) for _ in range(2))
        assert cold.text == warm.text
        assert "".join(one.delta for one in model.stream_complete(QUESTION)) == cold.text
        assert upstream.calls == 1


class TestLiteLLM:
    @pytest.mark.parametrize("model", ["openai/gpt-4o", "anthropic/claude-opus-5"])
    def test_both_providers(self, proxy: Any, upstream: ScriptedUpstream, model: str) -> None:
        litellm = pytest.importorskip("litellm", reason="run by nox -s proxy")
        base = proxy.openai_url if model.startswith("openai") else proxy.url
        asking: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": QUESTION}],
            "api_base": base,
            "api_key": "sk-a",
        }
        cold, warm = (litellm.completion(**asking) for _ in range(2))
        told = cold.choices[0].message.content
        assert warm.choices[0].message.content == told
        stream = litellm.completion(**asking, stream=True)
        pieces = [one.choices[0].delta.content or "" for one in stream]
        assert "".join(pieces) == told
        assert upstream.calls == 1
