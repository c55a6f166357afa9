"""The admin API, the metrics and what the dashboard is fed with."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cacheback import SemanticCache, StoreError
from cacheback.proxy.keys import digest
from cacheback.testing import ScriptedUpstream
from cacheback.testing.faulty import Faulty
from cacheback.transfer.importing import import_entries

TOKEN = {"authorization": "Bearer admin-token"}
QUESTION = "How do I reset my password?"
NEAR = "How do I not reset my password?"


def ask(proxy: Any, question: str = QUESTION, **headers: str) -> httpx2.Response:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": question}]}
    return httpx2.post(f"{proxy.openai_url}/chat/completions", json=body, headers=headers)


class Admin:
    """A client with the token."""

    def __init__(self, proxy: Any) -> None:
        self._client = httpx2.Client(base_url=f"{proxy.url}/admin", headers=TOKEN)

    def __call__(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        return self._client.request(method, path, **rest)

    def get(self, path: str, **params: Any) -> Any:
        answer = self("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def proxy(make_proxy: Callable[..., Any]) -> Any:
    return make_proxy(admin_token=digest("admin-token"))


@pytest.fixture
def admin(proxy: Any) -> Any:
    client = Admin(proxy)
    yield client
    client.close()


class TestToken:
    @pytest.mark.parametrize("path", ["/admin/stats", "/admin/openapi.json", "/metrics"])
    @pytest.mark.parametrize(
        "headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic x"}]
    )
    def test_nobody_gets_in_without_it(
        self, proxy: Any, path: str, headers: dict[str, str]
    ) -> None:
        answer = httpx2.get(proxy.url + path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert httpx2.get(proxy.url + path, headers=TOKEN).status_code == 200

    def test_without_one_configured_nobody_gets_in_at_all(
        self, make_proxy: Callable[..., Any]
    ) -> None:
        answer = httpx2.get(f"{make_proxy().url}/admin/stats", headers=TOKEN)
        assert answer.status_code == 403
        assert "CACHEBACK_ADMIN_TOKEN" in answer.text

    def test_a_client_key_is_no_admin_token(self, make_proxy: Callable[..., Any]) -> None:
        keys = (digest("client-key-1"),)
        proxy = make_proxy(admin_token=digest("admin-token"), client_keys=keys)
        shown = {"authorization": "Bearer client-key-1"}
        assert httpx2.get(f"{proxy.url}/admin/stats", headers=shown).status_code == 401
        assert ask(proxy, **TOKEN).status_code == 401

    def test_metrics_can_be_opened(self, make_proxy: Callable[..., Any]) -> None:
        assert httpx2.get(f"{make_proxy(open_metrics=True).url}/metrics").status_code == 200


class TestFigures:
    def test_stats(self, proxy: Any, admin: Any) -> None:
        for _ in range(2):
            ask(proxy)
        told = admin.get("/stats")
        assert (told["entries"], told["lookups"], told["hit_rate"]) == (1, 2, 0.5)
        assert told["hits"] == {"exact": 1}
        assert told["saved_tokens"] > 0

    def test_decisions_newest_first_and_filtered(self, proxy: Any, admin: Any) -> None:
        for question in (QUESTION, QUESTION, NEAR):
            ask(proxy, question, authorization="Bearer sk-secret")
        told = admin.get("/decisions")
        assert [one["tier"] for one in told] == ["upstream", "exact", "upstream"]
        assert told[0]["reason"] == "negation_differs"
        assert told[0]["question"] == NEAR
        assert told[0]["seconds"] > 0
        assert "sk-secret" not in json.dumps(told)
        assert admin.get("/decisions", near=True) == told[:1]
        assert admin.get("/decisions", tier="exact") == told[1:2]
        assert admin.get("/decisions", limit=1) == told[:1]

    def test_what_was_blocked_failed_or_not_there_is_told(
        self, proxy: Any, admin: Any, upstream: ScriptedUpstream
    ) -> None:
        pattern = proxy.cache.negative.add(QUESTION, "no passwords")
        assert ask(proxy).status_code == 403
        ask(proxy, "Why?", **{"x-cacheback-mode": "only-if-cached"})
        missing, blocked = admin.get("/decisions")
        assert (blocked["tier"], blocked["reason"]) == ("negative", "blocked")
        assert (blocked["detail"], blocked["pattern"]) == ("no passwords", pattern.id)
        assert (missing["tier"], missing["reason"]) == ("none", "only_if_cached")
        assert upstream.calls == 0

    def test_history_counts_by_minute(self, proxy: Any, admin: Any) -> None:
        for _ in range(2):
            ask(proxy)
        tiers: dict[str, int] = {}
        for minute in admin.get("/history"):
            assert minute["at"] % 60 == 0
            for tier, count in minute["tiers"].items():
                tiers[tier] = tiers.get(tier, 0) + count
        assert tiers == {"upstream": 1, "exact": 1}

    def test_what_is_near(self, proxy: Any, admin: Any) -> None:
        ask(proxy)
        (found,) = admin.get("/near", question=NEAR)
        assert found["reason"] == "negation_differs"
        assert found["entry"]["question"] == QUESTION
        assert not found["serve"]

    def test_metrics(self, proxy: Any) -> None:
        for question in (QUESTION, QUESTION, NEAR):
            ask(proxy, question)
        text = httpx2.get(f"{proxy.url}/metrics", headers=TOKEN).text
        told = {
            (one.name, *sorted(one.labels.items())): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }
        served = ("reason", "same_text"), ("tier", "exact")
        assert told["cacheback_requests_total", *served] == 1
        assert told[("cacheback_request_seconds_count", ("tier", "upstream"))] == 2
        assert told[("cacheback_entries",)] == 2
        assert told[("cacheback_encode_seconds_count",)] >= 2
        assert told[("cacheback_flights",)] == 0
        assert told[("cacheback_store_up",)] == 1
        assert told[("cacheback_saved_tokens",)] > 0
        spent = ("tier", "upstream")
        assert told["cacheback_spent_calls_total", spent] == 2
        assert told["cacheback_spent_tokens_total", spent] > told[("cacheback_saved_tokens",)]
        assert told["cacheback_spent_dollars_total", spent] > 0
        assert QUESTION not in text


class TestEntries:
    def test_search_view_and_delete(self, proxy: Any, admin: Any) -> None:
        for question in (QUESTION, NEAR, "Where is my card?"):
            ask(proxy, question, **{"x-cacheback-tags": "card" if "card" in question else ""})
        assert admin.get("/entries")["total"] == 3
        assert admin.get("/entries", text="RESET")["total"] == 2
        (card,) = admin.get("/entries", tag="card")["entries"]
        assert card["tags"] == ["card"]
        page = admin.get("/entries", limit=2)["entries"]
        assert [*page, card] == [*page, *admin.get("/entries", after=page[1]["id"])["entries"]]
        whole = admin.get(f"/entries/{card['id']}")
        assert whole["parts"]["model"] == "gpt-4o"
        assert admin("DELETE", f"/entries/{card['id']}").json() == {"count": 1, "dry_run": False}
        assert admin("DELETE", f"/entries/{card['id']}").status_code == 404
        assert admin("GET", f"/entries/{card['id']}").status_code == 404
        assert ask(proxy, "Where is my card?").headers["x-cacheback-hit"] == "false"

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/invalidate", {"older_than": 0, "dry_rum": True}),
            ("POST", "/negative", {"pattern": "How?", "reson": "because"}),
            ("GET", "/entries?tags=a", None),
        ],
    )
    def test_what_is_misspelt_does_nothing(
        self, proxy: Any, admin: Any, method: str, path: str, body: Any
    ) -> None:
        proxy.cache.populate("What is the capital of France?", "Paris.")
        answer = admin(method, path, json=body)
        assert answer.status_code in (400, 422)
        assert any(name in answer.text for name in ("dry_rum", "reson", "tags"))
        assert len(proxy.cache.entries()) == 1
        assert not proxy.cache.negative.list()

    def test_invalidate_counts_before_it_deletes(self, proxy: Any, admin: Any) -> None:
        ask(proxy)
        ask(proxy, NEAR)
        which = {"scope": {"model": "gpt-4o"}}
        for dry in (True, False):
            answer = admin("POST", "/invalidate", json={**which, "dry_run": dry})
            assert answer.json() == {"count": 2, "dry_run": dry}
        assert admin.get("/stats")["entries"] == 0
        assert admin("POST", "/invalidate", json={}).status_code == 400
        wrong = admin("POST", "/invalidate", json={"scope": {"modell": "x"}})
        assert wrong.status_code == 400
        assert "modell" in wrong.json()["detail"]

    def test_export_can_be_imported(self, proxy: Any, admin: Any, embedder: Any) -> None:
        ask(proxy)
        told = admin("GET", "/export").content
        with SemanticCache(":memory:", embedder=embedder) as other:
            import_entries(other, io.BytesIO(told))
            assert [one.question for one in other.entries()] == [QUESTION]


class TestNegative:
    def test_block_catch_report_and_remove(self, proxy: Any, admin: Any) -> None:
        added = admin("POST", "/negative", json={"pattern": QUESTION, "reason": "ask a person"})
        assert added.status_code == 201
        pattern = added.json()
        assert admin.get("/negative") == [pattern]
        refused = ask(proxy)
        assert refused.status_code == 403
        assert refused.headers["x-cacheback-tier"] == "negative"
        ask(proxy, "how do i reset my password please")
        raised = admin("POST", f"/negative/{pattern['id']}/false-positive", json={})
        assert raised.json()["reports"] == 1
        assert admin("DELETE", f"/negative/{pattern['id']}").status_code == 204
        assert admin("DELETE", f"/negative/{pattern['id']}").status_code == 404
        assert ask(proxy).status_code == 200

    @pytest.mark.parametrize(
        ("body", "status"),
        [({}, 422), ({"pattern": ""}, 422), ({"pattern": " "}, 400), ({"pattern": 1}, 422)],
    )
    def test_what_is_no_pattern_is_refused(
        self, admin: Any, body: dict[str, Any], status: int
    ) -> None:
        assert admin("POST", "/negative", json=body).status_code == status

    def test_an_unknown_pattern_is_a_sentence(self, admin: Any) -> None:
        answer = admin("POST", "/negative/99/false-positive", json={"text": "x"})
        assert answer.status_code == 400
        assert "99" in answer.json()["detail"]


def test_a_store_that_fails_is_a_503_and_calls_go_on(
    proxy: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Faulty(proxy.cache.store, fail={"meta", "stats", "record"}, error=StoreError)
    monkeypatch.setattr(proxy.cache, "store", broken)
    assert httpx2.get(f"{proxy.url}/readyz").status_code == 503
    assert httpx2.get(f"{proxy.url}/healthz").status_code == 200
    assert admin("GET", "/stats").status_code == 503
    assert ask(proxy).status_code == 200


def test_the_page_may_run_its_own_script_and_no_other(proxy: Any) -> None:
    answer = httpx2.get(f"{proxy.url}/dashboard")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "innerHTML" not in answer.text
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in answer.text


class TestLearning:
    OTHER = "How can I reset my password?"

    def test_feedback(self, proxy: Any, admin: Admin, upstream: ScriptedUpstream) -> None:
        ask(proxy)
        assert ask(proxy, self.OTHER).headers["x-cacheback-tier"] == "semantic"
        told = admin("POST", "/feedback", json={"entry": 1, "label": "wrong"})
        assert told.status_code == 200
        assert told.json() == {
            "entry_id": 1,
            "label": "wrong",
            "question": self.OTHER,
            "other": QUESTION,
            "judgements": 1,
            "own": False,
            "deleted": False,
        }
        assert ask(proxy, self.OTHER).headers["x-cacheback-reason"] == "reported_wrong"
        assert upstream.calls == 2

    def test_mistakes(self, proxy: Any, admin: Admin) -> None:
        ask(proxy)
        given = {"entry": 1, "label": "wrong"}
        assert admin("POST", "/feedback", json=given | {"entry": 9}).status_code == 404
        assert admin("POST", "/feedback", json=given | {"label": "bad"}).status_code == 422
        assert admin("POST", "/feedback", json=given | {"questoin": "q"}).status_code == 422
        refused = admin("POST", "/feedback", json=given)
        assert refused.status_code == 400
        assert "never" not in refused.text
        assert "say for which question" in refused.text

    def test_report(self, proxy: Any, admin: Admin) -> None:
        ask(proxy)
        ask(proxy, self.OTHER)
        told = admin.get("/report")
        assert told["served"]["hits"] == {"semantic": 1}
        assert told["served"]["hit_rate"] == 0.5
        assert (told["served"]["compared"], told["served"]["wrong_high"]) == (0, 1)
        assert told["reported"] == {}
        (pair,) = told["pairs"]
        assert (pair["entry_id"], pair["question"], pair["doubt"]) == (1, self.OTHER, "unsure")
        assert sum(one["unknown"] for one in told["bins"]) == 1
        assert admin.get("/report", since=4e9)["served"]["hits"] == {}
        assert admin.get("/report", pairs=0)["pairs"] == []
        assert admin("GET", "/report?sicne=5").status_code == 400

    def test_a_client_s_own_word(
        self, proxy: Any, admin: Admin, upstream: ScriptedUpstream
    ) -> None:
        ask(proxy)
        ask(proxy, self.OTHER)
        answer = ask(proxy, self.OTHER, **{"x-cacheback-feedback": "wrong"})
        assert answer.headers["x-cacheback-reason"] == "reported_wrong"
        assert "x-cacheback-feedback" not in upstream.requests[-1].headers
        assert ask(proxy, self.OTHER).headers["x-cacheback-tier"] == "exact"
        assert admin.get("/report")["reported"] == {"wrong": 1}
