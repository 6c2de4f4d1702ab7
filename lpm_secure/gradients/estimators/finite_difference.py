"""Central differences of the discrete epidemic under common random numbers: what other estimators are held against.

`(f(theta + h, omega) - f(theta - h, omega)) / 2h`, with the same draws omega on both sides; biased by order h**2.

Source: Glasserman and Yao, Some guidelines and guarantees for common random numbers, Management Science 38 (1992).
"""

import time
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian, OnSeed, stack
from lpm_secure.gradients.problem import seeds as over
from lpm_secure.gradients.problem.problem import Problem
from lpm_secure.gradients.problem.theta import P, Point
from lpm_secure.gradients.problem.trajectory import empty, run
from protocols.arithmetic.distributions import F64


@final
@dataclass(frozen=True, slots=True)
class FiniteDifference(Estimator):
    """2 p runs a seed.

    Attributes:
        step: h, as a part of each parameter's length: of itself, or for reduction and efficacy of what it leaves.
    """

    name: ClassVar[str] = "finite_difference"
    unbiased: ClassVar[bool] = False

    step: float = 0.05

    def estimate(self, problem: Problem, theta: Point, seeds: range, *, on_seed: OnSeed = lambda: None) -> Jacobian:
        """Average differences over seeds."""
        over.check(seeds)
        since = time.perf_counter()
        by = [self.step * theta.length(parameter) for parameter in range(P)]
        laws = [[problem.law(theta.shift(p, sign * by[p])) for sign in (1, -1)] for p in range(P)]

        def differences(seed: int) -> F64:
            room = empty(problem.world, history=False)
            ends = np.empty((P, 2, problem.outputs.count))
            for p in range(P):
                for side in range(2):
                    run(problem.world, laws[p][side], seed, room)
                    ends[p, side] = problem.outputs.value(room.series)
            return np.asarray(((ends[:, 0] - ends[:, 1]) / (2 * np.array(by)[:, None])).T)

        return Jacobian.mean(stack(over.each(differences, seeds), on_seed), since=since)
