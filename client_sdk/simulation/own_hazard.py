"""What a client tells when the aggregators decide, and what it must remember for that."""

from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64, U64
from protocols.models import State
from protocols.models.seir.waning import find_returns
from protocols.task.manifest import Manifest
from protocols.task.threshold_layout import stack_columns


@final
@dataclass(slots=True)
class OwnHazard:
    """The part of own agents' hazards that their client knows by itself.

    It is told as a sum from the beginning of an agent's spell, so that a round which this client missed, or whose
    answer was lost, changes nothing later.

    Attributes:
        manifest: of the run.
        sum: int64[n_own].
        anew: bool[n_own], agents that have become susceptible again, and of which the aggregators have not been told.

    Security: what is told has the same size, whoever recovered; aggregators see shares of it alone.
    """

    manifest: Manifest = field(repr=False)
    sum: I64 = field(repr=False)
    anew: npt.NDArray[np.bool_] = field(repr=False)

    @classmethod
    def of(cls, manifest: Manifest, n_own: int) -> "OwnHazard":
        """Begin with nothing."""
        return cls(manifest, np.zeros(n_own, dtype=np.int64), np.zeros(n_own, dtype=np.bool_))

    def thresholds(self, state: State) -> I64:
        """Return own agents' thresholds, cut where they say no more: no hazard reaches that."""
        cut: I64 = np.minimum(state["tau"], self.manifest.hazard_bound + 1)
        return cut

    def grow(self, state: State, increment: I64) -> I64:
        """Return the sum after a step in which it grows by an increment before weights, int64[n_own]."""
        if self.manifest.model.doses is not None:
            increment = increment * state["susceptibility"]
        return self.sum + increment

    def words(self, state: State, grown: I64) -> U64:
        """Return what to tell, uint64[n_own * words of each]."""
        model = self.manifest.model
        told = [grown, *([self.thresholds(state), self.anew] if model.waning else [])]
        return stack_columns(*told, *([state["susceptibility"]] if model.doses is not None else []))

    def settle(self, grown: I64, *, told: bool) -> None:
        """Keep a step's sum; the aggregators know who begins anew if they were told."""
        self.sum = grown
        if told:
            self.anew = np.zeros_like(self.anew)

    def observe(self, before: State, after: State) -> None:
        """Begin anew with agents that have become susceptible again in a step."""
        if self.manifest.model.waning:
            again = np.asarray(find_returns(before, after))
            self.sum = np.where(again, 0, self.sum)
            self.anew = self.anew | again
