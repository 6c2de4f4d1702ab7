"""How far an engine may announce parameters from the manifest's: what it announces has to be of the model."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from protocols.errors import OutOfRange
from protocols.models.chain.chain_groups import chain_entries
from protocols.models.chain.hazard_factor import PROTECTION, REDUCTION
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.entries import ParameterEntry, is_law
from protocols.models.relaxed_agents import F64

SLACK: Final = 1e-9  # of a sum of floats, as a share of the range


@final
@dataclass(frozen=True, slots=True)
class ParameterRange:
    """The least and the largest announced difference of each parameter of a gradient, float64[p] each.

    Security: outside of its parameters' ranges an agent tells other numbers than those that noise and bounds are made
        for. Whatever is announced is public, so a refusal tells nothing of whoever refuses.
    """

    names: tuple[str, ...]
    low: F64
    high: F64

    @classmethod
    def of(cls, model: GraphModel, gradient: Gradient) -> "ParameterRange":
        """Return the range that the model's graph gives each parameter, less the manifest's value."""
        shares = {
            REDUCTION: gradient.reduction.share if gradient.reduction else 0.0,
            PROTECTION: gradient.protection.efficacy if gradient.protection else 0.0,
        }
        ends = [
            (-shares[entry.name], 1.0 - shares[entry.name]) if entry.name in shares else _ends(model, entry)
            for entry in chain_entries(model, gradient)
        ]
        low, high = np.array(ends, dtype=np.float64).reshape(-1, 2).T
        return cls(gradient.parameters, low, high)

    def require(self, theta: F64, *, step: int) -> None:
        """Refuse what an engine announces of parameters.

        Args:
            theta: float64[p], by how much they differ from the manifest's.
            step: of the run; -1 before the first.

        Raises:
            OutOfRange: one is no number, or outside of its range.
        """
        slack = SLACK * (self.high - self.low)
        for name, own, low, high in zip(
            self.names, theta.tolist(), (self.low - slack).tolist(), (self.high + slack).tolist(), strict=True
        ):
            if not low <= own <= high:
                raise OutOfRange(
                    f"the engine announced {name} {own:+g} from the manifest's in step {step}; it must lie within "
                    f"{low:+g} and {high:+g}, so the run ends"
                )


def _ends(model: GraphModel, entry: ParameterEntry) -> tuple[float, float]:
    """Return the range of one number; of a law of days, of its mean, which is no further than its days."""
    given = model.graph.parameters[entry.name]
    if is_law(given):
        return -float(given.length), float(given.length)
    own = int(np.ravel(np.array(model.parameters[entry.name]))[entry.place])
    return (given.low - own) * 2.0**-given.bits, (given.high - own) * 2.0**-given.bits
