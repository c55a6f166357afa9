from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cacheback import EmbedderError, EmbedderMismatchError, Reason, SemanticCache
from cacheback.assembly import EMBEDDER_META, REEMBEDDING_META, embedder_meta
from cacheback.core.memory import Memo
from cacheback.embedders import BaseEmbedder
from cacheback.embedders.checked import Checked
from cacheback.errors import ReembeddingError, StoreLockedError
from cacheback.models import Answer, Request
from cacheback.reembed import Progress, reembed, unfinished
from cacheback.store.sqlite import SQLiteStore
from cacheback.vectors import pack, unpack


class Letters(BaseEmbedder):
    """Letters as dimensions; blind to digits, and fails on one text on request."""

    name = "letters"
    dim = 26

    def __init__(self, fails_on: str = "") -> None:
        self.fails_on = fails_on
        self.encoded: list[str] = []

    def encode(self, text: str) -> list[float]:
        if text == self.fails_on:
            raise RuntimeError("out of order")
        self.encoded.append(text)
        return [1.0 + text.lower().count(chr(97 + i)) for i in range(26)]

    def blind_to(self, text: str) -> Reason | None:
        return Reason.UNREADABLE if any(map(str.isdigit, text)) else None


class Backwards(Letters):
    name = "backwards"

    def encode(self, text: str) -> list[float]:
        return super().encode(text)[::-1]


def words(count: int) -> list[str]:
    return [f"question {chr(97 + i % 26) * (1 + i // 26)}" for i in range(count)]


@pytest.fixture
def directory(make_cache: Callable[..., SemanticCache], tmp_path: Path) -> Path:
    """Twenty entries of `Letters` in two scopes, and one that only the exact tier may serve."""
    path = tmp_path / "filled"
    with make_cache(path, embedder=Letters()) as cache:
        for i, question in enumerate(words(20)):
            cache.populate(question, f"answer {i}", scope={"model": f"m{i % 2}"})
        tools = Request("question of tools", limits=(Reason.TOOLS_EXACT_ONLY,))
        cache.engine.memory.remember([Memo(tools, Answer("a"), "upstream")])
    return path


def checked(embedder: BaseEmbedder) -> Checked:
    return Checked(embedder, remember=0)


def vectors(directory: Path) -> dict[int, list[float]]:
    with closing(SQLiteStore(directory)) as store:
        found: dict[int, list[float]] = {}
        for scope in store.scopes(10):
            ids, data = store.vectors(scope)
            found |= dict(zip(ids, unpack(data, 26).tolist(), strict=True))
        return found


def test_every_vector_is_replaced(directory: Path) -> None:
    before = vectors(directory)
    done = reembed(directory, checked(Backwards()))
    assert (done.done, done.encoded) == (21, 20)
    assert vectors(directory) == {entry: vector[::-1] for entry, vector in before.items()}


def test_the_directory_belongs_to_the_new_embedder(
    directory: Path, make_cache: Callable[..., SemanticCache]
) -> None:
    with pytest.raises(EmbedderMismatchError):
        make_cache(directory, embedder=Backwards())
    reembed(directory, checked(Backwards()))
    with pytest.raises(EmbedderMismatchError):
        make_cache(directory, embedder=Letters())
    with make_cache(directory, embedder=Backwards()) as cache:
        assert cache.check() == []
        nearest = cache.search("question d", 1, scope={"model": "m1"}).candidates[0]
        assert nearest.entry.question == "question d"
        assert nearest.similarity == pytest.approx(1, abs=1e-3)


def test_what_only_the_exact_tier_may_serve_stays_so(directory: Path) -> None:
    reembed(directory, checked(Backwards()))
    assert len(vectors(directory)) == 20


def test_what_the_new_embedder_cannot_see_loses_its_vector(
    make_cache: Callable[..., SemanticCache], tmp_path: Path, embedder: BaseEmbedder
) -> None:
    path = tmp_path / "filled"
    with make_cache(path, embedder=embedder) as cache:
        cache.populate("What is the capital of France?", "Paris.")
        cache.populate("How far is 10 km?", "10 km.")
    done = reembed(path, checked(Letters()))
    assert (done.done, done.encoded) == (2, 1)
    assert list(vectors(path)) == [1]


