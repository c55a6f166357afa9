"""The real Anthropic SDK, with our clients in its stead."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from cacheback import (
    AsyncCachedAnthropic,
    CachedAnthropic,
    NotCachedError,
    Reason,
    SemanticCache,
    Tier,
    ToolCall,
    info,
    options,
)
from cacheback.testing import Reply, ScriptedUpstream

anthropic = pytest.importorskip("anthropic")

FRANCE = "What is the capital of France?"
TEXT = "The capital of France is Paris, which lies on the Seine."
TOOL: Any = {"name": "search", "input_schema": {"type": "object", "properties": {}}}


@pytest.fixture
def client(upstream: ScriptedUpstream, cache: SemanticCache) -> Iterator[Any]:
    with CachedAnthropic(
        cache=cache, base_url=upstream.anthropic_url, api_key="sk-ant", max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def aclient(upstream: ScriptedUpstream, cache: SemanticCache) -> Any:
    async with AsyncCachedAnthropic(
        cache=cache, base_url=upstream.anthropic_url, api_key="sk-ant"
    ) as client:
        yield client


def request(question: str = FRANCE, **options: Any) -> dict[str, Any]:
    return {
        "model": "claude-test",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": question}],
        **options,
    }


def ask(client: Any, question: str = FRANCE, **options: Any) -> Any:
    return client.messages.create(**request(question, **options))


class TestMessages:
    def test_a_miss_then_hits(self, client: Any, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        miss = ask(client)
        for question, tier in ((FRANCE, Tier.EXACT), ("capital of France?", Tier.SEMANTIC)):
            hit = ask(client, question)
            told = info(hit)
            assert told is not None
            assert (hit.cacheback_hit, told.tier) == (True, tier)
            assert type(hit) is type(miss)
            assert hit.content == miss.content
            assert hit.usage == miss.usage
            assert hit.id != miss.id
        assert upstream.calls == 1

    def test_it_is_the_sdk_s_own_class(self, client: Any) -> None:
        assert isinstance(client, anthropic.Anthropic)
        assert client.with_options(timeout=5).cache is client.cache

    @pytest.mark.parametrize(
        "other",
        [
            {"system": "Be kind."},
            {"max_tokens": 5},
            {"tools": [TOOL]},
            {"stop_sequences": ["x"]},
            {"extra_headers": {"anthropic-beta": "something"}},
            {"model": "claude-other"},
        ],
        ids="-".join,
    )
    def test_what_can_change_the_answer_is_in_the_scope(
        self, client: Any, upstream: ScriptedUpstream, other: dict[str, Any]
    ) -> None:
        ask(client)
        assert not ask(client, **other).cacheback_hit
        assert upstream.calls == 2

    def test_tool_calls_come_back_and_only_for_the_same_text(
        self, client: Any, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(tool_calls=(ToolCall("toolu_1", "search", '{"q": "x"}'),)))
        miss, hit = ask(client, tools=[TOOL]), ask(client, tools=[TOOL])
        assert hit.cacheback_hit
        assert hit.content == miss.content
        assert hit.content[-1].input == {"q": "x"}
        told = info(ask(client, "capital of France?", tools=[TOOL]))
        assert told is not None
        assert told.reason is Reason.TOOLS_EXACT_ONLY

    def test_beta_messages(self, client: Any, upstream: ScriptedUpstream) -> None:
        for expected in (False, True):
            reply = client.beta.messages.create(**request())
            assert reply.cacheback_hit is expected
        assert upstream.calls == 1

    def test_what_is_not_whole_is_not_stored(self, client: Any, upstream: ScriptedUpstream) -> None:
        upstream.script(Reply(TEXT, finish_reason="max_tokens"), Reply("busy", status=529))
        ask(client)
        with pytest.raises(anthropic.APIStatusError):
            ask(client)
        assert not client.cache.entries()

    def test_an_error_of_ours_is_caught_as_either(self, client: Any) -> None:
        for kind in (NotCachedError, anthropic.AnthropicError):
            with pytest.raises(kind, match="only-if-cached"):
                ask(options(client, mode="only-if-cached"))

    def test_and_comes_at_once(self, client: Any) -> None:
        sent: list[Any] = []
        twin = options(client, mode="only-if-cached").with_options(max_retries=3)
        twin._client.event_hooks = {"request": [sent.append]}
        with pytest.raises(NotCachedError):
            ask(twin)
        assert len(sent) == 1

    def test_a_proxy_from_the_environment(
        self, cache: SemanticCache, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", upstream.url)
        nowhere: dict[str, Any] = {"base_url": "http://provider.invalid", "api_key": "x"}
        with CachedAnthropic(cache=cache, **nowhere) as cached:
            assert [ask(cached).cacheback_hit for _ in range(2)] == [False, True]
        assert [one.path for one in upstream.requests] == ["http://provider.invalid/v1/messages"]

    def test_a_disabled_cache_is_a_plain_client(self, upstream: ScriptedUpstream) -> None:
        with CachedAnthropic(
            cache_dir=":memory:",
            cache_enabled=False,
            base_url=upstream.anthropic_url,
            api_key="x",
        ) as plain:
            told = [ask(plain), ask(options(plain, mode="refresh"))]
        assert not [one for one in told if hasattr(one, "cacheback_hit")]
        first, second = upstream.requests
        assert first.headers == second.headers

    def test_a_client_s_end_leaves_a_shared_cache_open(
        self, client: Any, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        with CachedAnthropic(
            cache=cache, base_url=upstream.anthropic_url, api_key="sk-ant"
        ) as other:
            ask(other)
        assert ask(client).cacheback_hit
        assert upstream.calls == 1

    def test_other_endpoints_pass(self, client: Any, upstream: ScriptedUpstream) -> None:
        with pytest.raises(anthropic.NotFoundError):
            client.messages.count_tokens(model="m", messages=[{"role": "user", "content": FRANCE}])
        assert upstream.requests[0].path.startswith("/v1/messages/count_tokens")


class TestStreams:
    def test_with_the_sdk_s_helpers(self, client: Any, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        for expected in (False, True):
            with client.messages.stream(**request()) as events:
                assert "".join(events.text_stream) == TEXT
                final = events.get_final_message()
            assert final.stop_reason == "end_turn"
            assert final.usage.output_tokens > 0
            assert bool(getattr(final, "cacheback_hit", False)) is expected
        assert upstream.calls == 1

    def test_as_raw_events(self, client: Any, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        kinds = [[event.type for event in ask(client, stream=True)] for _ in range(2)]
        assert upstream.calls == 1
        for told in kinds:
            assert told[0] == "message_start"
            assert told[-1] == "message_stop"

    def test_a_stored_stream_answers_a_call_and_the_other_way_round(
        self, client: Any, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT, "Hamlet was written by Shakespeare.")
        list(ask(client, stream=True))
        assert ask(client).content[0].text == TEXT
        ask(client, "Who wrote Hamlet?")
        with client.messages.stream(**request("Who wrote Hamlet?")) as events:
            assert "".join(events.text_stream).endswith("Shakespeare.")
        assert upstream.calls == 2

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(TEXT, finish_reason="max_tokens"),
            Reply(TEXT, cut_after=900),
            Reply(TEXT, fail_after=5),
        ],
        ids=["length", "cut", "error"],
    )
    def test_what_is_not_whole_is_not_stored(
        self, client: Any, upstream: ScriptedUpstream, reply: Reply
    ) -> None:
        upstream.script(reply, TEXT)
        with suppress(Exception):  # what the SDK makes of it is not ours to say
            list(ask(client, stream=True))
        assert not client.cache.entries()
        assert list(ask(client, stream=True))
        assert len(client.cache.entries()) == 1

    @pytest.mark.parametrize("gzip", [False, True])
    def test_not_a_byte_is_changed(
        self, client: Any, upstream: ScriptedUpstream, gzip: bool
    ) -> None:
        upstream.script(*[Reply(TEXT, gzip=gzip, extra={"id": "msg_1"})] * 2)
        with anthropic.Anthropic(base_url=upstream.anthropic_url, api_key="sk") as plain:
            passed = []
            for one in (plain, client):
                with one.messages.with_streaming_response.create(**request(stream=True)) as raw:
                    passed.append(b"".join(raw.iter_bytes()))
        assert passed[0] == passed[1]
        assert ask(client).cacheback_hit

    def test_closed_early_is_not_stored(self, client: Any) -> None:
        arriving = ask(client, stream=True)
        next(iter(arriving))
        arriving.close()
        assert not client.cache.entries()


class TestOneCall:
    def test_for_a_hundred_threads(self, client: Any, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        upstream.hold()

        def stream() -> str:
            with client.messages.stream(**request()) as events:
                return events.get_final_text()  # type: ignore[no-any-return]

        with ThreadPoolExecutor(100) as pool:
            asked = [pool.submit(lambda: ask(client).content[0].text) for _ in range(50)]
            asked += [pool.submit(stream) for _ in range(50)]
            upstream.wait_for(1)
            upstream.release()
            assert {one.result() for one in asked} == {TEXT}
        assert upstream.calls == 1

    def test_a_retry_makes_one_record(
        self, client: Any, upstream: ScriptedUpstream, cache: SemanticCache
    ) -> None:
        upstream.script(Reply("busy", status=529, headers={"retry-after-ms": "1"}), TEXT)
        assert ask(client.with_options(max_retries=1)).content[0].text == TEXT
        assert len(cache.entries()) == 1


class TestAsync:
    async def test_calls_and_streams(self, aclient: Any, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        miss = await aclient.messages.create(**request())
        hit = await aclient.messages.create(**request("capital of France?"))
        assert hit.cacheback_hit
        assert hit.content == miss.content
        async with aclient.messages.stream(**request()) as events:
            assert (await events.get_final_text()) == TEXT
        assert upstream.calls == 1

    async def test_a_recorded_stream(self, aclient: Any, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        for _ in range(2):
            async with aclient.messages.stream(**request()) as events:
                told = [text async for text in events.text_stream]
            assert "".join(told) == TEXT
        assert upstream.calls == 1
