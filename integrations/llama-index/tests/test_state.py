"""Both hold one state; copies and pickles are as LlamaIndex makes them."""

from __future__ import annotations

import copy
import gc
import logging
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms import MockLLM
from llama_index.llms.cacheback import CachebackLLM
from llama_index.llms.openai import OpenAI
from pydantic import ConfigDict

from cacheback import Controls, SemanticCache
from cacheback.testing import ScriptedUpstream

QUESTION = "How long do refunds take?"
MESSAGES = [ChatMessage(role="user", content=QUESTION)]


def test_what_is_set_on_one_is_set_on_the_other(openai: OpenAI, cache: SemanticCache) -> None:
    llm = CachebackLLM(openai, cache)
    llm.temperature = 0.7
    assert openai.temperature == 0.7
    openai.max_tokens = 5
    assert llm.max_tokens == 5
    assert llm.metadata.num_output == 5
    llm._client = client = openai._get_client()
    assert llm._get_client() is client


class Strict(MockLLM):
    """Assigning makes its dictionary anew."""

    model_config = ConfigDict(validate_assignment=True)


def test_also_where_assigning_is_validated(cache: SemanticCache) -> None:
    bare = Strict(max_tokens=3)
    llm = CachebackLLM(bare, cache)
    llm.max_tokens = 4
    assert (bare.max_tokens, llm.max_tokens) == (4, 4)
    manager = CallbackManager()
    llm.callback_manager = manager
    assert bare.callback_manager is manager


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda llm: llm.model_copy(), lambda llm: llm.model_copy(deep=True)],
)
def test_a_copy_is_an_llm_of_its_own_with_the_same_memory(
    make_openai: Any, cache: SemanticCache, upstream: ScriptedUpstream, copied: Any
) -> None:
    llm = CachebackLLM(make_openai(), cache, controls=Controls(tags=("a",)), index_version="1")
    other = copied(llm)
    assert type(other) is type(llm)
    assert other.cacheback.cache is cache
    assert other.cacheback.controls == Controls(tags=("a",))
    assert other.cacheback.index_version == "1"
    llm.chat(MESSAGES)
    other.chat(MESSAGES)
    assert upstream.calls == 1
    other.temperature = 0.9
    assert llm.temperature != 0.9
    other.chat(MESSAGES)
    assert upstream.calls == 2


def test_a_copy_with_a_change(openai: OpenAI, cache: SemanticCache) -> None:
    llm = CachebackLLM(openai, cache).model_copy(update={"temperature": 0.9})
    assert llm.cacheback.inner.temperature == 0.9
    assert openai.temperature != 0.9


def test_a_pickle_opens_the_same_directory(
    openai: OpenAI, tmp_path: Path, upstream: ScriptedUpstream, caplog: Any
) -> None:
    llm = CachebackLLM(openai, tmp_path / "cache", controls=Controls(namespace="n"))
    said = llm.chat(MESSAGES).message.content
    caplog.set_level(logging.ERROR)  # LlamaIndex warns that it leaves the clients out
    other, third = (pickle.loads(pickle.dumps(llm)) for _ in range(2))
    assert type(other) is type(llm)
    assert other.cacheback.controls == Controls(namespace="n")
    assert other.cacheback.cache is third.cacheback.cache is not llm.cacheback.cache
    assert other.chat(MESSAGES).message.content == said
    assert upstream.calls == 1
    llm.cacheback.cache.close()
    other.cacheback.cache.close()


def test_also_in_another_process(tmp_path: Path) -> None:
    llm = CachebackLLM(MockLLM(), tmp_path / "cache")
    llm.complete(QUESTION)
    (tmp_path / "llm").write_bytes(pickle.dumps(llm))
    llm.cacheback.cache.close()
    code = (
        "import pickle, sys; llm = pickle.load(open(sys.argv[1], 'rb'));"
        f"print(llm.complete({QUESTION!r}).additional_kwargs['cacheback_hit'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "llm")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"


def test_a_cache_that_was_closed_is_opened_anew(tmp_path: Path) -> None:
    pickled = pickle.dumps(CachebackLLM(MockLLM(), tmp_path / "cache"))
    for _ in range(2):
        llm = pickle.loads(pickled)
        llm.complete(QUESTION)
        llm.cacheback.cache.close()
    llm = pickle.loads(pickled)
    assert llm.complete(QUESTION).additional_kwargs["cacheback_hit"]
    llm.cacheback.cache.close()


def test_parts_of_llamaindex_take_it_as_it_is(openai: OpenAI, cache: SemanticCache) -> None:
    llm = CachebackLLM(openai, cache)
    assert FunctionAgent(llm=llm, tools=[]).llm is llm
    structured = llm.as_structured_llm(Strict)
    assert structured.llm is llm
    before = Settings._llm
    try:
        Settings.llm = llm
        assert Settings.llm is llm
    finally:
        Settings._llm = before


def test_one_class_is_made_for_all(cache: SemanticCache) -> None:
    one, other = (CachebackLLM(MockLLM(), cache) for _ in range(2))
    assert type(one) is type(other)
    assert type(one).__name__ == "CachebackMockLLM"
    gc.collect()
