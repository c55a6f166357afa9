"""Query and chat engines over a real index with the bundled embedder, offline."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core import Document, PromptTemplate, VectorStoreIndex
from llama_index.core.chat_engine.types import ChatMode
from llama_index.core.prompts import SelectorPromptTemplate
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.types import BaseOutputParser
from llama_index.llms.cacheback import CachebackEmbedding, CachebackLLM, index_version
from llama_index.llms.openai import OpenAI

from cacheback import ConfigurationError, Reason, SemanticCache, info
from cacheback.testing import ScriptedUpstream

REFUNDS = "Refunds take five business days after we have received the goods."
SHIPPING = "We ship to Norway within a week."
QUESTION, PARAPHRASE = "How long do refunds take?", "How long does a refund take?"
NEAR_MISS = "How long do refunds not take?"
ANSWERING = sorted(set(ResponseMode) - {ResponseMode.NO_TEXT, ResponseMode.CONTEXT_ONLY})


def index_of(*texts: str) -> Any:
    documents = [Document(text=text) for text in texts]
    return VectorStoreIndex.from_documents(documents, embed_model=CachebackEmbedding())


@pytest.fixture(scope="module")
def index() -> Any:
    return index_of(REFUNDS, SHIPPING)


@pytest.fixture
def llm(openai: OpenAI, cache: SemanticCache) -> Any:
    return CachebackLLM(openai, cache)


class TestQueries:
    @pytest.mark.parametrize("streaming", [False, True])
    @pytest.mark.parametrize("mode", ANSWERING)
    def test_the_second_run_calls_nobody(
        self, index: Any, llm: Any, upstream: ScriptedUpstream, mode: Any, streaming: bool
    ) -> None:
        streaming = streaming and "accumulate" not in mode  # these cannot
        engine = index.as_query_engine(llm=llm, response_mode=mode, streaming=streaming)
        first, calls = str(engine.query(QUESTION)), upstream.calls
        assert str(engine.query(QUESTION)) == first
        assert upstream.calls == calls
        assert calls

    async def test_nor_does_the_async_one(
        self, index: Any, llm: Any, upstream: ScriptedUpstream
    ) -> None:
        engine = index.as_query_engine(llm=llm)
        first = str(await engine.aquery(QUESTION))
        assert str(await engine.aquery(QUESTION)) == first
        assert upstream.calls == 1

    @pytest.mark.parametrize("streaming", [False, True])
    def test_a_paraphrase_is_answered_by_meaning(
        self, index: Any, llm: Any, upstream: ScriptedUpstream, streaming: bool
    ) -> None:
        engine = index.as_query_engine(llm=llm, similarity_top_k=1, streaming=streaming)
        assert str(engine.query(PARAPHRASE)) == str(engine.query(QUESTION))
        assert upstream.calls == 1
        assert str(engine.query(NEAR_MISS))
        assert upstream.calls == 2

    def test_another_context_never_answers(
        self, llm: Any, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        for text in (REFUNDS, REFUNDS.replace("five", "ten")):
            index_of(text).as_query_engine(llm=llm).query(QUESTION)
        assert upstream.calls == 2
        assert len({entry.scope for entry in cache.entries()}) == 2
        assert {entry.question for entry in cache.entries()} == {QUESTION}

    def test_nor_does_another_template(
        self, index: Any, llm: Any, upstream: ScriptedUpstream
    ) -> None:
        for manner in ("Be brief.", "Be polite."):
            template = PromptTemplate(f"{manner}\n{{context_str}}\nQuestion: {{query_str}}")
            index.as_query_engine(llm=llm, text_qa_template=template).query(QUESTION)
        assert upstream.calls == 2

    def test_a_prompt_without_a_known_question_is_matched_exactly_only(
        self, llm: Any, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        """Its text is mostly instructions, which would look alike whatever is asked."""
        template = PromptTemplate("Write a title for this text.\nText: {text}\nTitle: ")
        for text in ("The refunds take five days.", "Refunds take five days."):
            llm.predict(template, text=text)
        assert upstream.calls == 2
        assert cache.stats().misses[Reason.NO_QUESTION] == 2
        llm.predict(template, text="Refunds take five days.")
        assert upstream.calls == 2

    def test_nor_is_one_that_a_function_fills(self, llm: Any, upstream: ScriptedUpstream) -> None:
        fresh = iter(("Today is Monday.", "Today is Tuesday."))
        template = PromptTemplate(
            "{day}\n{query_str}", function_mappings={"day": lambda **_: next(fresh)}
        )
        for _ in range(2):
            llm.predict(template, query_str=QUESTION)
        assert upstream.calls == 2


class TestIndexVersion:
    def test_the_question_alone_then_counts(
        self, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        llm = CachebackLLM(openai, cache, index_version="2026-11")
        for text in (REFUNDS, REFUNDS.replace("five", "ten")):
            index_of(text).as_query_engine(llm=llm).query(QUESTION)
        assert upstream.calls == 1
        renewed = CachebackLLM(openai, cache, index_version="2026-12")
        index_of(REFUNDS).as_query_engine(llm=renewed).query(QUESTION)
        assert upstream.calls == 2

    def test_it_may_be_asked_for_each_time(
        self, index: Any, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        versions = iter(("1", "1", "2"))
        llm = CachebackLLM(openai, cache, index_version=lambda: next(versions))
        for _ in range(3):
            index.as_query_engine(llm=llm).query(QUESTION)
        assert upstream.calls == 2

    def test_only_what_was_retrieved_is_left_out(
        self, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        llm = CachebackLLM(openai, cache, index_version="1")
        template = PromptTemplate("{manner}\n{context_str}\n{query_str}")
        for manner in ("Be brief.", "Be polite."):
            llm.predict(template, manner=manner, context_str=REFUNDS, query_str=QUESTION)
        assert upstream.calls == 2

    def test_an_index_has_one(self) -> None:
        one, same = index_version(index_of(REFUNDS)), index_version(index_of(REFUNDS))
        assert one == same
        assert one != index_version(index_of(REFUNDS, SHIPPING))

    def test_unless_it_keeps_no_nodes(self) -> None:
        with pytest.raises(ConfigurationError, match="version of your own"):
            index_version(index_of())


class TestChats:
    # The agents among the modes were taken out of LlamaIndex.
    @pytest.mark.parametrize("mode", sorted(set(ChatMode) - {ChatMode.OPENAI, ChatMode.REACT}))
    @pytest.mark.parametrize("method", ["chat", "stream_chat"])
    def test_the_second_run_calls_nobody(
        self, index: Any, llm: Any, upstream: ScriptedUpstream, mode: Any, method: str
    ) -> None:
        calls, said = [], []
        for _ in range(2):
            engine = index.as_chat_engine(chat_mode=mode, llm=llm)
            for question in (QUESTION, "And to Norway?"):
                reply = getattr(engine, method)(question)
                said.append("".join(reply.response_gen) if method == "stream_chat" else str(reply))
            calls.append(upstream.calls)
        assert calls[0] == calls[1] > 0
        assert said[:2] == said[2:]

    def test_another_history_never_answers(
        self, index: Any, llm: Any, upstream: ScriptedUpstream
    ) -> None:
        for earlier in ("I bought a lamp.", "I bought a boat."):
            engine = index.as_chat_engine(chat_mode="simple", llm=llm)
            engine.chat(earlier)
            engine.chat(QUESTION)
        assert upstream.calls == 4


def test_the_retrieved_text_is_not_kept_twice(index: Any, llm: Any, cache: SemanticCache) -> None:
    """A scope has a digest of the context; the answer has what the LLM said."""
    reply = index.as_query_engine(llm=llm).query(QUESTION)
    (entry,) = cache.entries()
    parts = cache.store.scope_parts(entry.scope)
    assert REFUNDS not in json.dumps(parts)
    assert entry.answer.text == str(reply)


def test_what_the_cache_did_is_told(llm: Any) -> None:
    llm.complete(QUESTION)
    told = info(llm.complete(PARAPHRASE).additional_kwargs)
    assert told is not None
    assert (told.hit, told.tier, told.reason) == (True, "semantic", Reason.ABOVE_THRESHOLD)


class TestSurroundings:
    """Whatever stands around the question in a prompt is part of the scope."""

    def test_a_wrapper_of_the_llm_s_own(
        self, make_openai: Any, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        for manner in ("Be brief: {query_str}", "Be polite: {query_str}"):
            bare = make_openai(model="gpt-3.5-turbo-instruct", max_tokens=64)
            bare.query_wrapper_prompt = PromptTemplate(manner)
            CachebackLLM(bare, cache).predict(PromptTemplate("{query_str}"), query_str=QUESTION)
        assert upstream.calls == 2

    def test_what_is_parsed_is_matched_exactly_only(
        self, make_openai: Any, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        class Parser(BaseOutputParser):
            def parse(self, output: str) -> str:
                return output

        llm = CachebackLLM(make_openai(), cache)
        llm.output_parser = Parser()
        for question in (QUESTION, PARAPHRASE):
            llm.predict(PromptTemplate("Answer: {query_str}"), query_str=question)
        assert upstream.calls == 2
        assert cache.stats().misses == {Reason.NO_QUESTION: 2}

    def test_a_document_may_hold_the_question(self, llm: Any, upstream: ScriptedUpstream) -> None:
        index = index_of(f"Q: {QUESTION} A: Five days.")
        for question in (QUESTION, PARAPHRASE):
            index.as_query_engine(llm=llm).query(question)
        assert upstream.calls == 1

    def test_a_function_within_a_selection_of_prompts(
        self, llm: Any, upstream: ScriptedUpstream
    ) -> None:
        fresh = iter(("Monday", "Tuesday"))
        made = PromptTemplate(
            "{day} {query_str}", function_mappings={"day": lambda **_: next(fresh)}
        )
        for _ in range(2):
            llm.predict(SelectorPromptTemplate(made), query_str=QUESTION)
        assert upstream.calls == 2

    def test_a_variable_of_any_kind(self, llm: Any, upstream: ScriptedUpstream) -> None:
        prompt = PromptTemplate("{notes} {query_str}")
        for notes in ([1], [2], [1]):
            llm.predict(prompt, notes=notes, query_str=QUESTION)
        assert upstream.calls == 2

    def test_a_prompt_that_cannot_be_taken_apart_is_matched_exactly(
        self, llm: Any, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        class Thing:
            def __str__(self) -> str:
                return "a thing"

        prompt = PromptTemplate("{thing} {query_str}")
        for question in (QUESTION, QUESTION, PARAPHRASE):
            llm.predict(prompt, thing=Thing(), query_str=question)
        assert upstream.calls == 2
        assert cache.stats().faults == {"wire_failed": 3}

    @pytest.mark.parametrize("mode", ["context", "condense_plus_context"])
    def test_an_index_version_goes_for_chat_engines_too(
        self, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream, mode: str
    ) -> None:
        llm = CachebackLLM(openai, cache, index_version="1")
        for text in (REFUNDS, REFUNDS.replace("five", "ten")):
            index_of(text).as_chat_engine(chat_mode=mode, llm=llm).chat(QUESTION)
        assert upstream.calls == 1
