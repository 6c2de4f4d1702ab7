"""A posterior for any series so far: a flow that is conditioned on the sum of the hospitals' embeddings."""

import math
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from torch import nn

from client_sdk.vector_amortised import Exercise
from client_sdk.vector_encoder import Encoder
from client_sdk.vector_features import Reference
from lpm_secure.calibration.conditional_sums import Cohort, Total
from lpm_secure.calibration.posterior import Posterior
from lpm_secure.calibration.simulator import Simulator
from protocols.errors import ParameterError

FORMAT: Final = 1
GRADIENT_NORM: Final = 10.0  # of a step of the centre's weights
BACK: Final = 0.01  # the learning rate falls to this share of itself, along a cosine
LOOKED_AT: Final = 1000  # epidemics of the prior from which the public scale is made


@final
@dataclass(frozen=True, slots=True)
class Training:
    """How the encoder and the flow are trained.

    Attributes:
        rounds: in all.
        epidemics: M, simulated anew in each round.
        first: a posterior is asked for after so many weeks at the earliest.
        rate: of Adam.
        hidden, embedding: width of the encoder, and E.
        context: length of what the flow is conditioned on, made from the sum by the centre.
        seed: of everything that is drawn.
    """

    rounds: int = 2500
    epidemics: int = 128
    first: int = 4
    rate: float = 2e-3
    hidden: int = 64
    embedding: int = 32
    context: int = 64
    seed: int = 1

    def __post_init__(self) -> None:
        """Check."""
        whole = {key: value for key, value in asdict(self).items() if key not in {"rate", "seed"}}
        if wrong := [f"{key} = {value}" for key, value in whole.items() if value < 1]:
            raise ParameterError(f"got {wrong[0]}; a whole number of at least 1 is needed")
        if not 0 < self.rate < 1:
            raise ParameterError(f"got rate = {self.rate}; a number between 0 and 1 is needed")


def reference(simulator: Simulator, *, seed: int) -> Reference:
    """Return mean and spread of the log of inpatients over epidemics of the prior."""
    z = _normal((LOOKED_AT, simulator.parameters.p), seed=seed, round_=-1)
    log_x = simulator.log_inpatients(z, simulator.parameters).numpy()
    return Reference(log_x.mean(axis=0), log_x.std(axis=0).mean(axis=0))


