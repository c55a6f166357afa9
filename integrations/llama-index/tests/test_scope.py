"""What must be equal: no answer crosses it, and what cannot change an answer does not split it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms import MockLLM
from llama_index.core.program import LLMTextCompletionProgram
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.cacheback import CachebackLLM
from llama_index.llms.openai import OpenAI, OpenAIResponses
from openai import OpenAI as Client
from pydantic import BaseModel, SecretStr, create_model

from cacheback import Controls, Reason, SemanticCache
from cacheback.testing import ScriptedUpstream

QUESTION, PARAPHRASE = "How long do refunds take?", "How long does a refund take?"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def user(text: str = QUESTION) -> ChatMessage:
    return ChatMessage(role="user", content=text)


@pytest.fixture
def ask(make_openai: Callable[..., OpenAI], cache: SemanticCache) -> Callable[..., Any]:
    """Asks an LLM of its own settings, in one cache for all."""

    def ask(*messages: ChatMessage, kwargs: Any = None, **settings: Any) -> Any:
        llm = CachebackLLM(make_openai(**settings), cache)
        return llm.chat(list(messages) or [user()], **(kwargs or {}))

    return ask


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "gpt-4o"},
        {"kwargs": {"model": "gpt-4o"}},
        {"additional_kwargs": {"model": "gpt-4o"}},
        {"temperature": 0.7},
        {"kwargs": {"temperature": 0.7}},
        {"max_tokens": 9},
        {"api_key": "another"},
        {"additional_kwargs": {"seed": 7}},
        {"default_headers": {"x-policy": "strict"}},
        {"system_prompt": "Be rude."},
        {"kwargs": {"stop": ["x"]}},
        {"kwargs": {"response_format": {"type": "json_object"}}},
    ],
)
def test_another_setting_is_another_scope(
    ask: Callable[..., Any], upstream: ScriptedUpstream, settings: dict[str, Any]
) -> None:
    ask()
    ask(**settings)
    assert upstream.calls == 2
    ask(**settings)
    assert upstream.calls == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 7.0},
        {"max_retries": 2},
        {"reuse_client": False},
        {"kwargs": {"user": "ada"}},
    ],
)
def test_what_cannot_change_an_answer_is_left_out(
    ask: Callable[..., Any], upstream: ScriptedUpstream, settings: dict[str, Any]
) -> None:
    ask()
    ask(**settings)
    assert upstream.calls == 1


def test_a_setting_that_is_changed_later_counts(
    openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream
) -> None:
    llm = CachebackLLM(openai, cache)
    for temperature in (0.1, 0.9):
        llm.temperature = temperature
        llm.chat([user()])
    openai.temperature = 0.5  # on the LLM within
    llm.chat([user()])
    assert upstream.calls == 3


def test_another_endpoint_is_another_scope(
    openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream
) -> None:
    llm = CachebackLLM(openai, cache)
    llm.chat([user()])
    llm.complete(QUESTION)
    assert upstream.calls == 2


def test_and_so_is_another_integration(
    openai: OpenAI, anthropic: Anthropic, cache: SemanticCache, upstream: ScriptedUpstream
) -> None:
    for bare in (openai, anthropic):
        CachebackLLM(bare, cache).chat([user()])
    assert upstream.calls == 2


def test_where_two_name_one_thing_each_counts(
    ask: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    """Of OpenAI's integration, what the LLM was given wins over what a call says."""
    for seed in (1, 3):
        ask(additional_kwargs={"seed": seed}, kwargs={"seed": 2})
    assert [one.json["seed"] for one in upstream.requests] == [1, 3]


