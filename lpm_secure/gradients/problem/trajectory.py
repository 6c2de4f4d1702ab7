"""One run of the discrete epidemic with thresholds, compiled: the law and the bits of the library's `seir` on a graph.

All draws come from counters, so runs at two thetas under one key share their thresholds, their initial draws and the
uniform numbers behind their stays: common random numbers by construction.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from lpm_secure.engine.kernels.csr import I32
from lpm_secure.engine.kernels.draws import HALF, days, key_of, log, uniform, word
from lpm_secure.gradients.problem.world import ContactWorld, ProblemLaw
from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64
from protocols.arithmetic.jit import compile_kernel, inline_kernel
from protocols.arithmetic.philox import DrawPurpose

THRESHOLD: Final = int(DrawPurpose.THRESHOLD)
LATENT: Final = int(DrawPurpose.LATENT)
DURATION: Final = int(DrawPurpose.INFECTIOUS)
INITIAL: Final = int(DrawPurpose.INITIAL)
START = -1  # the step of infection of who is infectious at the start


class Trajectory(NamedTuple):
    """What happened in one run.

    Attributes:
        at: int32[n], step of infection; -1 for who was infectious at the start, T for who was never infected.
        begin, end: int32[n], first infectious step and the one past the last; T and T where never infected.
        threshold: int64[n].
        hazard: int64[T, n], summed hazard after each step, also of those no longer susceptible; int64[0, 0] if it was
            not asked for.
        series: float64[2, groups, T], as in `outputs`.
        order: int32[n], agents in the order of infection; -1 after the last.
    """

    at: I32
    begin: I32
    end: I32
    threshold: I64
    hazard: I64
    series: F64
    order: I32


def empty(world: ContactWorld, *, history: bool) -> Trajectory:
    """Return room for a trajectory, with the history of hazards or without."""
    n, steps = world.group.size, world.steps
    shape = (steps, n) if history else (0, 0)
    at, begin, end, order = np.empty((4, n), dtype=np.int32)
    series = np.zeros((2, world.groups, steps))
    return Trajectory(at, begin, end, np.empty(n, dtype=np.int64), np.empty(shape, dtype=np.int64), series, order)


@inline_kernel
def infect(key: Any, law: ProblemLaw, i: Any, step: Any) -> Any:
    """Return the infectious window of agent i, infected in a step: its first step, and the one past its last."""
    stay = days(word(key, np.uint64(i), DURATION), law.infectious)
    begin = step + 1
    if step >= 0:
        begin += days(word(key, np.uint64(i), LATENT), law.latent)
    return begin, begin + stay


@inline_kernel
def count(world: ContactWorld, series: F64, i: Any, window: Any, sign: float) -> None:
    """Add an agent's infection and infectious steps to the series, or take them away."""
    step, begin, end = window
    group = world.group[i]
    if step < world.steps:
        series[0, group, max(step, 0)] += sign
    for t in range(begin, min(end, world.steps)):
        series[1, group, t] += sign


@inline_kernel
def speak(world: ContactWorld, day: Any, i: Any, sign: Any, exposure: I64) -> None:
    """Add an agent's messages to its neighbours' exposure."""
    for e in range(world.indptr[day, i], world.indptr[day, i + 1]):
        exposure[world.indices[e]] += sign * world.weight[e]


@compile_kernel
def _start(world: ContactWorld, law: ProblemLaw, key: Any, out: Trajectory) -> Any:
    """Draw thresholds, and who is infectious at the start; return how many are."""
    n, steps = world.group.size, world.steps
    found = 0
    out.series[:] = 0.0
    for i in range(n):
        out.threshold[i] = np.int64(np.rint(-log(uniform(word(key, np.uint64(i), THRESHOLD))) * law.unit))
        out.at[i], out.begin[i], out.end[i], out.order[i] = steps, steps, steps, -1
        if (word(key, np.uint64(i), INITIAL) >> HALF) < law.initial:
            out.at[i] = START
            out.begin[i], out.end[i] = infect(key, law, i, START)
            out.order[found] = i
            found += 1
            count(world, out.series, i, (START, out.begin[i], out.end[i]), 1.0)
    return found


@compile_kernel
def _run(world: ContactWorld, law: ProblemLaw, key: Any, out: Trajectory) -> None:
    """Run all steps."""
    n, period = world.group.size, world.indptr.shape[0]
    found, first = _start(world, law, key, out), 0
    exposure, total = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for t in range(world.steps):
        exposure[:] = 0
        while first < found and out.end[out.order[first]] <= t:
            first += 1
        for k in range(first, found):
            i = out.order[k]
            if out.begin[i] <= t < out.end[i]:
                speak(world, t % period, i, 1, exposure)
        factor = law.factor[1 if t >= world.first else 0]
        for i in range(n):
            total[i] += factor[world.vaccinated[i]] * exposure[i]
            if out.at[i] == world.steps and total[i] > out.threshold[i]:
                out.at[i] = t
                out.begin[i], out.end[i] = infect(key, law, i, t)
                out.order[found] = i
                found += 1
                count(world, out.series, i, (t, out.begin[i], out.end[i]), 1.0)
        if out.hazard.size:
            out.hazard[t] = total


def run(world: ContactWorld, law: ProblemLaw, seed: int, out: Trajectory) -> None:
    """Run one seed into the room of a trajectory."""
    _run(world, law, key_of((seed, 0)), out)
