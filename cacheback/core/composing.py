"""Synthesis: whether to try it, from which entries, and what becomes of the model's reply.

What may live here: the synthesis tier and what it costs. What it may not know: which model writes,
and how; what the prompt says and how a reply is read (`synthesis.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

from cacheback.core.parts import Asked, FailingAs, Limits, PartFailedError, Parts
from cacheback.core.plan import Local, Plan, Read, Write
from cacheback.core.ports import Writer, Writing
from cacheback.core.recall import Recall
from cacheback.core.scope import caller
from cacheback.core.spending import charge, spend
from cacheback.core.synthesis import WHOLE, Prompt, Reader, Source, Stage, Telling
from cacheback.models import (
    JSON,
    Answer,
    Candidate,
    Entry,
    Outcome,
    Reason,
    Reply,
    Saved,
    Scope,
    Tier,
    Usage,
    Verdict,
)

# Parts of a scope that the synthesis model does not see: where they are not empty it cannot know
# what is being asked.
_UNSEEN = frozenset({"history", "attachments"})

# Characters of instructions and sources that a prompt may hold, about 12,000 tokens. A source that
# does not fit is left out whole: half of an answer may say the opposite.
_ROOM = 48_000

# Other scopes that are looked through where a wider scope is allowed; each costs about 20 µs.
_SCOPES = 100


@dataclass(frozen=True, slots=True)
class Material:
    """The sources of an answer, nearest first, and the prompt that asks for it."""

    near: tuple[tuple[Entry, float], ...]
    prompt: Prompt

    @property
    def entries(self) -> list[Entry]:
        return [entry for entry, _ in self.near]

    @property
    def ids(self) -> tuple[int, ...]:
        """All that the model was shown counts as its source, cited or not: it was read."""
        return tuple(entry.id for entry, _ in self.near)


class UnfitError(Exception):
    """A reply is no answer."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Composing:
    """The tier that lets a model write an answer from near entries."""

    def __init__(self, parts: Parts, limits: Limits, recalling: Recall) -> None:
        self._parts = parts
        self._limits = limits
        self._recalling = recalling

    def able(self, asked: Asked) -> bool:
        """Whether a request is one for which synthesis may be tried, given sources."""
        ruling = asked.ruling
        return (
            self._parts.writer is not None
            and not asked.shadow
            and ruling.recall
            and ruling.semantic
            and ruling.call
            and not _UNSEEN & asked.scope.parts.keys()
        )

    def instead(self, asked: Asked) -> bool:
        """Whether synthesis comes instead of serving an entry by meaning."""
        return self._limits.synthesis_mode == "always" and self.able(asked)

    def compose(self, asked: Asked, missed: Outcome) -> Plan[Outcome | None]:
        """An answer written from near entries; None where upstream has to answer.

        `reply` holds the answer, or the stream that tells it.
        """
        writer = self._parts.writer
        if writer is None or not (self.able(asked) and self._hopeful(asked, missed)):
            return None
        try:
            material: Material | None = yield Local(partial(self._material, asked))
            if material is None:
                return None
            writing: Writing = yield Write(writer, material.prompt, asked.request.patience)
        except Exception as error:  # noqa: BLE001 - nothing of ours fails the call
            self._parts.faults.report(Reason.SYNTHESIS_FAILED, error)
            self._parts.tally.count(f"synthesis.{Reason.SYNTHESIS_FAILED}")
            return None
        return (yield from self._read(asked, Attempt(self._parts, writer, material, writing)))

    def _read(self, asked: Asked, attempt: Attempt) -> Plan[Outcome | None]:
        """What the reply amounts to: an outcome with an answer, or with a stream of it; or None."""
        writing, streaming = attempt.writing, False
        try:
            reader = Reader(len(attempt.material.near))
            text = yield from _decided(writing, reader)
            outcome = attempt.outcome(reader.cited)
            if asked.request.stream and asked.request.voice is not None:
                voice = asked.request.voice(outcome)
                telling = Telling(voice, reader, text, attempt.finished, attempt.failed)
                reply = writing.stream(telling, outcome.sources)
                streaming = True
                return replace(outcome, reply=reply)
            while (piece := (yield Read(writing))) is not None:
                text += reader.feed(piece)
            answer = attempt.finished(text)
            if answer is None:
                return None
            saved = attempt.saved(answer.usage)
            return replace(outcome, saved=saved, reply=Reply(None, answer, seconds=writing.seconds))
        except Exception as error:  # noqa: BLE001 - whatever a synthesizer raises: upstream answers
            attempt.failed(error)
            return None
        finally:
            if not streaming:
                writing.abandon()

    def _hopeful(self, asked: Asked, missed: Outcome) -> bool:
        """Whether there may be sources, by what memory has said already."""
        if missed.similarity is not None and missed.similarity >= self._bar(asked):
            return True
        looked = missed.similarity is not None or missed.verdict.reason is Reason.EMPTY
        return looked and bool(self._limits.synthesis_scope)

    def _bar(self, asked: Asked) -> float:
        """Cosine from which an entry may be a source.

        A request that names a threshold of its own wants nothing that is less near.
        """
        return max(self._limits.synthesis_threshold, asked.request.controls.threshold or 0.0)

    # Sources --------------------------------------------------------------------------------

    def explain(self, asked: Asked) -> tuple[Candidate, ...]:
        """The entries from which synthesis would be tried, with the judge's word on each."""
        material = self._material(asked) if self.able(asked) else None
        near = [] if material is None else material.near
        return tuple(self._recalling.candidate(asked, entry, cosine) for entry, cosine in near)

    def _material(self, asked: Asked) -> Material | None:
        try:
            near = tuple(self._sources(asked))
        except PartFailedError:
            return None
        if not near:
            return None
        sources = [Source(entry.question, entry.answer.text) for entry, _ in near]
        write = self._limits.synthesis_prompt
        return Material(near, write(asked.request.question, sources, _instructions(asked)))

    def _sources(self, asked: Asked) -> Iterator[tuple[Entry, float]]:
        """Entries and their cosines, nearest first: at most `synthesis_top_k` that fit."""
        limits, bar = self._limits, self._bar(asked)
        with FailingAs(Reason.STORE_FAILED, self._parts.faults):
            scopes = [asked.scope.digest, *self._wider(asked.scope)]
        near = self._recalling.near(asked, max(limits.candidates, limits.synthesis_top_k), scopes)
        cosines = {entry_id: cosine for entry_id, cosine in near if cosine >= bar}
        with FailingAs(Reason.STORE_FAILED, self._parts.faults):
            entries = self._parts.store.get(list(cosines))
        room, left = _ROOM - len(_instructions(asked)), limits.synthesis_top_k
        for entry in entries:
            size = len(entry.question) + len(entry.answer.text)
            # The scope is checked once more: it is what must never go wrong.
            if left and size <= room and entry.scope in scopes and _may_inform(entry, asked.now):
                room, left = room - size, left - 1
                yield entry, cosines[entry.id]

    def _wider(self, scope: Scope) -> list[str]:
        """Other scopes that differ only in what sources may differ in."""
        freed = self._limits.synthesis_scope
        if not freed:
            return []
        store, here = self._parts.store, _without(scope.parts, freed)
        others = [digest for digest in store.scopes(_SCOPES) if digest != scope.digest]
        return [one for one in others if _without(store.scope_parts(one) or {}, freed) == here]


