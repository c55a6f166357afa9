"""The steps that a plan may ask its driver for.

A plan is a generator that yields steps and receives their results. The engine is written once, as
plans; `cacheback.drive` performs the steps in a thread (`run`) or on an event loop (`arun`).
What may live here: the steps' shapes. What it may not know: how or when they are performed.

Rules that hold for every plan: local work is batched, one `Local` per phase (from asyncio a hop
to a worker thread costs about 150 microseconds); a `finally` never yields; a driver throws a
step's error into the plan, and closes the plan when its caller goes away.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from cacheback.core.flight import Landing
    from cacheback.core.ports import Writer, Writing
    from cacheback.core.synthesis import Prompt

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Local:
    """Blocking local work (model, index, disk): `call` is run, its result is sent back."""

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Send:
    """One call of the real provider; the reply is sent back as the driver's sender returned it.

    `keep` tells the sender whether the answer may be kept; if not, it need not look at it.
    `landing` is where others may be waiting for it: then the call goes on, on an event loop, when
    its caller is cancelled. With `unseen` nobody gets the reply's own form: what the sender does
    not read of it, it closes.
    """

    payload: Any
    keep: bool
    landing: Landing | None = field(default=None, compare=False, repr=False)
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until what somebody else leads has landed; its result is sent back.

    After `patience` seconds, or where waiting could never end, `NoEntry.ALONE` is sent back.
    """

    landing: Landing
    patience: float | None = None


@dataclass(frozen=True, slots=True)
class Drain:
    """Read somebody else's stream to its end, for a caller that does not stream.

    A `Reply` with what it brought is sent back; `view` is what `Recording.join` gave.
    """

    view: Any


@dataclass(frozen=True, slots=True)
class Call:
    """The user's own code; what it returns is sent back, awaited if it can be.

    Where there is no event loop a coroutine is an error: ConfigurationError.
    """

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Write:
    """Let a synthesis model begin to write; what it writes is sent back as a `ports.Writing`.

    `patience` are the seconds that the caller would wait for upstream, and no longer for a model.
    """

    writer: Writer
    prompt: Prompt
    patience: float | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """The next piece of what a model writes, or None at its end, is sent back.

    A TimeoutError is thrown where it took too long, and whatever the synthesizer raised.
    """

    writing: Writing


@dataclass(frozen=True, slots=True)
class Aside:
    """A plan that nobody waits for: performed beside this one, with the same sender.

    Whether it was begun is sent back at once; where too many are under way, it is not. The plan
    itself must see to its errors.
    """

    plan: Plan[Any]


Step: TypeAlias = Local | Send | Wait | Drain | Call | Write | Read | Aside
Plan: TypeAlias = Generator[Step, Any, T]
