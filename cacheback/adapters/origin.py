"""Whose a request is and where it goes, by its headers and its address.

What may live here: which headers and which parts of an address count, and for what. All of them
do, unless they are known to be harmless: a gateway's key, route or policy may travel in any header.
Nothing that may be secret is told in plain; only its digest is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl

from cacheback.core.scope import QUERY_DIGEST, canonical, credential_digest
from cacheback.models import JSON
from cacheback.wire.controls import PREFIX

Headers = Sequence[tuple[str, str]]

# Headers that tell who asks. A tenant that somebody names stands in their stead.
_CREDENTIALS = frozenset(
    {
        "api-key",
        "authorization",
        "cf-aig-authorization",
        "helicone-auth",
        "ocp-apim-subscription-key",
        "openai-organization",
        "openai-project",
        "proxy-authorization",
        "x-api-key",
        "x-goog-api-key",
        "x-portkey-api-key",
    }
)
# Headers that are parameters, told in plain.
_PARAMETERS = frozenset({"anthropic-beta", "anthropic-version", "openai-beta"})

# How a message is transported, which software sends it, and under which number or trace it is
# seen. None of it can change the answer, and much of it changes with every call.
_HARMLESS = frozenset(
    {
        "accept",
        "accept-encoding",
        "b3",
        "baggage",
        "connection",
        "correlation-id",
        "date",
        "elastic-apm-traceparent",
        "expect",
        "grpc-trace-bin",
        "helicone-request-id",
        "host",
        "idempotency-key",
        "keep-alive",
        "newrelic",
        "request-id",
        "sentry-trace",
        "sw8",
        "te",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "uber-trace-id",
        "user-agent",
        "x-amzn-trace-id",
        "x-client-request-id",
        "x-cloud-trace-context",
        "x-correlation-id",
        "x-idempotency-key",
        "x-ms-client-request-id",
        "x-portkey-span-id",
        "x-portkey-trace-id",
        "x-request-id",
        "x-request-start",
        "x-trace-id",
    }
)
_HARMLESS_BEGINNINGS = (
    PREFIX,
    "content-",
    "ot-tracer-",
    "uberctx-",
    "x-b3-",
    "x-datadog-",
    "x-newrelic-",
    "x-stainless-",
)

_COOKIE = "cookie"
# Cookies of the network between: an HTTP client sends back what the first answer brought, and a
# balancer or a bot check would split the scope with it.
_HARMLESS_COOKIES = ("__cf", "_cfuvid", "cf_clearance", "AWSALB", "ARRAffinity", "GCLB")

# Fields of a query that are told in plain.
_PLAIN_FIELDS = frozenset({"api-version", "beta"})


def tenant(headers: Headers) -> str | None:
    """A digest of all headers that count and are no parameters; None where there are none."""
    return _digest(dict(_counting(headers)))


def parameters(headers: Headers, *, tenant_named: bool) -> dict[str, str]:
    """The headers that are parameters, by name.

    Where the tenant is named, no digest of the headers stands for it: those that tell more than
    who asks count here, under `others`.
    """
    told = {name.lower(): value for name, value in headers if name.lower() in _PARAMETERS}
    if tenant_named:
        counting = _counting(headers)
        others = _digest({name: value for name, value in counting if name not in _CREDENTIALS})
        if others is not None:
            told["others"] = others
    return told


def signature(headers: Headers) -> str:
    """What a request is signed with as AWS wants it, "" where it is not.

    It covers the headers that it names, the body and the time: such a request can neither be told
    from the next one's by a secret, nor be changed.
    """
    given = (value for name, value in headers if name.lower() == "authorization")
    return next((value for value in given if value.startswith("AWS4-")), "")


def endpoint(target: str) -> str:
    """Path and query of a request, without what may be secret: a key may stand in the query.

    >>> endpoint("/openai/deployments/gpt/chat/completions?api-version=2024-10-21")
    '/openai/deployments/gpt/chat/completions?api-version=2024-10-21'
    """
    path, _, query = target.partition("?")
    fields = sorted(parse_qsl(query, keep_blank_values=True))
    told = [f"{name}={value}" for name, value in fields if name in _PLAIN_FIELDS]
    others = [[name, value] for name, value in fields if name not in _PLAIN_FIELDS]
    if others:
        told.append(f"{QUERY_DIGEST}{credential_digest(canonical(others).decode())}")
    return f"{path}?{'&'.join(told)}" if told else path


def _counting(headers: Headers) -> Iterator[tuple[str, str]]:
    """Names in lower case, and values, of the headers that count and are no parameters."""
    for given, value in headers:
        name = given.lower()
        if name in _HARMLESS or name in _PARAMETERS or name.startswith(_HARMLESS_BEGINNINGS):
            continue
        counts = _cookies(value) if name == _COOKIE else value
        if counts:
            yield name, counts


def _cookies(value: str) -> str:
    given = (one.strip() for one in value.split(";"))
    return "; ".join(sorted(one for one in given if not one.startswith(_HARMLESS_COOKIES)))


def _digest(named: Mapping[str, JSON]) -> str | None:
    return credential_digest(canonical(named).decode()) if named else None
