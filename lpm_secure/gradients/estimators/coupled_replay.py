"""Coupled alternatives: the exact effect of single changed draws, drawn at the rates at which parameters change them.

Moving a parameter moves the probabilities of single draws. For an agent still susceptible after a step, infection in
it comes at rate `d(dH)`; for one not infectious at the start, at rate `d q / (1 - q)`; a stay of d days becomes d + 1
at rate `-(dF_d) / p_d`. So

    d E[f] = E[ sum over draws of (rate) x (f(the run with this draw changed) - f(the run)) ],

without bias for the discrete epidemic. Which draws are changed does not depend on the parameter, only the rates do: one
run with a few replayed alternatives gives the derivatives by all parameters.

Source: Arya, Schauer, Schäfer and Rackauckas, Automatic differentiation of programs with discrete randomness, NeurIPS
2022; Fu and Hu, Conditional Monte Carlo: gradient estimation and optimization applications (1997), for smoothed
perturbation analysis. Weights here are signed, and the alternatives are drawn in proportion to rates.
"""

import time
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

import numpy as np

from lpm_secure.engine.kernels.draws import key_of, uniform, word
from lpm_secure.gradients.estimators.estimator import CoupledEstimator, Jacobian, OnSeed, stack
from lpm_secure.gradients.estimators.replay import BEGUN, INFECTED, LATER, LONGER, Room, replay, room_of
from lpm_secure.gradients.estimators.score import hazard_slopes
from lpm_secure.gradients.problem import seeds as over
from lpm_secure.gradients.problem.epidemic import EpidemicProblem
from lpm_secure.gradients.problem.outputs import Weights, evaluate
from lpm_secure.gradients.problem.theta import INFECTIOUS, INITIAL, LATENT, P, Point
from lpm_secure.gradients.problem.trajectory import Trajectory, empty, run
from lpm_secure.gradients.problem.world import ContactWorld, ProblemLaw
from protocols.arithmetic.distributions import F64
from protocols.arithmetic.jit import compile_kernel, inline_kernel

CHOICE: Final = 32  # a draw's purpose: which draws are changed; no model uses the number


class Rates(NamedTuple):
    """Rates at which single draws change with the parameters.

    Attributes:
        hazard: float64[2, 2, p], d log(dH), by reduction and vaccination.
        latent, infectious: float64[days], of one day more.
        initial: of being infectious at the start.
    """

    hazard: F64
    latent: F64
    infectious: F64
    initial: float


class Base(NamedTuple):
    """A run and what belongs to it."""

    world: ContactWorld
    law: ProblemLaw
    key: Any
    path: Trajectory
    room: Room
    weights: Weights
    value: F64


@inline_kernel
def _choice(key: Any, kind: Any, k: Any) -> Any:
    """Return a uniform number for the k-th alternative of a kind."""
    return uniform(word(key, np.uint64(k) * np.uint64(4) + np.uint64(kind), CHOICE))


@compile_kernel
def _effect(base: Base, kind: Any, i: Any, step: Any, out: F64) -> None:
    """Write what a changed draw does to the outputs; compiled once for all kinds, for nothing here is short."""
    replay((base.world, base.law, base.key), base.path, base.room, (kind, i, step))
    for at in np.ndindex(base.room.series.shape):
        base.room.series[at] += base.path.series[at]
    evaluate(base.weights, base.room.series, out)
    for row in range(out.size):
        out[row] -= base.value[row]


@inline_kernel
def _add(out: F64, p: Any, rate: Any, effect: F64) -> None:
    """Add an effect at a rate to the derivatives by a parameter; a loop, for arrays take seconds to compile."""
    for row in range(effect.size):
        out[row, p] += rate * effect[row]


@compile_kernel
def _pressure(world: ContactWorld, path: Trajectory, out: F64) -> None:
    """Write the hazard of each step over all agents still susceptible after it, float64[T]."""
    out[:] = 0.0
    for t in range(world.steps):
        for i in range(world.group.size):
            if path.at[i] > t:
                out[t] += path.hazard[t, i] - (path.hazard[t - 1, i] if t else 0)


