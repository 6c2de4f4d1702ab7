"""A posterior for any series so far: a flow that is conditioned on the sum of the institutions' embeddings."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from client_sdk.amortisation.encoder import Encoder
from client_sdk.amortisation.features import Reference
from client_sdk.amortisation.learner import Exercise
from lpm_secure import checkpoint
from lpm_secure.calibration.amortisation.cohort import Cohort, Total
from lpm_secure.calibration.inference.descent import anneal, arrays_of, put_back
from lpm_secure.calibration.inference.facts import Facts
from lpm_secure.calibration.inference.fit_config import AmortisedConfig
from lpm_secure.calibration.inference.posterior import Posterior
from lpm_secure.models.courses.expected_course import ExpectedCourse
from protocols.errors import ParameterError

F64 = npt.NDArray[np.float64]
PURPOSES: Final = ("reference", "simulations", "periods", "draws")  # of draws that never meet
GRADIENT_NORM: Final = 10.0  # of a step of the centre's weights
BACK: Final = 0.01  # the learning rate falls to this share of itself, along a cosine
LOOKED_AT: Final = 1000  # simulations of the prior from which the public scale is made


@final
@dataclass(frozen=True, slots=True)
class Training:
    """How the encoder and the flow are trained.

    Attributes:
        rounds: in all.
        simulations: M, drawn anew in each round.
        first: a posterior is asked for after so many periods at the earliest.
        rate: of Adam.
        hidden, embedding: width of the encoder, and E; an institution tells E numbers for each place.
        context: length of what the flow is conditioned on, made from the sum by the centre.
        seed: of everything that is drawn.
    """

    rounds: int = 2500
    simulations: int = 128
    first: int = 4
    rate: float = 2e-3
    hidden: int = 64
    embedding: int = 24
    context: int = 64
    seed: int = 1

    @classmethod
    def of(cls, table: AmortisedConfig, seed: int) -> "Training":
        """Return what a configuration asks for."""
        sizes = {"hidden": table.hidden, "embedding": table.embedding, "context": table.context}
        return cls(table.rounds, table.simulations, table.first_period, table.rate, **sizes, seed=seed)

    def __post_init__(self) -> None:
        """Check."""
        whole = {key: value for key, value in asdict(self).items() if key not in {"rate", "seed"}}
        if wrong := [f"{key} = {value}" for key, value in whole.items() if value < 1]:
            raise ParameterError(f"got {wrong[0]}; a whole number of at least 1 is needed")
        if not 0 < self.rate < 1:
            raise ParameterError(f"got rate = {self.rate}; a number between 0 and 1 is needed")


def reference(course: ExpectedCourse, *, seed: int) -> Reference:
    """Return mean and spread of the log of what is expected, over the prior."""
    z = _normal((LOOKED_AT, course.p), _generator(seed, "reference"))
    log_x = course.log_mean(z).numpy()
    return Reference(log_x.mean(axis=0), log_x.std(axis=0).mean(axis=0))


@final
class Centre(nn.Module):
    """What the centre alone trains: from the opened sum to the density of z."""

    def __init__(self, p: int, places: int, training: Training) -> None:
        """Begin at the prior."""
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            width = 2 * training.context
            read = places * training.embedding + 2  # the sum, how many took part, how many periods
            self.head = nn.Sequential(
                nn.Linear(read, width),
                nn.SiLU(),
                nn.Linear(width, width),
                nn.SiLU(),
                nn.Linear(width, training.context),
            ).double()
        self.posterior = Posterior(p, seed=training.seed, context=training.context)
        nn.init.zeros_(self.posterior.log_diagonal)

    def context(self, total: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """Return float64[M, context], from the sum over institutions divided by their number, float64[M, B E + 1]."""
        return torch.as_tensor(self.head(torch.cat([total, told[:, None]], dim=-1)))


@final
@dataclass(slots=True, eq=False)
class AmortisedPosterior:
    """An amortised posterior as it is trained, and then used.

    Attributes:
        course: of W periods.
        cohort: the institutions.
        names: theirs.
        training: how.
        round: that comes next.
        losses: mean of -log q(z | sum) of each round.
        absences: name to the number of rounds without it.

    Security: the centre sees sums over the cohort. Training touches no series: all are simulated. What a
        posterior costs is one opened vector of B E + 1 numbers for each period in which it is asked for.
    Source: Chopra 2025 (arXiv 2507.09901), section 5.2.
    """

    course: ExpectedCourse
    cohort: Cohort
    names: tuple[str, ...]
    training: Training = Training()
    centre: Centre = field(init=False, repr=False)
    encoder: Encoder = field(init=False)
    weights: nn.Parameter = field(init=False, repr=False)
    round: int = field(init=False, default=0)
    losses: list[float] = field(init=False, default_factory=list, repr=False)
    absences: dict[str, int] = field(init=False, default_factory=dict)
    _optimiser: torch.optim.Adam = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Draw first weights."""
        course, training = self.course, self.training
        if training.first > course.periods:
            raise ParameterError(
                f"the first posterior is after period {training.first} of {course.periods}; begin earlier"
            )
        self.encoder = encoder(course, training)
        self.weights = nn.Parameter(torch.from_numpy(self.encoder.begin(training.seed)))
        self.centre = Centre(course.p, len(course.places), training)
        self._optimiser = torch.optim.Adam([*self.centre.parameters(), self.weights], lr=training.rate)

    def run(self, on_round: Callable[["AmortisedPosterior"], None] = lambda amortised: None) -> None:
        """Train to the last round; `on_round` is told after each."""
        while self.round < self.training.rounds:
            self.advance()
            on_round(self)

    def advance(self) -> None:
        """Play one round: simulate, let institutions embed, step flow and encoder."""
        z, exercise = self.exercise(self.round)
        opened = self.cohort.practise(exercise)
        total = torch.from_numpy(opened.value).requires_grad_()
        density = self.centre.posterior.log_density(z, self._context(total, exercise.told))
        loss = -density.mean()
        self._optimiser.param_groups[0]["lr"] = self.training.rate * anneal(self.round / self.training.rounds, BACK)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        corrected = self.cohort.correct(exercise.round, _derivative(total))
        self.weights.grad = torch.from_numpy(corrected.value)
        torch.nn.utils.clip_grad_norm_(self.centre.parameters(), GRADIENT_NORM)
        self._optimiser.step()
        self._count(opened)
        self.losses.append(float(loss.detach()))
        self.round += 1

    def exercise(self, round_: int) -> tuple[torch.Tensor, Exercise]:
        """Simulate a round's courses; return their z, float64[M, p], and what is published of them."""
        training, course = self.training, self.course
        shape = (training.simulations, course.p)
        z = _normal(shape, _generator(training.seed, "simulations", round_))
        log_x = course.log_mean(z).numpy()
        periods = _generator(training.seed, "periods", round_)
        told = periods.integers(training.first, course.periods, size=training.simulations, endpoint=True)
        weights = self.weights.detach().numpy().copy()
        return z, Exercise(round_, weights, np.ascontiguousarray(log_x), told)

    def posterior(self, periods: int, *, draws: int, seed: int) -> torch.Tensor:
        """Ask the institutions for the sum of their embeddings, and draw z given it.

        Args:
            periods: how many of the series are read.
            draws: S.
            seed: of the draws.

        Returns:
            float64[S, p], for the course's W periods: what lies after `periods` is as uncertain as it should be.
        """
        self.require(periods)
        opened = self.cohort.tell(self.weights.detach().numpy(), periods)
        return self.draw(self.context(opened, np.array([periods])).expand(draws, -1), seed=seed)

    def require(self, periods: int) -> None:
        """Refuse a number of periods that the posterior is not trained for.

        Raises:
            ParameterError: too few or too many.
        """
        first, last = self.training.first, self.course.periods
        if not first <= periods <= last:
            raise ParameterError(
                f"got {periods} periods; the posterior was trained for {first} to {last}: give one of these"
            )

    def context(self, opened: Total, told: npt.NDArray[np.int64]) -> torch.Tensor:
        """Return what the flow reads of opened sums, float64[M, context]; `told` says after how many periods."""
        return self._context(torch.from_numpy(opened.value), told)

    def draw(self, context: torch.Tensor, *, seed: int) -> torch.Tensor:
        """Return z, float64[S, p]: one for each row of the context."""
        noise = _normal((len(context), self.course.p), _generator(seed, "draws"))
        with torch.no_grad():
            return self.centre.posterior.draw(noise, context)[0]

    def _context(self, total: torch.Tensor, told: npt.NDArray[np.int64]) -> torch.Tensor:
        return self.centre.context(total / len(self.names), torch.from_numpy(told) / self.course.periods)

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        arrays = arrays_of(self.centre, self._optimiser) | {
            "weights.": self.weights.detach().numpy(),
            "losses.": np.array(self.losses),
        }
        facts = Facts(
            round=self.round,
            simulations=self.simulations,
            absences=self.absences,
            refusals={},
            discarded=0,
        )
        checkpoint.save(path, arrays, owner=self._identity, facts=facts)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint, to the bit; institutions keep nothing from round to round.

        Raises:
            ParameterError: unreadable, or of another training.
        """
        arrays, facts = checkpoint.load(path, Facts, owner=self._identity)
        try:
            weights, losses = torch.from_numpy(arrays.pop("weights.")), arrays.pop("losses.").tolist()
            self.encoder.check(weights.numpy())
            put_back(arrays, self.centre, self._optimiser)
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise ParameterError(f"{path} is no checkpoint of this training; start anew, without --resume") from error
        with torch.no_grad():
            self.weights.copy_(weights)
        self.round, self.losses, self.absences = facts.round, losses, facts.absences

    @property
    def simulations(self) -> int:
        """Courses simulated so far."""
        return self.round * self.training.simulations

    @property
    def _identity(self) -> str:
        """What a checkpoint belongs to; the scale of series follows from it."""
        return f"amortised {self.training} {self.course.identity}"

    def _count(self, opened: Total) -> None:
        for name in set(self.names) - set(opened.members):
            self.absences[name] = self.absences.get(name, 0) + 1


def encoder(course: ExpectedCourse, training: Training) -> Encoder:
    """Return the shape of the network that every institution runs."""
    shape = Reference(np.zeros((len(course.places), course.periods)), np.ones(course.periods))
    return Encoder(shape.features, training.hidden, training.embedding)


def _derivative(total: torch.Tensor) -> F64:
    if total.grad is None:
        raise ParameterError("the loss does not depend on the sum; give the flow a context")
    return np.ascontiguousarray(total.grad.numpy())


def _generator(seed: int, purpose: str, round_: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox([seed, PURPOSES.index(purpose), round_]))


def _normal(shape: tuple[int, int], generator: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(generator.standard_normal(shape))
