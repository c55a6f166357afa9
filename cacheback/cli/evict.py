"""`cacheback evict`."""

from __future__ import annotations

import click

from cacheback.cli.forgetting import report
from cacheback.cli.opened import looking
from cacheback.cli.options import Session, common


@click.command(short_help="Delete what has expired, and what is above the limit.")
@common
def command(session: Session) -> None:
    """Delete expired entries, and the least recently used ones above the limit.

    The limit is CACHEBACK_CACHE_MAX_ENTRIES, else 100,000. Caches do this by themselves while they
    store; run it to have the space back at once, or from a timer where little is stored.

    \b
    Examples:
      cacheback evict
      CACHEBACK_CACHE_MAX_ENTRIES=10000 cacheback evict
    """
    with looking(session) as cache:
        report(session, cache.evict())
