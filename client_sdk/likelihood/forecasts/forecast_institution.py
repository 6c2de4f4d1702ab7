"""An institution that also hears what is expected after its last own period, and forecasts its series from that."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.likelihood.forecast import predict
from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.secure_sum.contribution import F64

DRAWS: Final = 1000  # of the posterior that a forecast is made of: those of as few last rounds as have so many


@final
@dataclass(slots=True)
class ForecastInstitution:
    """Answers by the periods that are fitted, and keeps what it last heard of all of them.

    What is announced in the last rounds are draws of the posterior as it ends, but for the small steps that it still
    takes in them.

    Attributes:
        own: the institution with its series.
        ahead: how many periods after its own are announced; what it answers of these is 0.

    Security: nothing leaves but the answer of `own`. What it keeps is public, and stays in memory.
    """

    own: SeriesInstitution
    ahead: int
    _heard: deque[F64] = field(init=False, repr=False, default_factory=deque)

    @property
    def state(self) -> F64:
        """See `Institution`."""
        return self.own.state

    def resume(self, state: F64) -> None:
        """See `Institution`."""
        self.own.resume(state)

    def require(self, shape: tuple[int, ...]) -> None:
        """See `Institution`."""
        self.own.require((*shape[:-1], shape[-1] - self.ahead))

    def accepts(self, announced: F64) -> bool:
        """See `Institution`."""
        return self.own.accepts(announced)

    def vector(self, announced: F64) -> F64:
        """See `Institution`: float64[S, B, W + ahead]; the answer to the first W periods, and zeros."""
        self._heard.append(announced)
        while (len(self._heard) - 1) * announced.shape[0] >= DRAWS:
            self._heard.popleft()
        answer, w = np.zeros_like(announced), self.own.series.periods
        answer[..., :w] = self.own.vector(np.ascontiguousarray(announced[..., :w]))
        return answer

    @property
    def heard(self) -> F64:
        """Return the logs of what is expected by the draws of the last rounds, float64[S, B, W + ahead]; S may be 0."""
        nothing = np.zeros((0, self.own.share.size, self.own.series.periods + self.ahead))
        return np.concatenate([nothing, *self._heard])

    def forecast(self, seed: int) -> F64:
        """Return draws of the own series, float64[S, W + ahead], by what was heard; see `predict`."""
        return predict(self.own, self.heard, np.random.default_rng(seed))