class Attempt:
    """One try at a synthesis: what it cost, what it saved, and why it failed if it did."""

    def __init__(self, parts: Parts, writer: Writer, material: Material, writing: Writing) -> None:
        self.material = material
        self.writing = writing
        self._parts = parts
        self._writer = writer

    def outcome(self, cited: Iterable[int]) -> Outcome:
        """The outcome of a synthesis whose text is still to come."""
        ids = self.material.ids
        named = ", ".join(str(ids[number - 1]) for number in cited)
        verdict = Verdict(True, Reason.SYNTHESIZED, f"cites {named}")
        cosine, model = self.material.near[0][1], self._writer.model
        return Outcome(None, Tier.SYNTHESIS, verdict, cosine, sources=ids, writer=model)

    def finished(self, text: str) -> Answer | None:
        """The reply is over: its answer, or None, and counted, when it was cut."""
        if self.writing.finish_reason not in WHOLE:
            self.failed(UnfitError(Reason.SYNTHESIS_CUT))
            return None
        usage = self._spend()
        saved, count = self.saved(usage), self._parts.tally.count
        count(f"hits.{Tier.SYNTHESIS}")
        count("saved.tokens", saved.tokens)
        count("saved.money", saved.money or 0.0)
        count("saved.seconds", saved.seconds)
        return self._answer(text, usage)

    def failed(self, error: Exception) -> None:
        """The attempt brought nothing, and what it cost is no saving."""
        reason = Reason.SYNTHESIS_FAILED
        if isinstance(error, UnfitError):
            reason = error.reason
        elif isinstance(error, TimeoutError):
            reason = Reason.SYNTHESIS_TIMEOUT
        else:
            self._parts.faults.report(reason, error)
        self._parts.tally.count(f"synthesis.{reason}")
        usage = self._spend()
        if usage is not None:
            charge(self._parts, usage)

    def saved(self, spent: Usage | None) -> Saved:
        """What upstream's answer would have taken, by the sources' mean, less what this one took.

        Money is None unless both are known.
        """
        entries = self.material.entries
        usages = [one.answer.usage for one in entries if one.answer.usage is not None]
        costs = [usage.cost for usage in usages if usage.cost is not None]
        waits = [one.seconds for one in entries if one.seconds is not None]
        tokens = fmean(usage.total for usage in usages) if usages else 0.0
        money = None
        if costs and spent is not None and spent.cost is not None:
            money = fmean(costs) - spent.cost
        return Saved(
            tokens=round(tokens) - (spent.total if usages and spent else 0),
            money=money,
            seconds=fmean(waits) - self.writing.seconds if waits else 0.0,
        )

    def _spend(self) -> Usage | None:
        """Count what the call cost; its usage, with a price where that is known."""
        usage, writer = self.writing.usage, self._writer
        return spend(self._parts, Tier.SYNTHESIS, usage, writer.model, writer.provider)

    def _answer(self, text: str, usage: Usage | None) -> Answer:
        model, provider = self._writer.model, self._writer.provider
        return Answer(text, finish_reason="stop", usage=usage, model=model, provider=provider)


