"""From a model and a call's arguments to scope: what splits it, what does not, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from cacheback import Reason
from langchain_cacheback.asking import Placed, asked_as, place
from langchain_cacheback.turns import plain


def openai(**fields: Any) -> ChatOpenAI:
    return ChatOpenAI(**{"model": "gpt-4o-mini", "api_key": "sk-1", **fields})


def told(asked: BaseChatModel, **arguments: Any) -> Placed:
    """What the cache makes of what LangChain tells it."""
    arguments.setdefault("stop", None)
    return place(asked_as(asked._get_llm_string(**arguments)), plain("What is Python?"))


def test_a_model_is_its_class_its_address_and_its_name() -> None:
    found = told(openai(base_url="http://localhost/v1", temperature=0.5))
    assert found.parts == {
        "provider": "langchain.chat_models.openai.ChatOpenAI",
        "endpoint": {"openai_api_base": "http://localhost/v1"},
        "model": "gpt-4o-mini",
        "parameters": {"temperature": 0.5},
    }
    assert found.limits == ()
    assert found.temperature == 0.5


@pytest.mark.parametrize(
    "fields",
    [
        {"timeout": 3},
        {"max_retries": 7},
        {"name": "Ann"},
        {"tags": ["a"]},
        {"metadata": {"run": 1}},
        {"streaming": True},
        {"stream_usage": True},
        {"disable_streaming": True},
        {"verbose": True},
        {"api_key": "sk-2"},  # LangChain hides it: `cached` sees it
    ],
)
def test_what_cannot_change_the_answer_does_not_split(fields: dict[str, Any]) -> None:
    assert told(openai(**fields)) == told(openai())


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "gpt-4o"},
        {"temperature": 1},
        {"max_tokens": 9},
        {"base_url": "http://elsewhere/v1"},
        {"default_headers": {"X-Team": "b"}},
        {"organization": "org-1"},
        {"reasoning_effort": "low"},
        {"output_version": "v1"},
        {"model_kwargs": {"novel": 1}},
        {"extra_body": {"novel": 1}},
    ],
)
def test_what_can_change_the_answer_splits(fields: dict[str, Any]) -> None:
    assert told(openai(**fields)).parts != told(openai()).parts


@pytest.mark.parametrize(
    "arguments", [{"stop": ["x"]}, {"model": "gpt-4o"}, {"temperature": 1}, {"novel": 1}]
)
def test_so_do_the_arguments_of_a_call(arguments: dict[str, Any]) -> None:
    assert told(openai(), **arguments).parts != told(openai()).parts


def test_what_may_be_secret_is_told_by_its_digest() -> None:
    model = openai(
        default_headers={"Authorization": "Bearer s3cret"},
        organization="s3cret",
        base_url="http://ann:s3cret@localhost/v1?key=s3cret",
        default_query={"key": "s3cret"},
    )
    found = told(model, extra_headers={"X": "s3cret"}, api_key="s3cret")
    assert "s3cret" not in str(found)
    assert "sha256:" in str(found)
    assert "s3cret" not in str(place(asked_as("my own model, key s3cret"), plain("Hi")))


TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}


class City(BaseModel):
    name: str


@pytest.mark.parametrize(
    ("arguments", "limit"),
    [
        ({"tools": [TOOL]}, Reason.TOOLS_EXACT_ONLY),
        ({"functions": [TOOL]}, Reason.TOOLS_EXACT_ONLY),
        ({"response_format": {"type": "json_object"}}, Reason.STRUCTURED_EXACT_ONLY),
        ({"format": "json"}, Reason.STRUCTURED_EXACT_ONLY),
        ({"output_config": {"format": {"type": "json_schema"}}}, Reason.STRUCTURED_EXACT_ONLY),
        ({"n": 2}, Reason.CHOICES_EXACT_ONLY),
        ({"logprobs": True}, Reason.LOGPROBS_EXACT_ONLY),
        ({"store": True}, Reason.STATEFUL),
        ({"previous_response_id": "resp_1"}, Reason.STATEFUL),
        ({"background": True}, Reason.STATEFUL),
        ({"response_format": City}, Reason.STATEFUL),
        ({"novel": object()}, Reason.STATEFUL),
        ({"novel": lambda: None}, Reason.STATEFUL),
        ({"novel": [{"deep": City}]}, Reason.STATEFUL),
    ],
)
def test_what_is_exact_only_and_what_is_not_cached(
    arguments: dict[str, Any], limit: Reason
) -> None:
    assert told(openai(), **arguments).limits[0] is limit


@pytest.mark.parametrize(
    "arguments",
    [
        {"response_format": {"type": "text"}},
        {"output_config": {"effort": "low"}},
        {"n": 1},
        {"logprobs": False},
        {"store": False},
    ],
)
def test_what_is_not_limited(arguments: dict[str, Any]) -> None:
    assert told(openai(), **arguments).limits == ()


def test_an_object_that_does_not_matter_is_left_out() -> None:
    assert told(openai(), timeout=object(), callbacks=[object()]) == told(openai())


def test_two_schemas_of_one_name_are_refused_as_only_the_name_is_told() -> None:
    def another() -> type[BaseModel]:
        class City(BaseModel):
            population: int

        return City

    one = openai()._get_llm_string(stop=None, response_format=type("City", (BaseModel,), {}))
    other = openai()._get_llm_string(stop=None, response_format=another())
    assert "City'>" in one
    for llm_string in (one, other):
        assert Reason.STATEFUL in place(asked_as(llm_string), plain("Hi")).limits


def test_as_tools_schemas_are_told_in_full() -> None:
    def bound(schema: type[BaseModel]) -> Placed:
        return told(openai(), **openai().bind_tools([schema]).kwargs)  # type: ignore[attr-defined]

    class Town(BaseModel):
        population: int

    Town.__name__ = "City"
    assert bound(City).limits == (Reason.TOOLS_EXACT_ONLY,)
    assert bound(City).parts["tools"] != bound(Town).parts["tools"]


def test_what_a_model_keeps_secret_and_is_no_credential_is_refused() -> None:
    servers = [{"type": "url", "url": "http://localhost", "name": "x"}]
    fields: dict[str, Any] = {"model": "claude-opus-5", "api_key": "k", "mcp_servers": servers}
    assert told(ChatAnthropic(**fields)).limits[0] is Reason.STATEFUL


def test_anything_else_counts_as_it_is() -> None:
    one, other = (place(asked_as(text), plain("Hi")) for text in ("a model", "another model"))
    assert one.parts != other.parts
    assert one.limits == ()


@pytest.mark.parametrize("text", ['{"lc": 1}---[(', '{"lc": 1', "[('stop', <broken", "{}", ""])
def test_what_cannot_be_read_is_never_taken_for_something_else(text: str) -> None:
    asked_as(text)
    assert asked_as(text) == asked_as(text)
    assert asked_as(text) != asked_as(text + " ")


def test_a_model_that_cannot_be_dumped_tells_its_parameters() -> None:
    text = "[('_type', 'mine'), ('client', <a.Client object at 0x7f>), ('stop', None), ('x', 1)]"
    found = place(asked_as(text), plain("Hi"))
    assert found.parts == {"parameters": {"_type": "mine", "x": 1}}
    assert found.limits == ()
