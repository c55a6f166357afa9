"""The learned judge: near enough, no guard objects, and the figures of the pair speak for it.

Importing this loads neither numpy nor the model; the first pair that gets as far as the figures
does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cacheback.core.guards import GUARDS, AnyGuard
from cacheback.core.judge import GuardedThreshold
from cacheback.errors import ConfigurationError
from cacheback.models import Reason, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cacheback.core.ports import Pair
    from cacheback.judges.features import Reading

_WEIGHTS = Path(__file__).with_name("weights.json")

OPERATING_POINT = 0.65
"""Probability from which a pair is served unless another is asked for.

On the dev split of `benchmarks/answers` the lowest with clearly fewer false accepts than threshold
and guards at 0.92.
"""


class LearnedJudge:
    """Serves a pair that is near enough, that no guard objects to, and that reads the same.

    It reads token vectors of the bundled embedder, whatever embedder the cache uses; that takes one
    encode for each text that was not read lately, and 0.3 ms. What is below the threshold or vetoed
    by a guard costs neither. It is meant for a threshold of 0.85 where threshold and guards alone
    need 0.92.

    Args:
        at_least: probability (0 to 1) from which a pair is served.
        guards: asked in this order before the reading; `()` for none.

    Raises:
        ConfigurationError: `at_least` is not between 0 and 1.
    """

    def __init__(
        self, at_least: float = OPERATING_POINT, guards: Sequence[AnyGuard] = GUARDS
    ) -> None:
        if not 0 <= at_least <= 1:
            raise ConfigurationError(f"at_least is {at_least!r}; it must be between 0 and 1")
        self.at_least = at_least
        self._guarded = GuardedThreshold(guards)

    def judge(self, pair: Pair) -> Verdict:
        verdict = self._guarded.judge(pair)
        if not verdict.serve:
            return verdict
        from cacheback.judges.reading import read  # noqa: PLC0415 - loads numpy and the model

        one, other = read(pair.question), read(pair.other)
        if one is None or other is None:
            return Verdict(False, Reason.TOO_LONG, "the judge reads up to 256 tokens")
        probability = likeliness(one, other)
        detail = f"same answer: {probability:.2f}"
        if probability < self.at_least:
            return Verdict(False, Reason.MEANING_DIFFERS, f"{detail} < {self.at_least:.2f}")
        return Verdict(True, Reason.ABOVE_THRESHOLD, f"{verdict.detail}, {detail}")


def likeliness(one: Reading, other: Reading) -> float:
    """How likely one answer is right for both, 0 to 1 (how well that holds: `README.md` here)."""
    from cacheback.judges.features import figures  # noqa: PLC0415 - as above

    bias, weights = _weights()
    log_odds = bias + float(weights @ figures(one, other))
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, log_odds))))


@cache
def _weights() -> tuple[float, NDArray[np.float64]]:
    import numpy as np  # noqa: PLC0415 - as above

    from cacheback.judges.features import NAMES  # noqa: PLC0415

    stored = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
    by_name = stored["weights"]
    return stored["bias"], np.array([by_name[name] for name in NAMES])