def test_nothing_is_done_where_nothing_is_to_do(directory: Path) -> None:
    same = Letters()
    assert reembed(directory, checked(same)).done == 0
    assert same.encoded == []


def test_saved_indexes_are_dropped(directory: Path) -> None:
    saved = directory / "index" / "scope.json"
    saved.parent.mkdir(exist_ok=True)
    saved.touch()
    reembed(directory, checked(Backwards()))
    assert not saved.exists()


def test_progress_is_told_after_each_batch(directory: Path) -> None:
    told: list[tuple[int, int]] = []
    reembed(
        directory,
        checked(Backwards()),
        batch=8,
        on_progress=lambda progress, total: told.append((progress.done, total)),
    )
    assert told == [(8, 21), (16, 21), (21, 21)]


class TestInterrupted:
    @pytest.fixture
    def begun(self, directory: Path) -> Path:
        """A directory whose change of embedder failed in the second batch of eight."""
        with pytest.raises(EmbedderError):
            reembed(directory, checked(Backwards(words(20)[10])), batch=8, label="mine")
        return directory

    def test_it_is_noted(self, begun: Path) -> None:
        with closing(SQLiteStore(begun)) as store:
            target = embedder_meta(checked(Backwards()))
            assert unfinished(store) == Progress(target, "mine", after=8, done=8, encoded=8)

    @pytest.mark.parametrize("embedder", [Letters(), Backwards()])
    def test_no_cache_opens(
        self, begun: Path, make_cache: Callable[..., SemanticCache], embedder: BaseEmbedder
    ) -> None:
        with pytest.raises(ReembeddingError, match="cacheback reembed"):
            make_cache(begun, embedder=embedder)

    def test_it_goes_on_where_it_was(self, begun: Path) -> None:
        embedder = Backwards()
        done = reembed(begun, checked(embedder))
        assert embedder.encoded == words(20)[8:]
        assert (done.done, done.encoded) == (21, 20)

    def test_another_embedder_begins_anew(self, begun: Path) -> None:
        before = Letters()
        reembed(begun, checked(before))
        assert before.encoded == words(20)
        with closing(SQLiteStore(begun)) as store:
            assert store.meta(EMBEDDER_META) == embedder_meta(checked(before))

    def test_a_note_that_cannot_be_read_means_to_begin_anew(self, begun: Path) -> None:
        with closing(SQLiteStore(begun)) as store:
            store.set_meta({REEMBEDDING_META: "nonsense"})
        embedder = Backwards()
        reembed(begun, checked(embedder))
        assert embedder.encoded == words(20)


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from cacheback.embedders.checked import Checked
from cacheback.reembed import reembed
from shared_embedder import Reversed

class Killing(Reversed):
    def encode(self, text):
        if text == sys.argv[3]:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(text)

