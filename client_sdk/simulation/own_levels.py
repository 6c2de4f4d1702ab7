"""What a client tells when the aggregators decide, and what it must remember for that."""

from dataclasses import dataclass, field
from typing import final

import numpy as np

from protocols.arithmetic.fixed_point import I64, U64, to_ring
from protocols.models.agent_model import AgentModel, Bools
from protocols.models.state import State
from protocols.task.outcome_layout import stack_columns


@final
@dataclass(slots=True)
class OwnLevels:
    """The part of own agents' levels that their client knows by itself.

    It is told as a sum since the level began, so that a round which this client missed, or whose answer was lost,
    changes nothing later.

    Attributes:
        model: of the run.
        bounds: of each outcome's level in this run.
        sum: int64[n_own, o].
        anew: bool[n_own, o], levels that have begun anew, and of which the aggregators have not been told.

    Security: what is told has the same size, whoever's level began anew; aggregators see shares of it alone.
    """

    model: AgentModel = field(repr=False)
    bounds: tuple[int, ...]
    sum: I64 = field(repr=False)
    anew: Bools = field(repr=False)

    @classmethod
    def of(cls, model: AgentModel, bounds: tuple[int, ...], n_own: int) -> "OwnLevels":
        """Begin with nothing."""
        shape = (n_own, len(model.outcomes))
        return cls(model, bounds, np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_))

    def thresholds(self, state: State) -> I64:
        """Return own agents' thresholds, int64[n_own, o], cut where they say no more: no level reaches that."""
        cut: I64 = np.minimum(self.model.thresholds(state), np.array(self.bounds, dtype=np.int64) + 1)
        return cut

    def first_words(self, state: State) -> U64:
        """Return what to tell before the first step, uint64[n_own * bits]."""
        bits = [column for column, outcome in enumerate(self.model.outcomes) if outcome.is_bit]
        return to_ring(np.ascontiguousarray(self.thresholds(state)[:, bits]).reshape(-1))

    def grow(self, state: State, increment: I64) -> I64:
        """Return the levels after a step in which they grow by an increment before weights, int64[n_own, o]."""
        keep = np.array([outcome.keep for outcome in self.model.outcomes], dtype=np.bool_)
        grown: I64 = np.where(keep, self.sum, 0) + increment * self.model.weights(state)
        return grown

    def words(self, state: State, grown: I64) -> U64:
        """Return what to tell, uint64[n_own * words of each]."""
        outcomes, tau, weights = self.model.outcomes, self.thresholds(state), self.model.weights(state)
        columns: list[dict[str, I64]] = [
            {
                "level": grown[:, o],
                "threshold": tau[:, o],
                "anew": self.anew[:, o].astype(np.int64),
                "weight": weights[:, o],
            }
            for o in range(len(outcomes))
        ]
        return stack_columns(outcomes, columns)

    def settle(self, grown: I64, *, told: bool) -> None:
        """Keep a step's levels; the aggregators know which begin anew if they were told."""
        self.sum = grown
        if told:
            self.anew = np.zeros_like(self.anew)

    def restart(self, anew: Bools) -> None:
        """Begin levels anew, bool[n_own, o]."""
        self.sum = np.where(anew, 0, self.sum)
        self.anew = self.anew | anew
