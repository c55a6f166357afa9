"""Parts that fail where they are told to, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from cacheback.errors import StoreError
from cacheback.testing import Faulty


class Shelf:
    """A part with methods, a property, an attribute and a length."""

    def __init__(self) -> None:
        self.label = "books"
        self.things: list[str] = []

    @property
    def first(self) -> str:
        return self.things[0]

    def put(self, thing: str, *, times: int = 1) -> int:
        self.things.extend([thing] * times)
        return len(self.things)

    def __len__(self) -> int:
        return len(self.things)


def test_what_need_not_fail_works() -> None:
    shelf: Any = Faulty(Shelf())
    assert shelf.put("atlas", times=2) == 2
    assert (shelf.first, shelf.label, len(shelf)) == ("atlas", "books", 2)
    assert shelf.raised == []


def test_a_part_without_content_is_still_a_part() -> None:
    assert Faulty(Shelf())


def test_a_method_fails_without_having_been_called() -> None:
    shelf: Any = Faulty(Shelf(), fail={"put"})
    with pytest.raises(OSError, match="put"):
        shelf.put("atlas")
    assert shelf.inner.things == []
    assert shelf.raised == ["put"]


@pytest.mark.parametrize("name", ["first", "label"])
def test_a_property_fails_when_it_is_read(name: str) -> None:
    shelf: Any = Faulty(Shelf(), fail={name}, error=StoreError)
    with pytest.raises(StoreError, match=name):
        getattr(shelf, name)


def test_a_length_fails() -> None:
    with pytest.raises(OSError, match="__len__"):
        len(Faulty(Shelf(), fail={"__len__"}))


def test_faults_come_and_go() -> None:
    shelf: Any = Faulty(Shelf())
    put = shelf.put
    shelf.fail.add("put")
    with pytest.raises(OSError, match="put"):
        put("atlas")
    shelf.fail.clear()
    assert put("atlas") == 1


def test_a_name_that_does_not_exist_cannot_fail() -> None:
    with pytest.raises(AttributeError, match="putt"):
        Faulty(Shelf(), fail={"putt"})
