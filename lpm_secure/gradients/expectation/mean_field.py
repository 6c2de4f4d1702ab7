"""The expected dynamics: every agent is in every stage with a probability, neighbours are taken as independent.

    dH_i = beta_i sum_j w_ij y_j,   new_i = s_i (1 - exp(-dH_i)),   y_j(t) = sum_s new_j(s) K(t - s),

with K the probability of being infectious so many steps after infection, from the same cut laws of stays. Derivatives
are exact for these dynamics and draw nothing. They are not those of the discrete epidemic: an agent's own infection
comes back to it through its neighbours, and epidemics cannot die out by chance.

Source: Van Mieghem, Omic and Kooij, Virus spread in networks, IEEE/ACM ToN 17 (2009); Eq. 8 of Chopra 2025
(arXiv 2507.09901) with probabilities in place of states.
"""

import time
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from scipy import sparse

from lpm_secure.config.day_law import stay_kernel
from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian, OnSeed
from lpm_secure.gradients.estimators.score import hazard_slopes
from lpm_secure.gradients.problem.epidemic import EpidemicProblem
from lpm_secure.gradients.problem.theta import INFECTIOUS, INITIAL, LATENT, P, Point
from protocols.arithmetic.distributions import F64


def kernels(problem: EpidemicProblem, theta: Point) -> tuple[F64, F64]:
    """Return the kernels after infection and from the start, float64[1 + p, T] each: value, then derivatives."""
    steps = problem.steps
    latent, stay = problem.days(theta, LATENT), problem.days(theta, INFECTIOUS)
    after, start = np.zeros((2, 1 + P, steps))
    after[0] = stay_kernel(latent.weight, stay.at_least, steps)
    after[1 + LATENT] = stay_kernel(latent.slope, stay.at_least, steps)
    after[1 + INFECTIOUS] = stay_kernel(latent.weight, stay.at_least_slope, steps)
    long = min(steps, stay.at_least.size - 1)
    start[0, :long] = theta.initial * stay.at_least[1 : 1 + long]
    start[1 + INFECTIOUS, :long] = theta.initial * stay.at_least_slope[1 : 1 + long]
    start[1 + INITIAL, :long] = stay.at_least[1 : 1 + long]
    return after, start


@final
@dataclass(frozen=True, slots=True)
class MeanField(Estimator):
    """One pass for all; seeds do not matter, and there is no standard error."""

    name: ClassVar[str] = "mean_field"
    unbiased: ClassVar[bool] = False
    draws: ClassVar[bool] = False

    def estimate(
        self, problem: EpidemicProblem, theta: Point, seeds: range, *, on_seed: OnSeed = lambda: None
    ) -> Jacobian:
        """Differentiate the expected dynamics."""
        since = time.perf_counter()
        series = solve_mean_field(problem, theta)
        value = np.einsum("okgt,pkgt->op", problem.outputs.slope(series[0]), series[1:])
        on_seed()
        return Jacobian(value, np.zeros_like(value), 1, time.perf_counter() - since)


def solve_mean_field(problem: EpidemicProblem, theta: Point) -> F64:
    """Return the expected series and their derivatives, float64[1 + p, 2, groups, T]."""
    world, n, steps = problem.world, problem.n, problem.steps
    after, start = kernels(problem, theta)
    graphs = [_exposure(world, day) for day in range(len(world.indptr))]
    of = sparse.csr_matrix((np.ones(n), (world.group, np.arange(n))), shape=(world.groups, n))
    free = np.zeros((1 + P, n))  # probability of being susceptible, then its derivatives
    free[0], free[1 + INITIAL] = 1 - theta.initial, -1.0
    new = np.zeros((steps, 1 + P, n), dtype=np.float32)
    series = np.zeros((1 + P, 2, world.groups, steps))
    first = np.full(n, [1.0])
    series[0, 0, :, 0] += of @ first * theta.initial
    series[1 + INITIAL, 0, :, 0] += of @ first
    slopes, factor = hazard_slopes(theta), problem.law(theta).factor / problem.law(theta).unit
    for t in range(steps):
        ill = _ill(new, after, start, t)
        cut = int(t >= world.first)
        hazard = (graphs[t % len(graphs)] @ ill.T).T * factor[cut][world.vaccinated]
        hazard[1:] += hazard[0] * slopes[cut][world.vaccinated].T
        stay = np.exp(-hazard[0])
        moved = free * (1 - stay)
        moved[1:] += free[0] * stay * hazard[1:]
        free -= moved
        new[t] = moved
        series[:, 0, :, t] += (of @ moved.T).T
        series[:, 1, :, t] += (of @ ill.T).T
    return series


def _ill(new: Any, after: F64, start: F64, t: int) -> F64:
    """Return the probabilities of being infectious in a step and their derivatives, float64[1 + p, n]."""
    age = np.arange(t, 0, -1)
    ill: F64 = np.tensordot(after[0, age].astype(np.float32), new[:t], axes=1).astype(np.float64)
    for p in (LATENT, INFECTIOUS):
        ill[1 + p] += np.tensordot(after[1 + p, age].astype(np.float32), new[:t, 0], axes=1)
    return ill + start[:, t, None]


def _exposure(world: Any, day: int) -> Any:
    """Return the matrix of a day's contacts: from what agents say to what they hear."""
    n, begin = world.group.size, world.indptr[day]
    part = slice(begin[0], begin[-1])
    said = (world.weight[part].astype(np.float64), world.indices[part], begin - begin[0])
    return sparse.csr_matrix(said, shape=(n, n)).T.tocsr()
