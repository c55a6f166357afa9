"""The admin API: figures, entries, decisions and blocked patterns, for who has the token."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cacheback.core.ports import Selection
from cacheback.errors import ConfigurationError, EmbedderError, InputError, StoreError
from cacheback.proxy.keys import Keys
from cacheback.proxy.recent import Decision, Recent
from cacheback.proxy.shapes import (
    CandidateShape,
    EntriesShape,
    EntryShape,
    FalsePositive,
    FeedbackShape,
    Id,
    Invalidated,
    Invalidation,
    MinuteShape,
    Name,
    NegativeShape,
    Opinion,
    Pattern,
    ReportShape,
    Seconds,
    StatsShape,
    Text,
)
from cacheback.transfer.exporting import PAGE, export_entries

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cacheback.cache import SemanticCache

Limit = Annotated[int, Query(ge=1, le=1_000)]
Cache: TypeAlias = "Callable[[], SemanticCache]"
_BEARER = HTTPBearer(auto_error=False, description="The admin token.")
_NONE: dict[int | str, dict[str, Any]] = {404: {"description": "There is none."}}
Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def guard(token: str | None) -> Callable[[HTTPAuthorizationCredentials | None], None]:
    """Lets in who shows the token of this digest; nobody where there is none."""
    keys = Keys([] if token is None else [token])

    def admit(shown: Shown) -> None:
        if not keys:
            raise HTTPException(403, "no admin token is configured; set CACHEBACK_ADMIN_TOKEN")
        if shown is None or not keys.open_to(shown.credentials.encode()):
            raise HTTPException(
                401, "show the admin token as Authorization: Bearer", {"WWW-Authenticate": "Bearer"}
            )

    return admit


def spelt(request: Request) -> None:
    """Refuses names in the query that the route does not know, as `Told` does in bodies."""
    known = {one.alias for one in request.scope["route"].dependant.query_params}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        told = ", ".join(sorted(known)) or "none"
        raise HTTPException(400, f"unknown in the query: {unknown[0]!r}; known: {told}")


def routes(token: str | None, cache: Cache, recent: Recent) -> APIRouter:
    """The routes below `/admin`.

    Args:
        token: the digest of the admin token.
        cache: gives the cache, once it is open.
        recent: what was decided lately.
    """
    api = APIRouter(
        prefix="/admin",
        dependencies=[Depends(guard(token)), Depends(spelt)],
        responses={
            400: {"description": "It cannot be done so; the message says why."},
            401: {"description": "The admin token was not shown."},
            403: {"description": "No admin token is configured."},
            503: {"description": "The store or the embedder failed."},
        },
    )
    _figures(api, cache, recent)
    _entries(api, cache)
    _forgetting(api, cache)
    _negatives(api, cache)
    _learning(api, cache)
    return api


def _figures(api: APIRouter, cache: Cache, recent: Recent) -> None:
    @api.get("/stats")
    def stats() -> StatsShape:
        """Figures since the directory was made."""
        return StatsShape.of(cache().stats())

    @api.get("/history")
    def history() -> list[MinuteShape]:
        """Who answered, by minute: the last day of this worker."""
        return [MinuteShape(at=at, tiers=tiers) for at, tiers in recent.history()]

    @api.get("/decisions")
    def decisions(
        near: bool = False, tier: Name | None = None, limit: Limit = 100
    ) -> list[Decision]:
        """The last decisions of this worker, newest first; `near`: an entry was, and not served."""
        return recent.decisions(near=near, tier=tier, limit=limit)

    @api.get("/near")
    def nearest(
        question: Text, limit: Annotated[int, Query(ge=1, le=50)] = 5
    ) -> list[CandidateShape]:
        """The entries of all scopes that are nearest to a question, and the judge's word on it."""
        found = cache().search(question, limit, everywhere=True)
        return [CandidateShape.of(one) for one in found]