@compile_kernel
def _infections(base: Base, rates: Rates, alternatives: int, out: F64) -> None:
    """Add the effects of infections that did not happen; systematic sampling over steps and agents."""
    world, path = base.world, base.path
    pressure = np.empty(world.steps)
    _pressure(world, path, pressure)
    total = pressure.sum()
    if total <= 0.0:
        return
    effect = np.empty(out.shape[0])
    gap = total / alternatives
    summed, done = 0.0, 0
    target = gap * _choice(base.key, INFECTED, 0)
    for t in range(world.steps):
        if summed + pressure[t] < target:
            summed += pressure[t]
            continue
        cut = 1 if t >= world.first else 0
        for i in range(world.group.size):
            if path.at[i] <= t:
                continue
            summed += path.hazard[t, i] - (path.hazard[t - 1, i] if t else 0)
            while summed > target and done < alternatives:
                _effect(base, np.int64(INFECTED), np.int64(i), np.int64(t), effect)
                for p in range(out.shape[1]):
                    slope = rates.hazard[cut, world.vaccinated[i], p]
                    if slope != 0.0:
                        _add(out, p, gap / base.law.unit * slope, effect)
                done += 1
                target = gap * (done + _choice(base.key, INFECTED, done))


@compile_kernel
def _others(base: Base, rates: Rates, alternatives: int, out: F64) -> None:
    """Add the effects of other initial states and of longer stays."""
    path, n = base.path, base.world.group.size
    effect = np.empty(out.shape[0])
    begun, infected = 0, 0
    for i in range(n):
        begun += int(path.at[i] < 0)
        infected += int(path.at[i] < base.world.steps)
    for k in range(alternatives):
        if begun < n:
            tried = k
            i = int(_choice(base.key, BEGUN, tried) * n)
            while path.at[i] < 0:
                tried += alternatives
                i = int(_choice(base.key, BEGUN, tried) * n)
            _effect(base, np.int64(BEGUN), np.int64(i), np.int64(0), effect)
            _add(out, INITIAL, (n - begun) / alternatives * rates.initial, effect)
        if infected:
            i = path.order[min(int((k + _choice(base.key, LATER, k)) * infected / alternatives), infected - 1)]
            rate = rates.latent[path.begin[i] - path.at[i] - 2] if path.at[i] >= 0 else 0.0
            if rate != 0.0:
                _effect(base, np.int64(LATER), np.int64(i), np.int64(0), effect)
                _add(out, LATENT, infected / alternatives * rate, effect)
            i = path.order[min(int((k + _choice(base.key, LONGER, k)) * infected / alternatives), infected - 1)]
            rate = rates.infectious[path.end[i] - path.begin[i] - 1]
            if rate != 0.0:
                _effect(base, np.int64(LONGER), np.int64(i), np.int64(0), effect)
                _add(out, INFECTIOUS, infected / alternatives * rate, effect)


def rates_of(problem: EpidemicProblem, theta: Point) -> Rates:
    """Return the rates at theta."""
    latent, infectious = problem.days(theta, LATENT), problem.days(theta, INFECTIOUS)
    return Rates(hazard_slopes(theta), latent.shift, infectious.shift, 1 / (1 - theta.initial))


@final
@dataclass(frozen=True, slots=True)
class CoupledReplay(CoupledEstimator):
    """One run a seed, and some replayed alternatives, for any number of parameters.

    Attributes:
        alternatives: how many of each kind (infections, initial states, both stays) a run.
    """

    alternatives: int = 32

    def estimate(
        self, problem: EpidemicProblem, theta: Point, seeds: range, *, on_seed: OnSeed = lambda: None
    ) -> Jacobian:
        """Average effects over seeds."""
        over.check(seeds)
        since = time.perf_counter()
        law, rates = problem.law(theta), rates_of(problem, theta)

        def sample(seed: int) -> F64:
            path = empty(problem.world, history=True)
            run(problem.world, law, seed, path)
            room, value = room_of(problem.world), problem.outputs.value(path.series)
            base = Base(problem.world, law, key_of((seed, 0)), path, room, problem.outputs.weights, value)
            out = np.zeros((problem.outputs.count, P))
            _infections(base, rates, self.alternatives, out)
            _others(base, rates, self.alternatives, out)
            return np.column_stack([value, out])

        found = stack(over.each(sample, seeds), on_seed)
        return Jacobian.mean(found[:, :, 1:], since=since, outputs=found[:, :, 0])
