"""CachebackEmbedding: the bundled embedder as LlamaIndex's."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.schema import TextNode
from llama_index.llms.cacheback import CachebackEmbedding

from cacheback import ConfigurationError
from cacheback.embedders import BaseEmbedder, register_embedder

TEXTS = ["How long do refunds take?", "How long does a refund take?", "We ship to Norway."]


@pytest.fixture(scope="module")
def embedding() -> CachebackEmbedding:
    return CachebackEmbedding()


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_it_is_the_bundled_embedder(embedding: CachebackEmbedding, embedder: Any) -> None:
    vector = embedding.get_text_embedding(TEXTS[0])
    assert vector == pytest.approx(embedder.encode(TEXTS[0]).tolist())
    assert math.hypot(*vector) == pytest.approx(1)
    assert embedding.model_name == "minilm"


async def test_all_ways_give_the_same(embedding: CachebackEmbedding) -> None:
    batch = embedding.get_text_embedding_batch(TEXTS)
    assert batch == [embedding.get_query_embedding(text) for text in TEXTS]
    assert batch == await embedding.aget_text_embedding_batch(TEXTS)
    assert batch[0] == await embedding.aget_query_embedding(TEXTS[0])
    nodes = embedding([TextNode(text=text) for text in TEXTS])
    assert [node.embedding for node in nodes] == batch


def test_meaning_is_near(embedding: CachebackEmbedding) -> None:
    refunds, same, shipping = embedding.get_text_embedding_batch(TEXTS)
    assert cosine(refunds, same) > 0.9
    assert cosine(refunds, shipping) < 0.5


@pytest.mark.parametrize("text", ["refund " * 1000, "x" * 40_000, "返金" * 600])
def test_a_text_of_any_length(embedding: CachebackEmbedding, text: str) -> None:
    assert math.hypot(*embedding.get_text_embedding(text)) == pytest.approx(1)


def test_a_long_text_is_near_what_it_says(embedding: CachebackEmbedding) -> None:
    text = "Refunds take five business days after we have received the goods. " * 40
    long, question, other = embedding.get_text_embedding_batch([text, TEXTS[0], TEXTS[2]])
    assert cosine(long, question) > cosine(long, other) + 0.2


def test_it_can_be_pickled_and_written_out(embedding: CachebackEmbedding) -> None:
    other = pickle.loads(pickle.dumps(embedding))
    assert other.get_text_embedding("a") == embedding.get_text_embedding("a")
    assert CachebackEmbedding.from_dict(embedding.to_dict()).embedder == "minilm"


def test_settings_take_it(embedding: CachebackEmbedding) -> None:
    before = Settings._embed_model
    try:
        Settings.embed_model = embedding
        assert Settings.embed_model is embedding
    finally:
        Settings._embed_model = before


class Letters(BaseEmbedder):
    name = "letters-v1"
    dim = 2

    def encode(self, text: str) -> Any:
        return [float(len(text)), 0.0]


def test_an_embedder_of_one_s_own() -> None:
    register_embedder("letters", Letters)
    embedding = CachebackEmbedding("letters")
    assert embedding.get_text_embedding("abc") == [1.0, 0.0]
    assert embedding.model_name == "letters-v1"


def test_an_unknown_one_is_named() -> None:
    with pytest.raises(ConfigurationError, match="no embedder 'none'"):
        CachebackEmbedding("none")