def _decided(writing: Writing, reader: Reader) -> Plan[str]:
    """Read until the reply has decided; the part of its answer that is there by then.

    Raises:
        UnfitError: it is none.
    """
    text = ""
    while reader.stage is Stage.UNDECIDED:
        piece: str | None = yield Read(writing)
        if piece is None and writing.finish_reason not in WHOLE:
            raise UnfitError(Reason.SYNTHESIS_CUT)
        text = reader.end() if piece is None else reader.feed(piece)
    writing.decided = True
    if reader.stage is not Stage.ANSWERING:
        raise UnfitError(Reason(reader.stage.value))
    return text


def _may_inform(entry: Entry, now: float) -> bool:
    """A text that somebody gave for an answer; never one that was synthesised itself."""
    answer = entry.answer
    plain = not answer.tool_calls and bool(answer.text.strip())
    return plain and entry.provenance != "synthesis" and not entry.expired(now)


def _without(parts: Mapping[str, JSON], freed: Sequence[str]) -> dict[str, JSON]:
    """The parts in which sources may not differ; whose they are is never among those freed."""
    kept = {name: value for name, value in parts.items() if name not in freed}
    return {**kept, "caller": caller(parts)}


def _instructions(asked: Asked) -> str:
    """The text of the request's system prompt, in whatever dialect."""
    return "\n".join(_texts(asked.request.parts.get("system")))


def _texts(system: JSON) -> Iterator[str]:
    if isinstance(system, str):
        yield system
    elif isinstance(system, Mapping):
        for name in ("instructions", "text", "content"):
            yield from _texts(system.get(name))
    elif isinstance(system, Sequence):
        for one in system:
            yield from _texts(one)
