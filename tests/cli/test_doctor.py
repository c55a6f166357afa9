from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cacheback import SemanticCache
from cacheback.cli import diagnosis
from cacheback.embedders.minilm import MiniLM
from cacheback.judges import LearnedJudge
from cacheback.synthesizers.endpoint import KEYS


def findings(ran: Any) -> dict[str, dict[str, str]]:
    return {one["name"]: one for one in ran.json["findings"]}


def test_all_is_fine(run: Callable[..., Any], filled: SemanticCache) -> None:
    ran = run("doctor", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["ok"] is True
    found = findings(ran)
    here = ("python", "numpy", "onnxruntime", "model", "judge", "directory", "file", "self-test")
    for name in here:
        assert found[name]["level"] == "ok"
        assert found[name]["remedy"] == ""
    assert "4 entries in 4 scopes" in found["database"]["found"]
    assert "journal mode wal" in found["database"]["found"]
    assert "exact lookup" in found["self-test"]["found"]
    assert len(filled.entries()) == 4


def test_no_cache_yet_is_fine_and_stays_so(run: Callable[..., Any], directory: Path) -> None:
    ran = run("doctor")
    assert ran.code == 0
    assert "holds no cache yet" in " ".join(ran.out.split())
    assert not directory.exists()


def test_a_directory_open_to_others(run: Callable[..., Any], filled: SemanticCache) -> None:
    assert filled.settings.directory is not None
    filled.settings.directory.chmod(0o755)
    ran = run("doctor", "--json")
    assert ran.code == 0
    found = findings(ran)["directory"]
    assert (found["level"], found["remedy"]) == ("warn", f"chmod 700 {filled.settings.directory}")


def test_an_unfinished_change_of_embedder(run: Callable[..., Any], filled: SemanticCache) -> None:
    filled.store.set_meta({"reembedding": "{}"})
    ran = run("doctor")
    assert ran.code == 1
    assert "not finished" in ran.out
    assert "→ cacheback reembed" in ran.out


def test_another_embedder(run: Callable[..., Any], filled: SemanticCache) -> None:
    filled.store.set_meta({"embedder": '{"dim": 3, "fingerprint": "", "name": "other"}'})
    ran = run("doctor", "--json")
    assert (ran.code, ran.json["ok"]) == (1, False)
    found = findings(ran)["embedder"]
    assert found["level"] == "fail"
    assert found["found"].startswith("filled by other (3 dimensions); the settings say minilm (384")
    assert "cacheback reembed --embedder minilm" in found["remedy"]


@pytest.mark.usefixtures("filled")
def test_an_embedder_that_does_not_exist(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHEBACK_EMBEDDER", "nope")
    ran = run("doctor", "--json")
    assert ran.code == 1
    assert {findings(ran)[name]["level"] for name in ("embedder", "self-test")} == {"fail"}


def test_a_foreign_database(run: Callable[..., Any], directory: Path) -> None:
    directory.mkdir()
    (directory / "cache.db").write_bytes(b"something else" * 100)
    ran = run("doctor", "--json")
    assert ran.code == 1
    assert findings(ran)["database"]["level"] == "fail"


@pytest.mark.parametrize(("part", "name"), [(MiniLM, "model"), (LearnedJudge, "judge")])
def test_a_model_that_was_tampered_with(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, part: type, name: str
) -> None:
    monkeypatch.setattr(part, "check", lambda _: ["model.onnx: SHA-256 is 1, expected 2"])
    ran = run("doctor", "--json")
    assert ran.code == 1
    assert "--force-reinstall" in findings(ran)[name]["remedy"]


def test_what_is_not_installed(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "_version", lambda _: None)
    ran = run("doctor", "--json")
    found = findings(ran)
    assert (found["numpy"]["level"], found["hnswlib"]["level"]) == ("fail", "warn")
    assert "5,000 entries" in found["hnswlib"]["found"]
    assert "cacheback-ai[hnsw]" in found["hnswlib"]["remedy"]
    assert found["openai"]["level"] == "ok"


def test_settings_that_were_changed(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHEBACK_TTL", "none")
    assert "cache_ttl=None" in findings(run("doctor", "--json"))["settings"]["found"]


def test_a_misspelt_variable(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "environment" not in findings(run("doctor", "--json"))
    monkeypatch.setenv("CACHEBACK_CLIENT_KEYS", "a key of the proxy")
    monkeypatch.setenv("CACHEBACK_SIMILARITY_TRESHOLD", "0.9")
    found = findings(run("doctor", "--json"))["environment"]
    assert found["level"] == "warn"
    assert found["found"].startswith("CACHEBACK_SIMILARITY_TRESHOLD is no setting")
    assert found["remedy"] == "did you mean CACHEBACK_SIMILARITY_THRESHOLD?"


def test_settings_that_cannot_work_are_found_and_the_rest_is_examined(
    run: Callable[..., Any], filled: SemanticCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {
        "CACHEBACK_TTL": ("soon", "CACHEBACK_TTL='soon' cannot be read"),
        "CACHEBACK_SIMILARITY_THRESHOLD": ("3", "similarity_threshold is 3.0; it must be a number"),
        "CACHEBACK_PORT": ("70000", "port is 70000; it must be a number between 0 and 65535"),
    }
    for name, (value, _) in wrong.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CACHEBACK_NEGATIVE_THRESHOLD", "0.9")
    ran = run("doctor", "--json")
    assert (ran.code, ran.json["ok"]) == (1, False)
    found = [one for one in ran.json["findings"] if one["level"] == "fail"]
    assert [one["name"] for one in found] == ["environment"] * 3
    for name, (_, told) in wrong.items():
        (one,) = [one for one in found if name in one["remedy"]]
        assert told in one["found"]
        assert one["remedy"].startswith(f"correct {name} or unset it")
    rest = findings(ran)
    assert "negative_threshold=0.9" in rest["settings"]["found"]
    assert "cache_ttl" not in rest["settings"]["found"]
    assert "4 entries in 4 scopes" in rest["database"]["found"]
    assert "self-test" in rest
    assert "→ correct CACHEBACK_TTL or unset it" in " ".join(run("doctor").out.split())
    assert len(filled.entries()) == 4


def test_the_file_of_the_proxy_is_looked_at(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "proxy.toml"
    assert "config file" not in findings(run("doctor", "--json"))
    monkeypatch.setenv("CACHEBACK_CONFIG", str(file))
    assert f"{file} cannot be read" in findings(run("doctor", "--json"))["config file"]["found"]
    file.write_text('ports = 1\nport = "x"\nworkers = 0\nhost = "127.0.0.2"\n')
    ran = run("doctor", "--json")
    assert ran.code == 1
    told = [one for one in ran.json["findings"] if one["name"] == "config file"]
    assert [one["level"] for one in told] == ["fail"] * 3
    assert "sets 'ports', which is no setting; did you mean 'port'?" in told[0]["found"]
    assert f"port in {file}='x' cannot be read" in told[1]["found"]
    assert "workers is 0" in told[2]["found"]
    assert {one["remedy"] for one in told} == {
        f"correct {file}, which CACHEBACK_CONFIG names and `cacheback serve` reads"
    }
    file.write_text('host = "127.0.0.2"\n')
    one = findings(run("doctor", "--json"))["config file"]
    assert (one["level"], one["found"]) == ("ok", f"{file}: 1 setting for `cacheback serve`")


def test_settings_that_cannot_work_together(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    file = tmp_path / "proxy.toml"
    file.write_text('host = "0.0.0.0"\n')
    assert "proxy" not in findings(run("doctor", "--json"))
    monkeypatch.setenv("CACHEBACK_CONFIG", str(file))
    ran = run("doctor", "--json")
    one = findings(ran)["proxy"]
    assert (ran.code, one["level"]) == (1, "fail")
    assert "set CACHEBACK_CLIENT_KEYS" in one["found"]
    assert "sk-secret" not in ran.out


def test_a_cache_in_memory_has_nothing_to_examine(run: Callable[..., Any]) -> None:
    one = findings(run("doctor", "--cache-dir", ":memory:", "--json"))["directory"]
    assert (one["level"], one["found"]) == ("ok", "none: the cache is kept in memory")


def test_a_key_is_not_printed(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHEBACK_SYNTHESIS_MODEL_API_KEY", "secret")
    ran = run("doctor")
    assert "synthesis_model_api_key is set" in ran.out
    assert "secret" not in ran.out


def test_where_the_synthesis_model_is(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    assert "synthesis" not in findings(run("doctor", "--json"))
    monkeypatch.setenv("CACHEBACK_SYNTHESIS_MODE", "auto")
    found = findings(run("doctor", "--json"))["synthesis"]
    assert found["level"] == "warn"
    assert "OPENROUTER_API_KEY" in found["remedy"]
    monkeypatch.setenv("CACHEBACK_SYNTHESIS_MODEL", "local/llama")
    found = findings(run("doctor", "--json"))["synthesis"]
    assert (found["level"], found["found"]) == ("ok", "llama at http://127.0.0.1:8080/v1")


@pytest.mark.usefixtures("filled")
def test_little_space(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "_LITTLE_SPACE", 10**18)
    assert findings(run("doctor", "--json"))["free space"]["level"] == "warn"
