"""What every estimator is given: a simulation with expected outputs, whatever model it runs."""

import abc
from collections.abc import Iterator, Sequence
from typing import Any

from lpm_secure.gradients.problem.outputs import Outputs
from protocols.arithmetic.distributions import F64


class Problem(abc.ABC):
    """Agents, who meets whom, a horizon, and what is asked of a run. Subclasses are final and keep no state.

    Attributes:
        name: for reports.
        source: where the agents come from, in words.
        outputs: what is asked of a run.
    """

    name: str
    source: str
    outputs: Outputs

    @abc.abstractmethod
    def simulate(self, points: Sequence[Any], seeds: range) -> Iterator[F64]:
        """Yield the outputs of one run at each point, float64[points, o], for each seed; all share their draws."""

    def why_not(self, parameter: str) -> str | None:
        """Return why nothing but differences is taken by a parameter, in words; None where that is not so."""
        return None
