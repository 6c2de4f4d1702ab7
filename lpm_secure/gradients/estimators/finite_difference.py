"""Differences under common random numbers, of any model: what other estimators are held against.

`(f(theta + h, omega) - f(theta - h, omega)) / 2h`, with the same draws omega on both sides; biased by order h**2. At
the bound of a parameter the difference is to one side, and biased by order h.

Source: Glasserman and Yao, Some guidelines and guarantees for common random numbers, Management Science 38 (1992).
"""

import time
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian, OnSeed, stack
from lpm_secure.gradients.model.model_problem import ModelProblem, check_seeds
from lpm_secure.gradients.model.point import ModelPoint
from protocols.arithmetic.distributions import F64


@final
@dataclass(frozen=True, slots=True)
class FiniteDifference(Estimator):
    """2 p runs a seed.

    Attributes:
        step: h, as a part of each parameter's length.
        parameters: by which differences are taken; all unless given. The others' are NaN.
    """

    name: ClassVar[str] = "finite_difference"
    unbiased: ClassVar[bool] = False

    step: float = 0.05
    parameters: tuple[str, ...] = ()

    def estimate(
        self, problem: ModelProblem, theta: ModelPoint, seeds: range, *, on_seed: OnSeed = lambda: None
    ) -> Jacobian:
        """Average differences over seeds."""
        check_seeds(seeds)
        since = time.perf_counter()
        chosen = [p for p, name in enumerate(theta.names) if name in (self.parameters or theta.names)]
        ends = [theta.ends(parameter, self.step) for parameter in chosen]
        distance = np.array([each.distance for each in ends])[:, None]
        points = [point for each in ends for point in (each.below, each.above)]

        def differences(values: F64) -> F64:
            found = np.full((problem.outputs.count, len(theta.names)), np.nan)
            found[:, chosen] = ((values[1::2] - values[::2]) / distance).T
            return found

        samples = (differences(values) for values in problem.simulate(points, seeds))
        return Jacobian.mean(stack(samples, on_seed), since=since)
