"""Parts that fail on demand, for showing what the rest does then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any


class Faulty:
    """Stands in for any part (a store, an embedder, a judge …) and fails where it is told to.

        store: Any = Faulty(SQLiteStore(path), fail={"find"}, error=StoreError)

    Everything else is left to `inner`. `fail` is a set that may be changed at any time, `raised`
    lists the names that have failed so far.

    Args:
        inner: the part that does the work.
        fail: names of methods and properties of `inner`.
        error: makes the error to raise from a message; an exception class will do.

    Raises:
        AttributeError: `inner` has no such method or property.
    """

    def __init__(
        self,
        inner: Any,
        fail: Iterable[str] = (),
        error: Callable[[str], Exception] = OSError,
    ) -> None:
        self.inner = inner
        self.fail = set(fail)
        self.error = error
        self.raised: list[str] = []
        for name in self.fail:
            if name not in dir(inner):
                raise AttributeError(f"{type(inner).__name__} has no {name!r} that could fail")

    def __getattr__(self, name: str) -> Any:
        if callable(getattr(type(self.inner), name, None)):
            return partial(self._call, name)
        self._perhaps_fail(name)
        return getattr(self.inner, name)

    def __len__(self) -> int:
        return int(self._call("__len__"))

    def __bool__(self) -> bool:
        return True  # else `__len__` would decide

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self._perhaps_fail(name)
        return getattr(self.inner, name)(*args, **kwargs)

    def _perhaps_fail(self, name: str) -> None:
        if name in self.fail:
            self.raised.append(name)
            raise self.error(f"{name} failed, as it was told to")
