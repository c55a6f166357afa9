"""Schemathesis over the OpenAPI document: no answer that it does not describe, and no 500."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from cacheback.proxy.keys import digest

schemathesis = pytest.importorskip("schemathesis", reason="run by nox -s proxy")
hypothesis = pytest.importorskip("hypothesis")

TOKEN = {"Authorization": "Bearer admin-token"}


def test_every_route_answers_as_its_document_says(make_proxy: Callable[..., Any]) -> None:
    proxy = make_proxy(admin_token=digest("admin-token"))
    body = {"model": "m", "messages": [{"role": "user", "content": "How do I reset it?"}]}
    httpx2.post(f"{proxy.openai_url}/chat/completions", json=body)
    proxy.cache.negative.add("Who are you?")
    document = httpx2.get(f"{proxy.url}/admin/openapi.json", headers=TOKEN).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=proxy.url)
    # What fits the document may still be refused: an invalidation without any condition.
    excluded = [schemathesis.specs.openapi.checks.positive_data_acceptance]
    tried = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        tried.add(operation.label)

        def tries(case: Any) -> None:
            answer = case.call(headers=TOKEN)
            assert answer.status_code < 500, answer.text
            case.validate_response(answer, headers=TOKEN, excluded_checks=excluded)

        settings = hypothesis.settings(
            max_examples=30,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        settings(hypothesis.given(case=operation.as_strategy())(tries))()
    assert len(tried) > 15
