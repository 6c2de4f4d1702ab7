"""Sensitivities of many outputs to all parameters, from one pass over the seeds."""

from dataclasses import dataclass
from typing import Any, Final, final

import pyarrow as pa

from lpm_secure.gradients.estimators.estimator import Jacobian
from lpm_secure.gradients.problem.problem import Problem
from lpm_secure.gradients.problem.theta import NAMES, Point
from protocols.arithmetic.distributions import F64

PART: Final = 0.1  # effects are told for a change of a tenth of each parameter's length


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sensitivity:
    """Derivatives of a problem's outputs, and what they say.

    Attributes:
        problem: with its outputs.
        theta: where.
        expected: float64[o], mean outputs over the seeds.
        found: derivatives.
    """

    problem: Problem
    theta: Point
    expected: F64
    found: Jacobian

    def effect(self, output: int, parameter: int) -> tuple[float, float]:
        """Return what a change of a tenth does to an output, to first order, and its standard error.

        A tenth of the parameter; for reduction and efficacy a tenth of what they leave.
        """
        by = PART * self.theta.length(parameter)
        return float(self.found.value[output, parameter] * by), float(self.found.error[output, parameter] * by)

    def table(self) -> Any:
        """Return a row for each output and parameter, as an Arrow table."""
        rows = []
        for o, output in enumerate(self.problem.outputs.names):
            for p, parameter in enumerate(NAMES):
                effect, error = self.effect(o, p)
                rows.append(
                    {
                        "output": output,
                        "expected": float(self.expected[o]),
                        "parameter": parameter,
                        "at": self.theta[p],
                        "derivative": float(self.found.value[o, p]),
                        "standard_error": float(self.found.error[o, p]),
                        "change": PART * self.theta.length(p),
                        "effect": effect,
                        "effect_error": error,
                        "seeds": self.found.seeds,
                    }
                )
        return pa.Table.from_pylist(rows)
