"""What needs environments of its own: other Pythons, other SDKs, their tests (`make matrix`)."""

from __future__ import annotations

import os
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import nox

nox.options.error_on_missing_interpreters = False
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests", "sdks", "proxy", "image", "langchain", "llamaindex", "yardstick"]

# Tests wait for servers and processes: on two cores four at a time take a seventh less than two.
_AT_ONCE = ("-n", "4")

_SDKS = Path(__file__).parent / "tests" / "sdks"

# What is told through an SDK's client; the rest of the suite does not know them.
_TESTS = {
    "openai": ("tests/adapters", "tests/scenarios", "tests/faults/test_client_survives.py"),
    "anthropic": ("tests/adapters",),
}

# Threads, files, processes, dataclasses, docstrings: where two Pythons differ.
_OF_PYTHON = (
    *("tests/faults", "tests/scenarios", "tests/store"),
    *(str(file) for file in sorted(Path("tests").glob("test_*.py"))),
)

# The Python that runs this is the one of `make test`.
_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@nox.session(python=[other for other in ("3.11", "3.12", "3.13") if other != _HERE])
def tests(session: nox.Session) -> None:
    """The suite against an installed wheel, as a user has it.

    The lowest and the newest Python run all of it, those between what knows Python best.
    """
    session.install(".[openai,anthropic,proxy,otel,hnsw,bench,test]")
    some = () if session.python != "3.12" else _OF_PYTHON
    session.run("python", "-m", "pytest", *_AT_ONCE, *(session.posargs or some))


@nox.session
@nox.parametrize(
    ("sdk", "version", "beside"),
    [
        nox.param("openai", "1.109", [], id="openai-1.109"),
        nox.param("openai", "2.54", [], id="openai-2.54"),
        # Runs on httpx2, and still takes clients of httpx where that is installed.
        nox.param("openai", "3.54", ["httpx"], id="openai-3.54"),
        # With what signs requests to Bedrock.
        nox.param("anthropic", "0.125", ["boto3"], id="anthropic-0.125"),
        nox.param("anthropic", "2.12", ["boto3"], id="anthropic-2.12"),
    ],
)
def sdks(session: nox.Session, sdk: str, version: str, beside: list[str]) -> None:
    """The lowest and the newest of every SDK that is promised, each alone."""
    session.install(f".[{sdk},test]", f"{sdk}=={version}.*", *beside)
    session.run("python", "-m", "pytest", *_AT_ONCE, "-p", "no:cacheprovider", *_TESTS[sdk])


# The first releases that belong together, with parts of LangGraph that still fit to them.
_LOWEST_LANGCHAIN = (
    "langchain-core==1.0.*",
    "langchain==1.0.*",
    "langchain-anthropic==1.0.*",
    "langchain-openai==1.0.*",
    "langgraph==1.0.2",
    "langgraph-checkpoint<4",
    "langgraph-prebuilt==1.0.2",
)


@nox.session
@nox.parametrize("release", ["newest", "lowest"])
def langchain(session: nox.Session, release: str) -> None:
    """The LangChain package against the newest and the lowest release that it promises."""
    newest = release == "newest"
    others = ("--upgrade", "mypy") if newest else _LOWEST_LANGCHAIN
    session.install(".", "./integrations/langchain[test]", *others)
    session.chdir("integrations/langchain")
    if newest:
        session.run("mypy")
    session.run("pytest", "-p", "no:cacheprovider", *session.posargs)  # what is installed


@nox.session
def llamaindex(session: nox.Session) -> None:
    """The LlamaIndex integration: its types and its tests, with the SDKs it can live with."""
    session.install(".", "./integrations/llama-index[test]", "mypy>=1.14")
    session.chdir("integrations/llama-index")
    session.run("python", "-m", "mypy")
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", *_AT_ONCE, *session.posargs)


@nox.session
@nox.parametrize(
    ("extras", "packages"),
    [
        nox.param(
            "openai,anthropic,proxy",
            ["playwright", "schemathesis", "langchain-openai", "langchain-anthropic"],
            id="browser-schema-langchain",
        ),
        # Each wants other versions of the SDKs.
        nox.param("proxy", ["llama-index-llms-openai", "litellm"], id="llamaindex-litellm"),
    ],
)
def proxy(session: nox.Session, extras: str, packages: list[str]) -> None:
    """The proxy with a browser, a fuzzer of its API, and frameworks as its clients."""
    session.install(f".[{extras},test]", *packages)
    tests = ("clients", "schema", "dashboard") if "playwright" in packages else ("clients",)
    # CI installs the browser; elsewhere its test is skipped where there is none.
    env = {"CACHEBACK_REQUIRE_BROWSER": "1"} if os.environ.get("CI") else {}
    files = [f"tests/proxy/test_{name}.py" for name in tests]
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", *files, env=env)


@nox.session
def image(session: nox.Session) -> None:
    """The Dockerfile through a linter, and its steps without Docker."""
    into = Path(session.create_tmp())
    session.run("npm", "install", "--silent", "--prefix", into, "dockerfilelint@1", external=True)
    session.run(into / "node_modules/.bin/dockerfilelint", "Dockerfile", external=True)
    built = into / "built"
    session.run("sh", "docker/build.sh", ".", built, external=True)
    session.install(".[proxy,test]")
    env = {"CACHEBACK_BUILT": str(built.resolve())}
    session.run(
        *("python", "-m", "pytest", "-p", "no:cacheprovider", "tests/proxy/test_image.py"), env=env
    )


@nox.session
@nox.parametrize("name", ["openai", "anthropic"])
def yardstick(session: nox.Session, name: str) -> None:
    """An SDK's own tests with our transport in every client they make; see tests/sdks."""
    file = _SDKS / f"{name}.toml"
    sdk = tomllib.loads(file.read_text())
    session.install(".", f"{name}=={sdk['version']}", *sdk["requirements"], "pytest-xdist")
    session.chdir(_source(session, sdk))
    for mode in ("pass", "replay"):
        session.run(
            *("python", "-m", "pytest", "-c", "pyproject.toml", "--rootdir=.", "-o", "addopts="),
            # Their tests leave streams to the garbage collector, which may meet them anywhere.
            *("-p", "no:cacheprovider", "-p", "no:unraisableexception"),
            *(*_AT_ONCE, *sdk["options"], "-p", "yardstick"),
            *("-q", "--tb=short", f"--yardstick={file}", f"--yardstick-mode={mode}"),
            *sdk["tests"],
            *(f"--deselect={test}" for test in sdk["deselected"]),
            env={"PYTHONPATH": str(_SDKS)},
        )


def _source(session: nox.Session, sdk: dict[str, Any]) -> Path:
    """The SDK's own tests and their settings, from its source distribution on PyPI."""
    release = f"{sdk['name']}-{sdk['version']}"
    into = Path(session.create_tmp())
    wanted = (f"{release}/tests/", f"{release}/examples/", f"{release}/pyproject.toml")
    session.run(
        *("python", "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={into}"),
        *(f"--no-binary={sdk['name']}", release.replace("-", "==")),
    )
    with tarfile.open(into / f"{release}.tar.gz") as archive:
        members = [member for member in archive if member.name.startswith(wanted)]
        archive.extractall(into, members, filter="data")
    return into / release
