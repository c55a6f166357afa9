"""The real OpenAI SDK, with our client in its stead."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest

from cacheback import (
    CachebackError,
    CachedOpenAI,
    ConfigurationError,
    InputError,
    NotCachedError,
    Reason,
    SemanticCache,
    Tier,
    ToolCall,
    info,
    options,
    wrap,
)
from cacheback.testing import Reply, ScriptedUpstream

FRANCE = "What is the capital of France?"
TOOL = {
    "type": "function",
    "function": {"name": "search", "parameters": {"type": "object", "properties": {}}},
}


def ask(client: openai.OpenAI, question: str = FRANCE, **options: Any) -> Any:
    messages = options.pop("messages", [{"role": "user", "content": question}])
    return client.chat.completions.create(
        model=options.pop("model", "gpt-4o-mini"), messages=messages, **options
    )


class TestHits:
    def test_a_miss_then_an_exact_hit(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script("Paris.")
        miss, hit = ask(client), ask(client)
        assert upstream.calls == 1
        assert (miss.cacheback_hit, hit.cacheback_hit) == (False, True)
        assert hit.choices[0].message.content == "Paris."
        assert type(hit) is type(miss)
        assert hit.usage == miss.usage
        assert hit.id != miss.id

    def test_a_paraphrase(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script("Paris.")
        ask(client)
        hit = ask(client, "capital of France?")
        assert upstream.calls == 1
        told = info(hit)
        assert told is not None
        assert (told.tier, told.reason) == (Tier.SEMANTIC, Reason.ABOVE_THRESHOLD)
        assert told.similarity is not None
        assert told.similarity >= 0.92

    def test_what_was_saved_is_told(self, client: CachedOpenAI) -> None:
        miss = ask(client)
        told = info(ask(client))
        assert told is not None
        assert told.saved.tokens == miss.usage.total_tokens
        assert told.saved.seconds > 0
        assert told.saved.money is not None

    def test_a_near_miss_goes_upstream(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        ask(client)
        told = info(ask(client, "What is the capital of Finland?"))
        assert upstream.calls == 2
        assert told is not None
        assert not told.hit
        assert told.similarity is not None

    def test_raw_responses_and_their_headers(self, client: CachedOpenAI) -> None:
        completions = client.chat.completions.with_raw_response
        for expected in ("false", "true"):
            raw = completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": FRANCE}]
            )
            assert raw.headers["x-cacheback-hit"] == expected
            assert raw.parse().choices
            assert raw.elapsed.total_seconds() >= 0

    def test_tool_calls_come_back_and_only_for_the_same_text(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        call = ToolCall("call_1", "search", '{"q": "Paris"}')
        upstream.script(Reply(tool_calls=(call,)))
        ask(client, tools=[TOOL])
        hit = ask(client, tools=[TOOL])
        assert hit.cacheback_hit
        assert hit.choices[0].message.tool_calls[0].function.arguments == '{"q": "Paris"}'
        other = ask(client, "capital of France?", tools=[TOOL])
        told = info(other)
        assert told is not None
        assert told.reason is Reason.TOOLS_EXACT_ONLY

    def test_gzip_from_upstream(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script(Reply("Paris.", gzip=True))
        assert ask(client).choices[0].message.content == "Paris."
        assert ask(client).cacheback_hit

    def test_an_answer_from_populate_is_a_whole_completion(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        ask(client)
        (entry,) = client.cache.entries()
        scope = client.cache.store.scope_parts(entry.scope)
        client.cache.populate("Who wrote Hamlet?", "Shakespeare.", scope=scope)
        hit = ask(client, "Who wrote Hamlet?")
        assert upstream.calls == 1
        assert hit.choices[0].message.content == "Shakespeare."
        assert hit.choices[0].finish_reason == "stop"


class TestScope:
    @pytest.mark.parametrize(
        "other",
        [
            {"model": "gpt-4o"},
            {"temperature": 0.3},
            {"seed": 7},
            {"max_tokens": 5},
            {"tools": [TOOL]},
            {"response_format": {"type": "json_object"}},
            {"extra_body": {"something_new": 1}},
            {"extra_headers": {"OpenAI-Beta": "x=1"}},
            {"extra_query": {"api-version": "1"}},
            {"extra_headers": {"X-Cacheback-Namespace": "shop"}},
            {
                "messages": [
                    {"role": "system", "content": "Be kind."},
                    {"role": "user", "content": FRANCE},
                ]
            },
            {
                "messages": [
                    {"role": "user", "content": "Hello"},
                    {"role": "assistant", "content": "Hello!"},
                    {"role": "user", "content": FRANCE},
                ]
            },
        ],
        ids="-".join,
    )
    def test_what_can_change_the_answer_is_in_it(
        self, client: CachedOpenAI, upstream: ScriptedUpstream, other: dict[str, Any]
    ) -> None:
        ask(client)
        assert not ask(client, **other).cacheback_hit
        assert upstream.calls == 2

    @pytest.mark.parametrize("other", [{"user": "u"}, {"metadata": {"a": "b"}}, {"timeout": 5}])
    def test_what_cannot_is_not(self, client: CachedOpenAI, other: dict[str, Any]) -> None:
        ask(client)
        assert ask(client, **other).cacheback_hit

    def test_another_key_is_another_tenant(self, make_client: Callable[..., CachedOpenAI]) -> None:
        ask(make_client(api_key="sk-one"))
        assert not ask(make_client(api_key="sk-two")).cacheback_hit
        assert ask(make_client(api_key="sk-one")).cacheback_hit

    def test_a_named_tenant_is_shared(
        self, make_client: Callable[..., CachedOpenAI], make_cache: Callable[..., SemanticCache]
    ) -> None:
        shared = make_cache(tenant="everyone")
        ask(make_client(api_key="sk-one", cache=shared))
        assert ask(make_client(api_key="sk-two", cache=shared)).cacheback_hit

    def test_the_key_is_nowhere_on_disk(self, client: CachedOpenAI, tmp_path: Path) -> None:
        ask(client)
        client.cache.stats()
        stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        assert FRANCE.encode() in stored
        assert b"sk-test" not in stored


class TestAttachments:
    @staticmethod
    def picture(data: str) -> dict[str, Any]:
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}

    def look(self, client: CachedOpenAI, text: str, data: str) -> Any:
        content = [{"type": "text", "text": text}, self.picture(data)]
        return ask(client, messages=[{"role": "user", "content": content}])

    def test_another_text_on_the_same_picture_may_hit(self, client: CachedOpenAI) -> None:
        self.look(client, "What is in this picture?", "AAAA")
        assert self.look(client, "What's in this picture?", "AAAA").cacheback_hit

    def test_the_same_text_on_another_picture_never(self, client: CachedOpenAI) -> None:
        self.look(client, "What is in this picture?", "AAAA")
        assert not self.look(client, "What is in this picture?", "BBBB").cacheback_hit


class TestControl:
    def test_modes(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        def mode(name: str) -> dict[str, Any]:
            return {"extra_headers": {"X-Cacheback-Mode": name}}

        upstream.script("old", "unseen", "new")
        ask(client)
        assert ask(client, **mode("bypass")).choices[0].message.content == "unseen"
        assert ask(client).choices[0].message.content == "old"
        assert ask(client, **mode("refresh")).choices[0].message.content == "new"
        assert ask(client, **mode("only-if-cached")).choices[0].message.content == "new"
        assert upstream.calls == 3

    def test_memory_only_is_an_error_at_once_where_memory_has_nothing(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        with pytest.raises(openai.APIStatusError, match="only-if-cached") as raised:
            ask(client, extra_headers={"X-Cacheback-Mode": "only-if-cached"})
        assert raised.value.status_code == 504
        assert isinstance(raised.value, NotCachedError)
        assert upstream.calls == 0

    def test_a_control_that_cannot_be_read_is_told(self, client: CachedOpenAI) -> None:
        with pytest.raises(openai.BadRequestError, match="must be one of") as raised:
            ask(client, extra_headers={"X-Cacheback-Mode": "of"})
        assert isinstance(raised.value, InputError)

    def test_an_error_of_ours_is_caught_as_either(self, client: CachedOpenAI) -> None:
        only = options(client, mode="only-if-cached")
        for kind in (NotCachedError, openai.OpenAIError, LookupError):
            with pytest.raises(kind):
                ask(only)

    def test_and_comes_at_once(self, make_client: Callable[..., CachedOpenAI]) -> None:
        sent: list[Any] = []
        only = options(make_client(max_retries=3), mode="only-if-cached")
        only._client.event_hooks = {"request": [sent.append]}
        with pytest.raises(NotCachedError):
            ask(only)
        assert len(sent) == 1

    def test_an_error_of_the_provider_is_the_sdk_s_alone(
        self, make_client: Callable[..., CachedOpenAI], upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply("no", status=400))
        with pytest.raises(openai.BadRequestError) as raised:
            ask(make_client())
        assert not isinstance(raised.value, CachebackError)

    def test_tags_and_lifetime(self, client: CachedOpenAI, clock: Any) -> None:
        ask(client, extra_headers={"X-Cacheback-Tags": "a,b", "X-Cacheback-TTL": "60"})
        (entry,) = client.cache.entries(tags=["b"])
        assert entry.expires_at == clock.now + 60

    def test_no_control_reaches_upstream(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        ask(client, extra_headers={"X-Cacheback-Mode": "bypass"})
        ask(client, extra_headers={"X-Cacheback-Tags": "a"})
        for request in upstream.requests:
            assert not [name for name in request.headers if "cacheback" in name]


class TestNotStored:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply("cut short", finish_reason="length"),
            Reply("", finish_reason="content_filter"),
            Reply(payload={"choices": []}),
        ],
    )
    def test_what_is_not_whole(
        self, client: CachedOpenAI, upstream: ScriptedUpstream, reply: Reply
    ) -> None:
        upstream.script(reply)
        ask(client)
        assert not ask(client).cacheback_hit

    def test_errors_pass_as_they_are(
        self, make_client: Callable[..., CachedOpenAI], upstream: ScriptedUpstream
    ) -> None:
        client = make_client(max_retries=0)
        upstream.script(Reply("slow down", status=429), Reply(body=b"not JSON"), "Paris.")
        with pytest.raises(openai.RateLimitError, match="slow down"):
            ask(client)
        with pytest.raises(Exception, match=r"(?i)json|expecting value"):
            ask(client)
        assert ask(client).choices[0].message.content == "Paris."

    def test_a_cut_link(
        self, make_client: Callable[..., CachedOpenAI], upstream: ScriptedUpstream
    ) -> None:
        client = make_client(max_retries=0)
        upstream.script(Reply("Paris.", cut_after=10))
        with pytest.raises(openai.APIConnectionError):
            ask(client)
        assert not client.cache.entries()

    def test_a_retry_makes_one_record(
        self, make_client: Callable[..., CachedOpenAI], upstream: ScriptedUpstream
    ) -> None:
        client = make_client(max_retries=1)
        upstream.script(Reply("later", status=500, headers={"retry-after-ms": "1"}), "Paris.")
        assert ask(client).choices[0].message.content == "Paris."
        assert len(client.cache.entries()) == 1

    def test_stateful_requests(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        for _ in range(2):
            told = info(ask(client, store=True))
            assert told is not None
            assert told.reason is Reason.STATEFUL
        assert upstream.calls == 2


class TestPassing:
    def test_other_endpoints_pass_untouched(self, cache: SemanticCache) -> None:
        with (
            ScriptedUpstream(echo=True) as upstream,
            CachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="sk") as client,
        ):
            client.post("/anything?a=b", cast_to=object, body={"x": 1})
            client.get("/models", cast_to=object)
            one, other = upstream.requests
        assert (one.method, one.path, one.json) == ("POST", "/v1/anything?a=b", {"x": 1})
        assert (other.method, other.path) == ("GET", "/v1/models")

    def test_a_disabled_cache_is_a_plain_client(
        self, make_client: Callable[..., CachedOpenAI], upstream: ScriptedUpstream, tmp_path: Path
    ) -> None:
        client = make_client(cache_dir=tmp_path / "off", cache_enabled=False)
        assert not [one for one in (ask(client), ask(client)) if hasattr(one, "cacheback_hit")]
        assert not hasattr(ask(client, extra_headers={"X-Cacheback-Mode": "refresh"}), "cacheback")
        assert not [name for name in upstream.requests[2].headers if "cacheback" in name]
        assert upstream.calls == 3


class TestOneCall:
    def test_for_a_hundred_threads(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.hold()
        with ThreadPoolExecutor(100) as pool:
            asked = [pool.submit(ask, client) for _ in range(100)]
            upstream.wait_for(1)
            upstream.release()
            answers = [one.result() for one in asked]
        assert upstream.calls == 1
        assert len({answer.choices[0].message.content for answer in answers}) == 1
        assert len({answer.id for answer in answers}) == 100

    def test_a_leader_that_fails_hands_over(
        self, make_client: Callable[..., CachedOpenAI], upstream: ScriptedUpstream
    ) -> None:
        client = make_client(max_retries=0)
        upstream.script(Reply("broken", status=500), "Paris.")
        upstream.hold()
        together = threading.Barrier(9)

        def one() -> Any:
            together.wait()
            try:
                return ask(client).choices[0].message.content
            except openai.InternalServerError:
                return None

        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(one) for _ in range(8)]
            together.wait()
            upstream.wait_for(1)
            upstream.release()
            answers = [future.result() for future in asked]
        assert answers.count(None) == 1
        assert answers.count("Paris.") == 7
        assert upstream.calls == 2

    def test_impatient_followers_call_themselves(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.hold()
        with ThreadPoolExecutor(2) as pool:
            leader = pool.submit(ask, client)
            upstream.wait_for(1)
            follower = pool.submit(ask, client, timeout=0.05, model="gpt-4o-mini")
            upstream.wait_for(2)
            upstream.release()
            assert leader.result().choices
            # It called on its own; whether upstream was in time for it is not ours to say.
            follower.exception()


class TestTheClient:
    def test_is_the_sdk_s_own_class(self, client: CachedOpenAI) -> None:
        assert isinstance(client, openai.OpenAI)

    def test_copies_share_the_cache(self, client: CachedOpenAI) -> None:
        ask(client)
        for twin in (client.with_options(timeout=5), client.copy(max_retries=0)):
            assert isinstance(twin, CachedOpenAI)
            assert twin.cache is client.cache
            assert ask(twin).cacheback_hit

    def test_a_copy_with_another_http_client_shares_it_too(self, client: CachedOpenAI) -> None:
        ask(client)
        with openai.DefaultHttpxClient() as http:
            assert ask(client.copy(http_client=http)).cacheback_hit

    def test_somebody_s_http_client_stays_as_it_was(
        self, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        with openai.DefaultHttpxClient() as http:
            options: dict[str, Any] = {
                "base_url": upstream.openai_url,
                "api_key": "sk-test",
                "http_client": http,
            }
            cached = CachedOpenAI(cache=cache, **options)
            ask(cached)
            assert ask(cached).cacheback_hit
            plain = openai.OpenAI(**options)
            assert not hasattr(ask(plain), "cacheback_hit")
            del cached
            assert ask(plain).choices

    def test_closing_leaves_a_shared_cache_open(
        self, make_client: Callable[..., CachedOpenAI], cache: SemanticCache
    ) -> None:
        make_client().close()
        assert cache.lookup(FRANCE) is None
        assert ask(make_client()).choices

    def test_closing_closes_its_own_cache(
        self, make_client: Callable[..., CachedOpenAI], tmp_path: Path
    ) -> None:
        client = make_client(cache_dir=tmp_path / "own")
        client.close()
        with pytest.raises(Exception, match="closed"):
            client.cache.lookup(FRANCE)

    def test_settings_go_to_the_cache(
        self, make_client: Callable[..., CachedOpenAI], tmp_path: Path
    ) -> None:
        client = make_client(cache_dir=tmp_path / "own", similarity_threshold=0.5, timeout=7)
        assert client.cache.settings.similarity_threshold == 0.5
        assert client.timeout == 7

    def test_a_cache_and_settings_are_one_too_many(self, cache: SemanticCache) -> None:
        with pytest.raises(ConfigurationError, match="similarity_threshold"):
            CachedOpenAI(api_key="x", cache=cache, similarity_threshold=0.5)

    def test_a_directory_is_no_cache(self, tmp_path: Path) -> None:
        directory: Any = str(tmp_path)
        with pytest.raises(ConfigurationError, match="a directory is given as cache_dir"):
            CachedOpenAI(api_key="x", cache=directory)
        with (
            openai.OpenAI(api_key="x") as plain,
            pytest.raises(ConfigurationError, match="a directory is given as cache_dir"),
        ):
            wrap(plain, cache=directory)

    def test_a_mistake_in_the_sdk_s_own_arguments_is_the_sdk_s(self, tmp_path: Path) -> None:
        with pytest.raises(TypeError, match="no_such_option"):
            CachedOpenAI(api_key="x", cache_dir=tmp_path, no_such_option=1)

    def test_a_proxy_from_the_environment_is_asked_first_by_the_cache(
        self, cache: SemanticCache, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", upstream.url)
        with CachedOpenAI(
            cache=cache, base_url="http://provider.invalid/v1", api_key="x"
        ) as client:
            ask(client)
            assert ask(client).cacheback_hit
        assert upstream.requests[0].path == "http://provider.invalid/v1/chat/completions"

    def test_settings_beside_a_client_that_asks_a_cache_are_refused(
        self, client: CachedOpenAI
    ) -> None:
        with pytest.raises(ConfigurationError, match="asks a cache already and tenant"):
            CachedOpenAI(tenant="bob", http_client=client._client, api_key="sk-test")
        with CachedOpenAI(http_client=client._client, api_key="sk-test") as twin:
            assert twin.cache is client.cache


def test_a_request_that_came_before_is_read_as_if_it_were_new(
    client: CachedOpenAI, upstream: ScriptedUpstream
) -> None:
    """What is remembered of a request's bytes depends on nothing else."""
    asked: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}
    assert not client.chat.completions.create(**asked).cacheback_hit
    assert client.chat.completions.create(**asked).cacheback_hit
    other = client.with_options(api_key="another")
    assert not other.chat.completions.create(**asked).cacheback_hit
    refreshed = {"X-Cacheback-Mode": "refresh"}
    assert not client.chat.completions.create(**asked, extra_headers=refreshed).cacheback_hit
    assert client.chat.completions.create(**asked).cacheback_hit
    client.cache.clear()
    assert not client.chat.completions.create(**asked).cacheback_hit
    assert upstream.calls == 4
