"""Fit a posterior by rounds: draw, simulate with derivatives, ask the institutions, step the flow."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np
import torch

from lpm_secure import checkpoint
from lpm_secure.calibration.inference.descent import anneal, arrays_of, put_back
from lpm_secure.calibration.inference.facts import Facts
from lpm_secure.calibration.inference.posterior import Posterior
from lpm_secure.calibration.inference.public_stream import HIGHEST, LOWEST, PublicStream
from lpm_secure.models.courses.expected_course import ExpectedCourse
from lpm_secure.secure_sum.transport import SumTransport
from protocols.errors import ParameterError

GRADIENT_NORM: Final = 50.0  # of a step of the flow's weights
STREAM: Final = "stream"  # in a checkpoint: what was learnt of the public series
BACK: Final = 0.1  # the learning rate falls to this share of itself, along a cosine


@final
@dataclass(frozen=True, slots=True)
class FitSchedule:
    """How long and how fast.

    Attributes:
        rounds: in all.
        draws: S, of the posterior in each round.
        rate: of Adam on the flow.
        weight: of the institutions' likelihood beside the prior: 1 is Bayes, less is more careful.
        seed: of the draws and of the flow's first weights.
    """

    rounds: int = 600
    draws: int = 8
    rate: float = 0.01
    weight: float = 1.0
    seed: int = 1


@final
@dataclass(slots=True, eq=False)
class Fit:
    """A calibration as it goes on.

    Attributes:
        course, sums, schedule: what is fitted, and with whom.
        names: of the institutions.
        data: what else tells this fit from others: whose series, and how institutions answer.
        stream: a public series that is fitted too, here.
        ahead: periods after those of the course that are published too, for institutions to forecast from; nobody
            answers by them, and what is summed there, noise at most, has no part in the fit.
        posterior: the flow.
        round: that comes next.
        simulations: courses simulated so far; one with its derivatives counts once.
        absences: name to the number of rounds without it.
        refusals: name to the number of rounds in which its contribution was refused.
        discarded: rounds that gave no sum, though institutions answered: the posterior stays as it was.
        members: how many took part in the last round.
        late: who did not.
        loss: what the last round descended on; None where it gave no sum.

    Security: sees released sums alone; the data stay where they are.
    """

    course: ExpectedCourse
    sums: SumTransport
    schedule: FitSchedule
    names: tuple[str, ...] = ()
    data: str = ""
    ahead: int = 0
    stream: PublicStream | None = None
    posterior: Posterior = field(init=False, repr=False)
    round: int = field(init=False, default=0)
    members: int = field(init=False, default=0)
    late: tuple[str, ...] = field(init=False, default=())
    loss: float | None = field(init=False, default=None)
    simulations: int = field(init=False, default=0)
    absences: dict[str, int] = field(init=False, default_factory=dict)
    refusals: dict[str, int] = field(init=False, default_factory=dict)
    discarded: int = field(init=False, default=0)
    _optimiser: torch.optim.Adam = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin near the prior."""
        self.posterior = Posterior(self.course.p, seed=self.schedule.seed)
        self._optimiser = torch.optim.Adam(self.posterior.parameters(), lr=self.schedule.rate)

    def run(self, on_round: Callable[["Fit"], None] = lambda fit: None) -> None:
        """Go on to the last round; `on_round` is told after each."""
        while self.round < self.schedule.rounds:
            self.advance()
            on_round(self)

    def advance(self) -> None:
        """Play one round."""
        schedule = self.schedule
        generator = torch.Generator().manual_seed(schedule.seed * 1_000_003 + self.round)
        noise = torch.randn(schedule.draws, self.course.p, generator=generator, dtype=torch.float64)
        z, log_density = self.posterior.draw(noise)
        value, jacobian, public = self._simulate(z.detach())
        self.simulations += schedule.draws
        published = torch.nan_to_num(self._with_later(value, z.detach(), generator), nan=LOWEST).clamp(LOWEST, HIGHEST)
        opened = self.sums.open(np.ascontiguousarray(published.numpy()))
        self._count(opened.members, opened.refused)
        self.members, self.loss = len(opened.members), None
        self.late = tuple(sorted(set(self.names) - set(opened.members)))
        if opened.members:
            gradient = self.sums.contribution.decode(opened.total).reshape(published.shape)
            private = torch.from_numpy(gradient[..., : self.course.periods])
            self._descend(z, log_density, torch.einsum("sbw,sbwp->sp", private, jacobian) + public)
        self.round += 1

    def _simulate(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | float]:
        """Return the course of each draw with its derivatives, and the public series' derivative by z, float64[S, p].

        Noise can drive draws to where no course is, and values are no numbers.
        """
        if self.stream is None:
            return *self.course.with_jacobian(z), 0.0
        value, jacobian, log_events, by_z = self.course.with_events(z)
        return value, jacobian, self.stream.by_z(log_events, by_z)

    def _with_later(self, value: torch.Tensor, z: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the course of each draw, float64[S, B, W + ahead], whose further periods are drawn from the prior."""
        if not self.ahead:
            return value
        longer = self.course.lengthen(self.course.periods + self.ahead)
        later = longer.log_mean(self.course.extend(z, longer, generator))
        return torch.cat([value, later[..., self.course.periods :]], dim=-1)

    def _descend(self, z: torch.Tensor, log_density: torch.Tensor, by_z: torch.Tensor) -> None:
        """Take a step of the flow's weights, by the log likelihood's derivatives by z, float64[S, p]."""
        schedule = self.schedule
        by_z = torch.nan_to_num(by_z, nan=0.0, posinf=0.0, neginf=0.0)
        log_prior = -0.5 * (z**2).sum(-1)
        objective = (log_density - log_prior - schedule.weight * (z * by_z).sum(-1)).mean()
        done = self.round / max(schedule.rounds, 1)
        self._optimiser.param_groups[0]["lr"] = schedule.rate * anneal(done, BACK)
        self._optimiser.zero_grad()
        objective.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.posterior.parameters(), GRADIENT_NORM)
        self._optimiser.step()
        self.loss = float(objective.detach())

    def draws(self, count: int, *, seed: int) -> torch.Tensor:
        """Return z from the posterior, float64[count, p]."""
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(count, self.course.p, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            return self.posterior.draw(noise)[0]

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        facts = Facts(
            round=self.round,
            simulations=self.simulations,
            absences=self.absences,
            refusals=self.refusals,
            discarded=self.discarded,
        )
        arrays = arrays_of(self.posterior, self._optimiser)
        if self.stream is not None:
            arrays[STREAM] = self.stream.own.state
        checkpoint.save(path, arrays, owner=self._identity, facts=facts)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint; what institutions have learnt is theirs, and they recall it by themselves.

        Raises:
            ParameterError: unreadable, or of another fit.
        """
        arrays, facts = checkpoint.load(path, Facts, owner=self._identity)
        try:
            if self.stream is not None:
                self.stream.own.resume(arrays.pop(STREAM))
            put_back(arrays, self.posterior, self._optimiser)
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise ParameterError(f"{path} is no checkpoint of this fit; start anew, without --resume") from error
        self.round, self.simulations = facts.round, facts.simulations
        self.absences, self.refusals, self.discarded = facts.absences, facts.refusals, facts.discarded
        self.sums.leave_out(tuple(facts.refusals))

    @property
    def _identity(self) -> str:
        return f"{self.schedule} {self.course.identity} {self.data}"

    def _count(self, members: tuple[str, ...], refused: tuple[str, ...]) -> None:
        self.discarded += not members
        for name in set(self.names) - set(members) if members else ():
            self.absences[name] = self.absences.get(name, 0) + 1
        for name in refused:
            self.refusals[name] = self.refusals.get(name, 0) + 1