def test_saying_no_is_not_saying_nothing(
    ask: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    function = {"name": "f", "parameters": {"properties": {}}}
    tools = [{"type": "function", "function": function}]
    ask(kwargs={"tools": tools})
    ask(kwargs={"tools": tools, "parallel_tool_calls": False})
    assert upstream.calls == 2


class Guarded(MockLLM):
    """Keeps its key as pydantic's secret, which looks like every other."""

    access: SecretStr | None = None
    token_budget: int = 0

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        for name, value in fields.items():
            setattr(self, name, value)


def test_secrets_that_look_alike_are_told_apart(cache: SemanticCache) -> None:
    hits = []
    for key in ("one", "another", "one"):
        llm = CachebackLLM(Guarded(access=SecretStr(key)), cache)
        hits.append(llm.complete(QUESTION).additional_kwargs["cacheback_hit"])
    assert hits == [False, False, True]


def test_a_number_is_no_secret(make_cache: Callable[..., SemanticCache]) -> None:
    """It counts also where the tenant is named."""
    cache = make_cache(tenant="shop")
    for budget in (1, 2):
        llm = CachebackLLM(Guarded(token_budget=budget), cache)
        assert not llm.complete(QUESTION).additional_kwargs["cacheback_hit"]


class TestTenants:
    def test_the_key_of_a_client_within_counts(
        self, upstream: ScriptedUpstream, cache: SemanticCache
    ) -> None:
        for key in ("one", "another", "another"):
            bare = Anthropic(model="claude-sonnet-4-5", api_key=key, base_url=upstream.url)
            CachebackLLM(bare, cache).chat([user()])
        assert upstream.calls == 2

    def test_also_of_one_that_was_given(
        self, make_openai: Callable[..., OpenAI], upstream: ScriptedUpstream, cache: SemanticCache
    ) -> None:
        for key in ("one", "another"):
            client = Client(api_key=key, base_url=upstream.openai_url)
            CachebackLLM(make_openai(openai_client=client), cache).chat([user()])
        assert upstream.calls == 2

    def test_a_named_tenant_is_shared(
        self,
        make_openai: Callable[..., OpenAI],
        make_cache: Callable[..., SemanticCache],
        upstream: ScriptedUpstream,
    ) -> None:
        cache = make_cache(tenant="shop")
        for key in ("one", "another"):
            CachebackLLM(make_openai(api_key=key), cache).chat([user()])
        assert upstream.calls == 1

    def test_no_secret_is_kept(
        self, ask: Callable[..., Any], cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        ask(
            api_key="sk-secret",
            api_base=upstream.openai_url.replace("//", "//user:secret@"),
            default_headers={"authorization": "Bearer secret"},
            additional_kwargs={
                "extra_headers": {"x-policy": "secret"},
                "extra_body": {"routes": [{"api_key": "secret"}]},
            },
        )
        (entry,) = cache.entries()
        kept = str(cache.store.scope_parts(entry.scope)) + str(entry)
        assert "secret" not in kept


class TestConversations:
    def test_the_system_prompt_counts(
        self, ask: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        for role in ("system", "developer"):
            for text in ("Be brief.", "Be polite."):
                ask(ChatMessage(role=role, content=text), user())
        assert upstream.calls == 4

    def test_earlier_turns_count(self, ask: Callable[..., Any], upstream: ScriptedUpstream) -> None:
        for earlier in ("A lamp.", "A boat."):
            ask(user("What did I buy?"), ChatMessage(role="assistant", content=earlier), user())
        assert upstream.calls == 2

    def test_what_an_integration_notes_beside_a_turn_does_not(
        self, ask: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        """The same turn, from upstream and from memory, as one block or as text."""
        blocks = [ThinkingBlock(content="…", additional_information={"signature": "a"})]
        for notes, signature in (({"usage": {"n": 1}}, "a"), ({"stop_reason": "stop"}, "b")):
            blocks[0].additional_information["signature"] = signature
            turn = ChatMessage(
                role="assistant",
                blocks=[*blocks, TextBlock(text="A lamp.")],
                additional_kwargs=notes,
            )
            ask(user("What did I buy?"), turn, user())
        assert upstream.calls == 1

    def test_ids_of_calls_do_not_count_but_calls_do(
        self, ask: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        def turns(call: str, arguments: Any, result: str) -> list[ChatMessage]:
            block = ToolCallBlock(tool_call_id=call, tool_name="add", tool_kwargs=arguments)
            answered = ChatMessage(
                role=MessageRole.TOOL, content=result, additional_kwargs={"tool_call_id": call}
            )
            return [user(), ChatMessage(role="assistant", blocks=[block]), answered]

        ask(*turns("call_a", '{"a": 1}', "3"))
        ask(*turns("call_b", {"a": 1}, "3"))
        assert upstream.calls == 1
        ask(*turns("call_c", {"a": 2}, "3"))
        ask(*turns("call_d", {"a": 1}, "4"))
        assert upstream.calls == 3


class TestAttachments:
    @pytest.fixture
    def ask_about(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        def ask_about(*blocks: Any, text: str = QUESTION) -> Any:
            return ask(ChatMessage(role="user", blocks=[TextBlock(text=text), *blocks]))

        return ask_about

    def test_an_image_counts_by_its_content(
        self, ask_about: Callable[..., Any], upstream: ScriptedUpstream, tmp_path: Path
    ) -> None:
        (tmp_path / "a.png").write_bytes(PNG)
        ask_about(ImageBlock(path=tmp_path / "a.png", image_mimetype="image/png"))
        ask_about(ImageBlock(path=tmp_path / "a.png", image_mimetype="image/png"))
        assert upstream.calls == 1
        (tmp_path / "a.png").write_bytes(PNG + b"\0")  # the same path
        ask_about(ImageBlock(path=tmp_path / "a.png", image_mimetype="image/png"))
        assert upstream.calls == 2

    def test_data_addresses_audio_and_documents_count(
        self, ask_about: Callable[..., Any], upstream: ScriptedUpstream, cache: SemanticCache
    ) -> None:
        blocks = [
            ImageBlock(image=PNG),
            ImageBlock(url="http://example.org/a.png"),
            ImageBlock(url="http://example.org/b.png"),
            AudioBlock(audio=b"RIFF1", format="wav"),
            AudioBlock(audio=b"RIFF2", format="wav"),
            DocumentBlock(data=b"%PDF-1", title="a"),
            DocumentBlock(data=b"%PDF-2", title="a"),
        ]
        for _ in range(2):
            for block in blocks:
                ask_about(block)
        assert upstream.calls == len(blocks)
        kept = str([cache.store.scope_parts(entry.scope) for entry in cache.entries()])
        assert base64.b64encode(PNG).decode() not in kept

    def test_a_paraphrase_about_the_same_picture_is_answered(
        self, ask_about: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        ask_about(ImageBlock(image=PNG))
        ask_about(ImageBlock(image=PNG), text=PARAPHRASE)
        assert upstream.calls == 1

    def test_where_it_stands_counts(
        self, ask: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        one, two, picture = TextBlock(text="one"), TextBlock(text="two"), ImageBlock(image=PNG)
        for blocks in ([one, picture, two], [one, two, picture]):
            ask(ChatMessage(role="user", blocks=blocks))
        assert upstream.calls == 2


class TestExactOnly:
    @pytest.mark.parametrize(
        ("kwargs", "reason"),
        [
            (
                {
                    "tools": [
                        {
                            "type": "function",
                            "function": {"name": "f", "parameters": {"properties": {}}},
                        }
                    ]
                },
                Reason.TOOLS_EXACT_ONLY,
            ),
            ({"response_format": {"type": "json_object"}}, Reason.STRUCTURED_EXACT_ONLY),
            ({"n": 2}, Reason.CHOICES_EXACT_ONLY),
            ({"logprobs": True}, Reason.LOGPROBS_EXACT_ONLY),
        ],
    )
    def test_it_is_named_and_kept(
        self,
        ask: Callable[..., Any],
        upstream: ScriptedUpstream,
        cache: SemanticCache,
        kwargs: Any,
        reason: Reason,
    ) -> None:
        ask(kwargs=kwargs)
        ask(user(PARAPHRASE), kwargs=kwargs)
        assert upstream.calls == 2
        assert cache.stats().misses == {reason: 2}
        ask(kwargs=kwargs)
        assert upstream.calls == 2

    def test_also_where_the_llm_itself_is_set_so(
        self, ask: Callable[..., Any], upstream: ScriptedUpstream, cache: SemanticCache
    ) -> None:
        for question in (QUESTION, PARAPHRASE):
            ask(user(question), logprobs=True, additional_kwargs={"n": 2})
        assert upstream.calls == 2
        assert cache.stats().misses == {Reason.CHOICES_EXACT_ONLY: 2}

    def test_a_schema_in_the_prompt_is_one(
        self, make_openai: Callable[..., OpenAI], cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        """How LlamaIndex asks models for structure that have no way to be asked."""

        class Person(BaseModel):
            name: str

        llm = CachebackLLM(make_openai(), cache)
        program = LLMTextCompletionProgram.from_defaults(
            output_cls=Person, prompt_template_str="Make up a person: {what}", llm=llm
        )
        upstream.script('{"name": "Ada"}', '{"name": "Eve"}')
        names = [program(what=what).name for what in ("she codes", "she does code", "she codes")]
        assert names == ["Ada", "Eve", "Ada"]
        assert cache.stats().misses == {Reason.STRUCTURED_EXACT_ONLY: 2}

    def test_two_schemas_of_one_name_are_two(
        self,
        openai: OpenAI,
        anthropic: Anthropic,
        cache: SemanticCache,
        upstream: ScriptedUpstream,
    ) -> None:
        from llama_index.core.prompts import PromptTemplate

        for bare in (openai, anthropic):
            llm, calls = CachebackLLM(bare, cache), upstream.calls
            for fields in ({"name": (str, ...)}, {"name": (str, ...), "age": (int, ...)}):
                person = create_model("Person", **fields)  # type: ignore[call-overload]
                llm.structured_predict(person, PromptTemplate("Make up a person."))
            assert upstream.calls == calls + 2

    @pytest.mark.parametrize("state", [{"store": True}, {"track_previous_responses": True}])
    def test_what_has_a_state_is_not_cached(
        self, upstream: ScriptedUpstream, cache: SemanticCache, state: Any
    ) -> None:
        bare = OpenAIResponses(
            model="gpt-4o-mini", api_key="test", api_base=upstream.openai_url, **state
        )
        llm = CachebackLLM(bare, cache)
        for _ in range(2):
            llm.chat([user()])
        assert upstream.calls == 2
        assert not cache.stats().entries
        assert cache.stats().misses == {Reason.STATEFUL: 2}


class TestControls:
    @pytest.mark.parametrize(
        ("mode", "calls"),
        [("default", 0), ("only-if-cached", 0), ("refresh", 2), ("bypass", 2)],
    )
    def test_modes(
        self,
        openai: OpenAI,
        cache: SemanticCache,
        upstream: ScriptedUpstream,
        mode: Any,
        calls: int,
    ) -> None:
        CachebackLLM(openai, cache).chat([user()])
        llm = CachebackLLM(openai, cache, controls=Controls(mode=mode))
        said = llm.chat([user()]).message.content
        assert list(llm.stream_chat([user()]))[-1].message.content == said
        assert upstream.calls == 1 + calls

    def test_a_namespace_and_tags(
        self, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        for namespace in ("one", "two"):
            controls = Controls(namespace=namespace, tags=("faq",))
            CachebackLLM(openai, cache, controls=controls).chat([user()])
        assert upstream.calls == 2
        assert cache.invalidate(tags=["faq"]) == 2


def test_a_call_that_cannot_be_told_again_passes_untouched(cache: SemanticCache) -> None:
    """An argument that is no JSON would be another one each time, or, worse, the same."""
    llm = CachebackLLM(MockLLM(), cache)
    for _ in range(2):
        assert llm.complete("x", thing=object()).text == "x"
    assert not cache.stats().entries
    assert cache.stats().faults == {"wire_failed": 2}


@pytest.mark.parametrize("closes", [False, True])
def test_a_formatter_of_one_s_own_counts(cache: SemanticCache, closes: bool) -> None:
    calls = []

    def shout(messages: Any) -> str:
        return f"{messages[-1].content}!"

    def close(mark: str) -> Any:
        return lambda messages: f"{messages[-1].content}{mark}"

    for formatter in (None, close("!") if closes else shout, close("?") if closes else None):
        llm = CachebackLLM(MockLLM(messages_to_prompt=formatter), cache)
        calls.append(llm.chat([user()]).message.content)
    assert len(set(calls)) == (3 if closes else 2)
