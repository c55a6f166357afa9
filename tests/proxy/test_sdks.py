"""The real SDKs through the proxy: base_url is all that changes."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
import openai
import pytest

import cacheback
from cacheback.testing import ScriptedUpstream

QUESTION = "How do I reset my password?"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]
CLAUDE: Any = {"model": "claude-opus-5", "max_tokens": 99, "messages": MESSAGES}


@pytest.fixture
def client(proxy: Any) -> Any:
    with openai.OpenAI(base_url=proxy.openai_url, api_key="sk-a", max_retries=0) as made:
        yield made


@pytest.fixture
def claude(proxy: Any) -> Any:
    with anthropic.Anthropic(base_url=proxy.url, api_key="sk-ant", max_retries=0) as made:
        yield made


class TestOpenAI:
    def test_chat_cold_and_warm(self, client: Any, upstream: ScriptedUpstream) -> None:
        cold, warm = (
            client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES) for _ in range(2)
        )
        assert (cold.cacheback_hit, warm.cacheback_hit) == (False, True)
        assert cold.choices[0].message.content == warm.choices[0].message.content
        assert upstream.calls == 1
        assert upstream.requests[0].path == "/v1/chat/completions"
        assert upstream.requests[0].headers["authorization"] == "Bearer sk-a"

    def test_chat_by_meaning(self, client: Any) -> None:
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
        near: Any = [{"role": "user", "content": "how do i reset my password"}]
        again = client.chat.completions.create(model="gpt-4o-mini", messages=near)
        told = cacheback.info(again)
        assert told is not None
        assert told.tier == "semantic"

    def test_chat_streaming_cold_and_warm(self, client: Any, upstream: ScriptedUpstream) -> None:
        texts, hits = [], []
        for _ in range(2):
            chunks = list(
                client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
            )
            texts.append("".join(one.choices[0].delta.content or "" for one in chunks))
            hits.append(getattr(chunks[0], "cacheback_hit", False))
        assert texts[0] == texts[1]
        assert QUESTION in texts[0]
        assert hits == [False, True]
        assert upstream.calls == 1

    def test_responses_cold_and_warm(self, client: Any, upstream: ScriptedUpstream) -> None:
        cold, warm = (client.responses.create(model="gpt-4o", input=MESSAGES) for _ in range(2))
        assert cold.output_text == warm.output_text
        assert warm.cacheback_hit
        with client.responses.stream(model="gpt-4o", input=MESSAGES) as events:
            events.until_done()
            assert events.get_final_response().output_text == cold.output_text
        assert upstream.calls == 1

    def test_embeddings_input_by_input(self, client: Any, upstream: ScriptedUpstream) -> None:
        first = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
        client.embeddings.create(model="text-embedding-3-small", input=["b", "c"])
        again = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
        assert [one.embedding for one in again.data] == [one.embedding for one in first.data]
        assert [call.json["input"] for call in upstream.requests] == [["a", "b"], ["c"]]

    def test_legacy_completions(self, client: Any, upstream: ScriptedUpstream) -> None:
        for _ in range(2):
            told = client.completions.create(model="gpt-3.5-turbo-instruct", prompt=QUESTION)
        assert told.cacheback_hit
        assert upstream.calls == 1

    def test_headers_tell_and_control(self, client: Any, upstream: ScriptedUpstream) -> None:
        ask = client.chat.completions.with_raw_response.create
        cold = ask(model="gpt-4o", messages=MESSAGES)
        warm = ask(model="gpt-4o", messages=MESSAGES)
        assert cold.headers["x-cacheback-hit"] == "false"
        assert cold.headers["x-cacheback-reason"] == "empty"
        assert warm.headers["x-cacheback-hit"] == "true"
        assert warm.headers["x-cacheback-tier"] == "exact"
        assert warm.headers["x-cacheback-similarity"] == "1.0000"
        assert warm.headers["x-cacheback-synthesized"] == "false"
        assert int(warm.headers["x-cacheback-age"]) >= 0
        mode = {"X-Cacheback-Mode": "refresh"}
        fresh = ask(model="gpt-4o", messages=MESSAGES, extra_headers=mode)
        assert fresh.headers["x-cacheback-hit"] == "false"
        assert not any(name.startswith("x-cacheback") for name in upstream.requests[1].headers)

    def test_only_if_cached_says_no(self, client: Any, upstream: ScriptedUpstream) -> None:
        mode = {"X-Cacheback-Mode": "only-if-cached"}
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model="m", messages=MESSAGES, extra_headers=mode)
        assert caught.value.status_code == 504
        assert upstream.calls == 0

    def test_what_is_told_wrongly_is_a_400(self, client: Any) -> None:
        with pytest.raises(openai.BadRequestError, match="x-cacheback-ttl"):
            client.chat.completions.create(
                model="m", messages=MESSAGES, extra_headers={"X-Cacheback-TTL": "soon"}
            )

    async def test_async_and_streaming(self, proxy: Any, upstream: ScriptedUpstream) -> None:
        async with openai.AsyncOpenAI(base_url=proxy.openai_url, api_key="sk-a") as client:
            cold = await client.chat.completions.create(model="m", messages=MESSAGES)
            stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
            text = "".join([one.choices[0].delta.content or "" async for one in stream])
        assert text == cold.choices[0].message.content
        assert upstream.calls == 1

    def test_a_file_is_passed_on_both_ways(self, make_proxy: Any) -> None:
        with ScriptedUpstream(echo=True) as echoing:
            proxy = make_proxy(openai_url=echoing.openai_url)
            answer = httpx2.post(
                f"{proxy.openai_url}/files?purpose=batch", content=b"\x00\xff" * 200_000
            )
            assert answer.content == b"\x00\xff" * 200_000
            assert answer.headers["x-echo-path"] == "/v1/files?purpose=batch"


class TestAnthropic:
    def test_messages_cold_and_warm(self, claude: Any, upstream: ScriptedUpstream) -> None:
        cold, warm = (claude.messages.create(**CLAUDE) for _ in range(2))
        assert cold.content[0].text == warm.content[0].text
        assert (cold.cacheback_hit, warm.cacheback_hit) == (False, True)
        assert upstream.calls == 1
        assert upstream.requests[0].path == "/v1/messages"
        assert "sk-ant" in str(upstream.requests[0].headers)

    def test_streaming_cold_and_warm(self, claude: Any, upstream: ScriptedUpstream) -> None:
        texts = []
        for _ in range(2):
            with claude.messages.stream(**CLAUDE) as events:
                texts.append("".join(events.text_stream))
        assert texts[0] == texts[1]
        assert QUESTION in texts[0]
        assert upstream.calls == 1

    async def test_async(self, proxy: Any, upstream: ScriptedUpstream) -> None:
        async with anthropic.AsyncAnthropic(base_url=proxy.url, api_key="sk-ant") as claude:
            cold = await claude.messages.create(**CLAUDE)
            async with claude.messages.stream(**CLAUDE) as events:
                assert await events.get_final_text() == cold.content[0].text
        assert upstream.calls == 1

    def test_other_paths_of_anthropics_go_to_anthropic(self, make_proxy: Any) -> None:
        with ScriptedUpstream(echo=True) as theirs:
            proxy = make_proxy(anthropic_url=theirs.anthropic_url)
            with anthropic.Anthropic(base_url=proxy.url, api_key="sk-ant") as claude:
                claude.models.with_raw_response.list()
                claude.messages.with_raw_response.count_tokens(model="m", messages=MESSAGES)
            assert [call.path.partition("?")[0] for call in theirs.requests] == [
                "/v1/models",
                "/v1/messages/count_tokens",
            ]