def _entries(api: APIRouter, cache: Cache) -> None:
    @api.get("/entries")
    def entries(
        *,
        text: Text | None = None,
        tag: Annotated[list[Name] | None, Query(max_length=50)] = None,
        namespace: Name | None = None,
        older_than: Seconds | None = None,
        after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
        limit: Limit = 50,
    ) -> EntriesShape:
        """Entries with an id above `after`, by ascending id; `text` must occur in the question."""
        selection = cache().selection(
            text=text, tags=tag or (), namespace=namespace, older_than=older_than
        )
        found = cache().store.select(selection, after=after, limit=limit)
        total = cache().store.count(selection)
        return EntriesShape(total=total, entries=[EntryShape.of(one) for one in found])

    @api.get("/entries/{entry_id}", responses=_NONE)
    def entry(entry_id: Id) -> EntryShape:
        """One entry, with the parts of its scope."""
        found = cache().store.get([entry_id])
        if not found:
            raise HTTPException(404, f"there is no entry {entry_id}")
        return EntryShape.of(found[0], cache().store.scope_parts(found[0].scope))

    @api.get("/export", response_class=StreamingResponse)
    def export() -> StreamingResponse:
        """All entries as JSON lines, which `cacheback import` reads."""
        return StreamingResponse(_exported(cache()), media_type="application/x-ndjson")


def _forgetting(api: APIRouter, cache: Cache) -> None:
    @api.delete("/entries/{entry_id}", responses=_NONE)
    def delete(entry_id: Id) -> Invalidated:
        """Delete an entry, and what was written from it."""
        count = cache().delete(entry_id)
        if not count:
            raise HTTPException(404, f"there is no entry {entry_id}")
        return Invalidated(count=count, dry_run=False)

    @api.post("/invalidate")
    def invalidate(which: Invalidation) -> Invalidated:
        """Delete entries by tag, scope, namespace or age; with `dry_run` only count them."""
        selection = cache().selection(
            tags=which.tags,
            scope=which.scope,
            namespace=which.namespace,
            older_than=which.older_than,
        )
        if selection == Selection():
            raise HTTPException(400, "say which: tags, scope, namespace or older_than")
        if which.dry_run:
            count = cache().store.count(selection)
        else:
            count = cache().engine.memory.forget(selection)
        return Invalidated(count=count, dry_run=which.dry_run)


def _negatives(api: APIRouter, cache: Cache) -> None:
    @api.get("/negative")
    def negatives(namespace: Name | None = None, limit: Limit = 200) -> list[NegativeShape]:
        """Blocked patterns, newest first."""
        return [NegativeShape.of(one) for one in cache().negative.list(limit, namespace=namespace)]

    @api.post("/negative", status_code=201)
    def block(told: Pattern) -> NegativeShape:
        """Block a question, and those that ask the same."""
        added = cache().negative.add(told.pattern, told.reason, told.ttl, namespace=told.namespace)
        return NegativeShape.of(added)

    @api.delete("/negative/{pattern_id}", status_code=204, responses=_NONE)
    def unblock(pattern_id: Id) -> Response:
        """Block a pattern no more."""
        if not cache().negative.remove(pattern_id):
            raise HTTPException(404, f"there is no blocked pattern {pattern_id}")
        return Response(status_code=204)

    @api.post("/negative/{pattern_id}/false-positive")
    def false_positive(pattern_id: Id, told: FalsePositive) -> NegativeShape:
        """A pattern has caught a question that it should not have: raise its bar."""
        return NegativeShape.of(cache().negative.report_false_positive(pattern_id, told.text))


def _learning(api: APIRouter, cache: Cache) -> None:
    @api.get("/report")
    def report(
        since: Seconds | None = None, pairs: Annotated[int, Query(ge=0, le=1_000)] = 10
    ) -> ReportShape:
        """How often memory is right, and what it saves, or would; `since`: Unix seconds."""
        return ReportShape.of(cache().report(since=since, pairs=pairs))

    @api.post("/feedback", responses=_NONE)
    def feedback(told: Opinion) -> FeedbackShape:
        """Say that an entry's answer is wrong for a question, or right."""
        if not cache().store.get([told.entry]):
            raise HTTPException(404, f"there is no entry {told.entry}")
        return FeedbackShape.of(cache().feedback(told.entry, told.label, told.question))


def _exported(cache: SemanticCache) -> Iterator[bytes]:
    """Page by page, so that memory does not grow with the store."""
    after = 0
    while page := cache.store.select(Selection(), after=after, limit=PAGE):
        file = io.BytesIO()
        export_entries(cache, file, selection=Selection(ids=tuple(one.id for one in page)))
        yield file.getvalue()
        after = page[-1].id


def tell_errors(app: FastAPI) -> None:
    """Let errors of ours be answered with a sentence, and none with a 500."""

    def mistaken(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=400)

    def failed(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=503)

    app.add_exception_handler(InputError, mistaken)
    app.add_exception_handler(ConfigurationError, mistaken)
    app.add_exception_handler(StoreError, failed)
    app.add_exception_handler(EmbedderError, failed)
