"""From messages to question and scope: what counts, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.load import dumps
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_cacheback.turns import Conversation, conversation, plain, turns_in, turns_of

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 500}}


def read(*messages: AnyMessage) -> Conversation:
    """Both ways to a conversation, which must agree."""
    turns = turns_in(dumps(list(messages)))
    assert turns is not None
    dumped = conversation(turns)
    assert dumped == conversation(turns_of(messages))
    return dumped


def test_the_last_human_text_is_the_question_and_the_rest_is_scope() -> None:
    found = read(
        SystemMessage("Be brief."),
        HumanMessage("Hi"),
        AIMessage("Hello!"),
        HumanMessage("What is Python?"),
    )
    assert found.question == "What is Python?"
    assert found.system == [{"role": "system", "content": "Be brief."}]
    assert found.history == [
        {"role": "human", "content": "Hi"},
        {"role": "ai", "content": "Hello!"},
    ]
    assert not found.has_tools


def asked_after_a_tool(id_: str, **told: Any) -> tuple[AnyMessage, ...]:
    call = {"name": "add", "args": {"a": 1}, "id": id_}
    return (
        HumanMessage("Add.", id=f"human-{id_}"),
        AIMessage("", tool_calls=[call], id=f"run-{id_}", **told),
        ToolMessage("2", tool_call_id=id_),
    )


def test_what_changes_with_every_run_does_not_count() -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    one = read(*asked_after_a_tool("call_1"))
    other = read(
        *asked_after_a_tool(
            "call_2",
            usage_metadata=usage,
            response_metadata={"id": "chatcmpl-1", "system_fingerprint": "fp"},
            additional_kwargs={"refusal": None, "tool_calls": [{"id": "call_2"}]},
        )
    )
    assert one == other
    assert one.has_tools
    assert one.question == ""


@pytest.mark.parametrize(
    "other",
    [
        (*asked_after_a_tool("1")[:2], ToolMessage("3", tool_call_id="1")),
        (*asked_after_a_tool("1")[:2], ToolMessage("2", tool_call_id="1", status="error")),
        (*asked_after_a_tool("1")[:2], ToolMessage("2", tool_call_id="other")),
        (HumanMessage("Add."), AIMessage("", tool_calls=[{"name": "add", "args": {}, "id": "1"}])),
        (HumanMessage("Add.", name="Ann"), *asked_after_a_tool("1")[1:]),
        (SystemMessage("Add."), *asked_after_a_tool("1")[1:]),
        (ChatMessage(content="Add.", role="critic"), *asked_after_a_tool("1")[1:]),
    ],
)
def test_what_reaches_the_model_counts(other: tuple[AnyMessage, ...]) -> None:
    assert read(*other) != read(*asked_after_a_tool("1"))


def test_a_name_beside_the_question_counts() -> None:
    assert read(HumanMessage("Hi", name="Ann")).history == [
        {"role": "human", "name": "Ann", "content": None}
    ]
    assert read(HumanMessage("Hi")).history == []


def test_calls_that_stand_in_the_content_again_do_not_count_twice() -> None:
    call = {"name": "add", "args": {"a": 1}, "id": "toolu_1"}
    block = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}}
    said = read(AIMessage([block], tool_calls=[call]), HumanMessage("And?"))
    again = read(AIMessage([], tool_calls=[call]), HumanMessage("And?"))
    assert [turn.get("tool_calls") for turn in said.history] == [
        turn.get("tool_calls") for turn in again.history
    ]
    alone = turns_of([AIMessage("x"), HumanMessage("And?")])
    alone[0] = {**alone[0], "content": [block]}
    assert conversation(alone).history != again.history


def test_one_text_block_is_that_text() -> None:
    block = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
    assert read(HumanMessage([block])) == read(HumanMessage("Hi"))
    assert read(SystemMessage([block]), HumanMessage("x")) == read(
        SystemMessage("Hi"), HumanMessage("x")
    )


def test_attachments_are_told_by_digest_and_place() -> None:
    found = read(HumanMessage([{"type": "text", "text": "What is this?"}, PICTURE]))
    assert found.question == "What is this?"
    (text, picture) = found.attachments
    assert text == {"type": "text", "text": 0}
    assert picture["image_url"]["url"].startswith("sha256:")
    turned = read(HumanMessage([PICTURE, {"type": "text", "text": "What is this?"}]))
    assert turned.attachments != found.attachments


def test_the_same_lines_around_a_picture_are_not_the_same() -> None:
    one = read(HumanMessage(["a", PICTURE, "b\nc"]))
    other = read(HumanMessage(["a\nb", PICTURE, "c"]))
    assert one.question == other.question
    assert one.attachments != other.attachments
    assert read(HumanMessage(["a", "b"])).attachments != read(HumanMessage(["a\nb"])).attachments


def test_ids_that_langchain_makes_up_do_not_count_and_ids_of_files_do() -> None:
    def file(id_: str) -> Conversation:
        return read(HumanMessage(["Look:", {"type": "file", "source_type": "id", "id": id_}]))

    assert file("lc_1") == file("lc_2")
    assert file("file-1") != file("file-2")


def test_a_developer_message_is_no_system_message_and_belongs_to_the_system() -> None:
    developer = SystemMessage("x", additional_kwargs={"__openai_role__": "developer"})
    assert read(developer, HumanMessage("Hi")).system == [
        {"role": "developer", "content": "x", "kwargs": {"__openai_role__": "developer"}}
    ]


@pytest.mark.parametrize("prompt", ["What is Python?", "[1, 2]", "[", "[]", '[{"lc": 1}]', "[[]]"])
def test_a_plain_prompt_is_a_question(prompt: str) -> None:
    assert turns_in(prompt) is None
    assert plain(prompt).question == prompt