reembed(Path(sys.argv[1]), Checked(Killing()), batch=4)
"""


def test_after_a_kill_it_goes_on(
    directory: Path, tmp_path: Path, make_cache: Callable[..., SemanticCache]
) -> None:
    (tmp_path / "shared_embedder.py").write_text(
        "from cacheback.embedders import BaseEmbedder\n"
        "class Reversed(BaseEmbedder):\n"
        "    name, dim = 'backwards', 26\n"
        "    def encode(self, text):\n"
        "        return [1.0 + text.lower().count(chr(97 + i)) for i in range(26)][::-1]\n"
    )
    command = [sys.executable, "-c", KILLED, str(directory), str(tmp_path), words(20)[13]]
    killed = subprocess.run(command, check=False)
    assert killed.returncode == -signal.SIGKILL
    embedder = Backwards()
    assert reembed(directory, checked(embedder)).encoded == 20
    assert embedder.encoded == words(20)[12:]
    with make_cache(directory, embedder=Backwards()) as cache:
        assert cache.check() == []


class TestOthers:
    def test_it_refuses_while_somebody_has_it_open(
        self, directory: Path, make_cache: Callable[..., SemanticCache]
    ) -> None:
        with make_cache(directory, embedder=Letters()) as other:
            with pytest.raises(StoreLockedError, match="open in another process"):
                reembed(directory, checked(Backwards()))
            assert other.store.meta(REEMBEDDING_META) is None
            assert len(other.entries()) == 21
        assert reembed(directory, checked(Backwards())).encoded == 20

    def test_it_refuses_while_another_process_has_it_open(self, directory: Path) -> None:
        script = (
            "import sys; from cacheback.store.sqlite import SQLiteStore\n"
            "store = SQLiteStore(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", script, str(directory)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"open\n"
            with pytest.raises(StoreLockedError):
                reembed(directory, checked(Backwards()))
            other.communicate()
        assert reembed(directory, checked(Backwards())).encoded == 20

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_process_that_has_forked_and_is_not_seen_mixes_nothing(
        self, directory: Path, make_cache: Callable[..., SemanticCache]
    ) -> None:
        """A fork closes its connections, which are opened again when they are needed."""
        question, scope = words(20)[0], {"model": "m0"}
        with make_cache(directory, embedder=Letters()) as other:
            assert other.lookup(question, scope=scope)
            child = os.fork()
            if not child:  # pragma: no cover - another process
                os._exit(0)
            os.waitpid(child, 0)
            assert reembed(directory, checked(Backwards())).encoded == 20
            with pytest.raises(EmbedderMismatchError, match="open it again"):
                other.populate("a new question", "an answer")
            assert other.lookup(question, scope=scope) is None
            assert other.lookup(f"{question}?", scope=scope) is None
            assert other.stats().faults["store_failed"] == 2
        assert len(vectors(directory)) == 20

    def test_whoever_comes_in_at_the_last_moment_is_seen(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Just before the note that shuts others out."""
        others: list[SQLiteStore] = []
        note = SQLiteStore.set_meta

        def set_meta(store: SQLiteStore, values: Any) -> None:
            if not others:
                others.append(SQLiteStore(directory))
            note(store, values)

        monkeypatch.setattr(SQLiteStore, "set_meta", set_meta)
        with pytest.raises(StoreLockedError):
            reembed(directory, checked(Backwards()))
        with closing(others[0]) as other:
            assert other.meta(REEMBEDDING_META) is None

    def test_a_second_one_does_not_disturb_the_first(self, directory: Path) -> None:
        class Meeting(Backwards):
            def encode(self, text: str) -> list[float]:
                if text == words(20)[13]:
                    for other in (Third(), Backwards()):
                        with pytest.raises(StoreLockedError):
                            reembed(directory, checked(other))
                return super().encode(text)

        class Third(Letters):
            name = "third"

        assert reembed(directory, checked(Meeting()), batch=4).encoded == 20
        with closing(SQLiteStore(directory)) as store:
            assert unfinished(store) is None
            assert store.meta(EMBEDDER_META) == embedder_meta(checked(Backwards()))


def test_blocked_patterns_get_the_new_vectors_and_keep_their_reports(
    make_cache: Callable[..., SemanticCache], tmp_path: Path
) -> None:
    path = tmp_path / "blocked"
    with make_cache(path, embedder=Letters()) as cache:
        entry = cache.negative.add("aaaaaaaa")
        cache.negative.report_false_positive(entry.id, "aaaaaaab")
        cache.negative.report_false_positive(entry.id)
        cache.negative.add("aaaa 7")
    reembed(path, checked(Backwards()))
    with make_cache(path, embedder=Backwards()) as cache:
        blind, after = cache.negative.list()
        assert (after.pattern, after.reports) == ("aaaaaaaa", 2)
        assert cache.negative.check("aaaaaaab") is None
        assert cache.negative.check("aaaaaaaa")
        assert blind.pattern == "aaaa 7"
        _, held = cache.store.negatives.read()
    encode = Checked(Backwards()).encode
    assert held[0].draft.vector == pack(encode("aaaaaaaa"))
    assert [report.vector for report in held[0].reports] == [pack(encode("aaaaaaab")), None]
    assert held[1].draft.vector is None
