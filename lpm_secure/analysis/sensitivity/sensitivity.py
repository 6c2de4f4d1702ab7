"""Sensitivities of many outputs to all parameters, from one pass over the seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import pyarrow as pa

from lpm_secure.analysis.sensitivity.setup import DEFAULT, ProblemSetup
from lpm_secure.gradients.estimators.estimator import Jacobian, OnSeed
from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.gradients.model.model_problem import ModelProblem
from lpm_secure.gradients.model.point import ModelPoint
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
        notes: by a parameter's name, why differences that stand in place of its derivative are none.
    """

    problem: ModelProblem
    theta: ModelPoint
    expected: F64
    found: Jacobian
    notes: Mapping[str, str]

    @property
    def caption(self) -> str:
        """Return where the agents come from, and what is no derivative."""
        return "; ".join([self.problem.source, *(f"{name} {why}" for name, why in self.notes.items())])

    def effect(self, output: int, parameter: int) -> tuple[float, float]:
        """Return what a change of a tenth of a parameter's length does to an output, to first order, and its error."""
        by = PART * self.theta.length(parameter)
        return float(self.found.value[output, parameter] * by), float(self.found.error[output, parameter] * by)

    def table(self) -> Any:
        """Return a row for each output and parameter, as an Arrow table."""
        rows = []
        for o, output in enumerate(self.problem.outputs.names):
            for p, parameter in enumerate(self.theta.names):
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
                        "note": self.notes.get(parameter, ""),
                        "seeds": self.found.seeds,
                    }
                )
        return pa.Table.from_pylist(rows)


def estimate(setup: ProblemSetup, seeds: range, *, difference: float, on_seed: OnSeed = lambda: None) -> Sensitivity:
    """Estimate all derivatives: by the default estimator, and by differences where that has none.

    Args:
        setup: of the problem.
        seeds: of the runs.
        difference: half the distance of differences, as a part of a parameter's length.
        on_seed: called after each seed.
    """
    found, notes = DEFAULT.estimate(setup.problem, setup.theta, seeds, on_seed=on_seed), dict[str, str]()
    expected, none = found.expected, np.asarray(np.isnan(found.value).any(axis=0))
    if none.any():
        names = tuple(name for name, hidden in zip(setup.theta.names, none.tolist(), strict=True) if hidden)
        differences = FiniteDifference(difference, names).estimate(setup.problem, setup.theta, seeds)
        value = np.where(none, differences.value, found.value)
        error = np.where(none, differences.error, found.error)
        found = Jacobian(value, error, found.seeds, found.seconds + differences.seconds, expected)
        why = {setup.theta.names[p]: setup.theta.explain_coarse(p, difference) for p in np.flatnonzero(none).tolist()}
        notes = {name: each for name, each in why.items() if each}
    return Sensitivity(setup.problem, setup.theta, expected, found, notes)