@final
class Centre(nn.Module):
    """What the centre alone trains: from the opened sum to the density of z."""

    def __init__(self, p: int, training: Training) -> None:
        """Begin at the prior."""
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            width = 2 * training.context
            read = training.embedding + 2  # the sum, how many took part, how many weeks
            self.head = nn.Sequential(
                nn.Linear(read, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, training.context)
            ).double()
        self.posterior = Posterior(p, seed=training.seed, context=training.context)
        nn.init.zeros_(self.posterior.log_diagonal)

    def context(self, total: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """Return float64[M, context], from the sum over hospitals divided by their number, float64[M, E + 1]."""
        return torch.as_tensor(self.head(torch.cat([total, told[:, None]], dim=-1)))


@final
@dataclass(slots=True, eq=False)
class Amortised:
    """A conditional posterior as it is trained, and then used.

    Attributes:
        simulator: of epidemics of W weeks.
        cohort: the hospitals.
        names: theirs.
        training: how.
        round: that comes next.
        losses: mean of -log q(z | sum) of each round.
        absences: name to the number of rounds without it.

    Security: the centre sees sums over the cohort. Training touches no patient: all epidemics are simulated. What a
        posterior costs is one opened vector of E + 1 numbers for each week in which it is asked for.
    Source: Chopra 2025 (arXiv 2507.09901), section 5.2.
    """

    simulator: Simulator
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
        simulator, training = self.simulator, self.training
        if training.first > simulator.weeks:
            raise ParameterError(f"the first posterior is after week {training.first} of {simulator.weeks}; begin earlier")
        self.encoder = encoder(simulator, training)
        self.weights = nn.Parameter(torch.from_numpy(self.encoder.begin(training.seed)))
        self.centre = Centre(simulator.parameters.p, training)
        self._optimiser = torch.optim.Adam([*self.centre.parameters(), self.weights], lr=training.rate)

    def run(self, on_round: Callable[["Amortised"], None] = lambda amortised: None) -> None:
        """Train to the last round; `on_round` is told after each."""
        while self.round < self.training.rounds:
            self.advance()
            on_round(self)

    def advance(self) -> None:
        """Play one round: simulate, let hospitals embed, step flow and encoder."""
        z, exercise = self._exercise()
        opened = self.cohort.practise(exercise)
        total = torch.from_numpy(opened.value).requires_grad_()
        told = torch.from_numpy(exercise.told) / self.simulator.weeks
        density = self.centre.posterior.log_density(z, self.centre.context(total / len(self.names), told))
        loss = -density.mean()
        self._optimiser.param_groups[0]["lr"] = self.training.rate * self._slowed()
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        assert_grad = total.grad if total.grad is not None else torch.zeros_like(total)
        corrected = self.cohort.correct(exercise.round, np.ascontiguousarray(assert_grad.numpy()))
        self.weights.grad = torch.from_numpy(corrected.value)
        torch.nn.utils.clip_grad_norm_(self.centre.parameters(), GRADIENT_NORM)
        self._optimiser.step()
        self._count(opened)
        self.losses.append(float(loss.detach()))
        self.round += 1

    def posterior(self, weeks: int, *, draws: int, seed: int) -> torch.Tensor:
        """Ask the hospitals for the sum of their embeddings, and draw z given it.

        Args:
            weeks: how many of the series are read.
            draws: S.
            seed: of the draws.

        Returns:
            float64[S, p], for the simulator's W weeks: what lies after `weeks` is as uncertain as it should be.
        """
        if not self.training.first <= weeks <= self.simulator.weeks:
            raise ParameterError(
                f"got {weeks} weeks; the posterior was trained for {self.training.first} to {self.simulator.weeks}"
            )
        return self.given(self.cohort.tell(self.weights.detach().numpy(), weeks), weeks, draws=draws, seed=seed)

    def given(self, opened: Total, weeks: int, *, draws: int, seed: int) -> torch.Tensor:
        """Draw z given an opened sum, float64[S, p]."""
        noise = _normal((draws, self.simulator.parameters.p), seed=seed, round_=-2)
        told = torch.tensor([weeks / self.simulator.weeks], dtype=torch.float64)
        with torch.no_grad():
            context = self.centre.context(torch.from_numpy(opened.value) / len(self.names), told)
            return self.centre.posterior.draw(noise, context.expand(draws, -1))[0]

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            "format": FORMAT,
            "training": asdict(self.training),
            "round": self.round,
            "losses": self.losses,
            "absences": self.absences,
            "centre": self.centre.state_dict(),
            "weights": self.weights.detach(),
            "optimiser": self._optimiser.state_dict(),
        }
        new = path.with_suffix(".new")
        torch.save(state, new)
        new.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ParameterError: unreadable, or of another training.
        """
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True)
            if state["format"] != FORMAT or state["training"] != asdict(self.training):
                raise ParameterError(f"{path} is of another training; give the settings it was made with, or start anew")
            if state["weights"].shape != self.weights.shape:
                raise ParameterError(f"{path} is of an encoder of another size; start anew")
            self.centre.load_state_dict(state["centre"])
            self._optimiser.load_state_dict(state["optimiser"])
            self.round, self.losses, self.absences = state["round"], state["losses"], state["absences"]
        except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            if isinstance(error, ParameterError):
                raise
            raise ParameterError(f"{path} is no checkpoint of this training ({type(error).__name__}); start anew") from error
        with torch.no_grad():
            self.weights.copy_(state["weights"])

    def _exercise(self) -> tuple[torch.Tensor, Exercise]:
        """Simulate this round's epidemics; return their z, float64[M, p], and what is published of them."""
        training, simulator = self.training, self.simulator
        z = _normal((training.epidemics, simulator.parameters.p), seed=training.seed, round_=self.round)
        log_x = simulator.log_inpatients(z, simulator.parameters).numpy()
        weeks = np.random.Generator(np.random.Philox([training.seed, self.round]))
        told = weeks.integers(training.first, simulator.weeks, size=training.epidemics, endpoint=True)
        weights = self.weights.detach().numpy().copy()
        return z, Exercise(self.round, weights, np.ascontiguousarray(log_x), told)

    def _count(self, opened: Total) -> None:
        for name in set(self.names) - set(opened.members):
            self.absences[name] = self.absences.get(name, 0) + 1

    def _slowed(self) -> float:
        done = self.round / self.training.rounds
        return BACK + (1.0 - BACK) * 0.5 * (1.0 + math.cos(math.pi * done))


def encoder(simulator: Simulator, training: Training) -> Encoder:
    """Return the shape of the network that every hospital runs."""
    shape = Reference(np.zeros((len(simulator.city.boroughs), simulator.weeks)), np.ones(simulator.weeks))
    return Encoder(shape.features, training.hidden, training.embedding)


def _normal(shape: tuple[int, int], *, seed: int, round_: int) -> torch.Tensor:
    rng = np.random.Generator(np.random.Philox([seed, round_ + 2]))
    return torch.from_numpy(rng.standard_normal(shape))
