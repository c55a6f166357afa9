"""The tests on every supported Python that is installed: `make pythons`."""

from __future__ import annotations

import nox

nox.options.error_on_missing_interpreters = False
nox.options.default_venv_backend = "venv"


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """The whole suite against an installed wheel, as a user has it."""
    session.install(".[openai,hnsw,test]")
    session.run("python", "-m", "pytest", *session.posargs)
