"""The problem of the hand-written epidemic: agents on a contact graph, and what theta sets going among them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt

from lpm_secure.config.day_law import DayLaw
from lpm_secure.engine.kernels.csr import Csr
from lpm_secure.engine.kernels.draws import bounds_of
from lpm_secure.gradients.problem import seeds as over
from lpm_secure.gradients.problem.outputs import Outputs
from lpm_secure.gradients.problem.problem import Problem
from lpm_secure.gradients.problem.theta import INFECTIOUS, LATENT, Point
from lpm_secure.gradients.problem.trajectory import empty, run
from lpm_secure.gradients.problem.world import ContactWorld, ProblemLaw
from protocols.arithmetic.distributions import F64, LAW_TOTAL
from protocols.arithmetic.fixed_point import LIMIT
from protocols.errors import ParameterError, WouldWrap

F: Final = 40  # fraction bits of hazards and thresholds


@final
@dataclass(frozen=True, slots=True, eq=False)
class EpidemicProblem(Problem):
    """n agents on a contact graph for T steps.

    Attributes:
        name: for reports.
        source: where the contacts come from, in words.
        world: contacts, groups, who is vaccinated, horizon.
        outputs: what is asked of a run.
        latent_sd, infectious_sd: standard deviations of the stays, days.
        dt: days per step.
        unit: the weight of a contact that counts as one unit of exposure.
    """

    name: str
    source: str
    world: ContactWorld = field(repr=False)
    outputs: Outputs = field(repr=False)
    latent_sd: float
    infectious_sd: float
    dt: float = 1.0
    unit: int = 1

    @property
    def n(self) -> int:
        """How many agents there are."""
        return int(self.world.group.size)

    @property
    def steps(self) -> int:
        """T."""
        return self.world.steps

    def days(self, theta: Point, parameter: int) -> DayLaw:
        """Return the law of `LATENT` or `INFECTIOUS` days at theta."""
        sd = {LATENT: self.latent_sd, INFECTIOUS: self.infectious_sd}[parameter]
        return DayLaw.of(theta[parameter], sd, dt=self.dt)

    def simulate(self, points: Sequence[Point], seeds: range) -> Iterator[F64]:
        """Yield the outputs at each point, seed by seed, on all cores."""
        laws = [self.law(point) for point in points]

        def sample(seed: int) -> F64:
            room, found = empty(self.world, history=False), []
            for law in laws:
                run(self.world, law, seed, room)
                found.append(self.outputs.value(room.series))
            return np.stack(found)

        return over.each(sample, seeds)

    def law(self, theta: Point) -> ProblemLaw:
        """Return the integers that agents compute with at theta.

        Raises:
            WouldWrap: an agent's total hazard could reach 2**63.
            ParameterError: a parameter would round to 0.
        """
        beta = theta.beta * self.dt / self.unit
        factor = [[beta * (1 - cut) * (1 - taken) for taken in (0.0, theta.efficacy)] for cut in (0.0, theta.reduction)]
        fixed = np.rint(np.array(factor) * 2.0**F)
        if float(fixed.max()) * _largest(self.world) * self.steps >= LIMIT:
            raise WouldWrap("an agent's total hazard could reach 2**63; use smaller weights, beta or horizon")
        initial = round(theta.initial * LAW_TOTAL)
        for name, value, rounded in (("beta", theta.beta, fixed[0, 0]), ("initial", theta.initial, initial)):
            if value > 0 and not rounded:
                raise ParameterError(f"{name} is {value:g}, which rounds to 0 in fixed point; give 0, or a larger one")
        return ProblemLaw(
            latent=bounds_of(self.days(theta, LATENT).law),
            infectious=bounds_of(self.days(theta, INFECTIOUS).law),
            initial=np.uint64(initial),
            factor=fixed.astype(np.int64),
            unit=2.0**F,
        )


def world_of(
    days: Sequence[Csr],
    *,
    steps: int,
    group: npt.NDArray[np.int32],
    vaccinated: npt.NDArray[np.bool_],
    first: int,
) -> ContactWorld:
    """Join the graphs of a period's days into one.

    Args:
        days: contacts of each day of the period, repeated over the run; a graph without weights counts each as 1.
        steps: T.
        group: int32[n], from 0 on.
        vaccinated: bool[n].
        first: the step from which on contacts are reduced.

    Raises:
        ParameterError: days of other agents, groups that are no numbers from 0 on, or no step at all.
    """
    n = group.size
    if {day.n for day in days} != {n} or vaccinated.size != n or steps < 1:
        raise ParameterError(f"got {n} groups, {vaccinated.size} vaccinations and {steps} steps; sizes must agree")
    if n == 0 or int(group.min()) < 0:
        raise ParameterError("groups must be numbers from 0 on, one for each agent")
    begin = np.cumsum([0, *(day.edges for day in days)])
    return ContactWorld(
        indptr=np.stack([np.asarray(day.indptr, dtype=np.int64) + at for day, at in zip(days, begin, strict=False)]),
        indices=np.concatenate([day.indices for day in days]).astype(np.int32),
        weight=np.concatenate([day.weight if day.weight.size else np.ones(day.edges, np.int64) for day in days]),
        group=group.astype(np.int32),
        vaccinated=vaccinated.astype(np.uint8),
        first=first,
        steps=steps,
        groups=int(group.max()) + 1,
    )


def _largest(world: ContactWorld) -> int:
    """Return the largest exposure in a step."""
    ends = np.concatenate([[0], np.cumsum(world.weight)])
    return int((ends[world.indptr[:, 1:]] - ends[world.indptr[:, :-1]]).max())
