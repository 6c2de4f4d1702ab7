"""The score of a discrete run: the derivative of the log-probability of all that its agents drew.

In a step a susceptible agent escapes with probability exp(-x), x = S_i / n_i (sum_c beta_c X_ic + pressure_i). With dx
the derivative of x, an agent that escapes adds -dx, and one that is infected dx exp(-x) / (1 - exp(-x)). A stay of d
days adds the derivative of log law(d), and the initial draw that of its own log-probability. Then, for any output F,

    d E[F] / d theta = Cov(F, score)

without bias. Scores of draws that the run never used are left out: their mean is zero, and they would only add noise.

Source: Glynn 1990, Likelihood ratio gradient estimation for stochastic systems.
"""

from typing import final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import I64
from protocols.models.escape import probability
from protocols.models.gradient import BETA, Gradient
from protocols.models.seir.integer_score import SCALE, coarse, coarse_beta, terms
from protocols.models.seir.parameters import Seir
from protocols.models.seir.relaxation import F64
from protocols.models.stage import Stage
from protocols.models.substep import Exposure, State

Mask = npt.NDArray[np.bool_]


@final
class ScoreAccumulator:
    """Scores of n agents, added up step by step.

    Only what IEEE 754 rounds the same way everywhere is used, and sums over agents are of integers, so that a private
    run's score has the bits of the clear run's.

    Security: a score tells of an agent's draws. It stays with the agent's holder; only `encode` leaves, as shares.
    """

    def __init__(
        self, model: Seir, gradient: Gradient, *, channels: tuple[str, ...], state: State, susceptibility: F64
    ) -> None:
        """Begin with the scores of the initial draws.

        Args:
            model: which the agents follow.
            gradient: which scores are taken.
            channels: names of the contact channels, for those of their parameters.
            state: of the first step.
            susceptibility: float64[n], S_i / n_i of Eq. 8.
        """
        self._gradient, self._model, self._channels = gradient, model, channels
        self._susceptibility = susceptibility
        self._coarse, self._scale = coarse_beta(model.beta, model.f), 0
        self._score = np.zeros((self._gradient.p, susceptibility.size))
        ill = np.asarray(state["stage"]) == int(Stage.I)
        share = self._model.initial / LAW_TOTAL
        with np.errstate(divide="ignore"):
            drawn = np.where(ill, 1.0 / np.float64(share), -1.0 / np.float64(1.0 - share))
        self._add("initial", np.ones_like(ill), drawn)
        self._add("infectious", ill, self._stay("infectious", state))

    def __repr__(self) -> str:
        """Tell the size, and nothing else."""
        return f"Scores({self._susceptibility.size} agents, hidden)"

    def observe(self, before: State, exposure: Exposure, after: State) -> None:
        """Take in one step.

        Args:
            before: the state when the step began.
            exposure: all that reached the agents; in outcome mode only the stays count here.
            after: the state when the step ended.
        """
        was, now = np.asarray(before["stage"]), np.asarray(after["stage"])
        susceptible = was == int(Stage.S)
        infected = susceptible & (now != int(Stage.S))
        self._add("latent", infected, self._stay("latent", before))
        self._add("infectious", (was == int(Stage.E)) & (now == int(Stage.I)), self._stay("infectious", before))
        if SCALE in self._gradient.parameters:
            z = np.asarray(exposure.contact) @ self._coarse + coarse(np.asarray(exposure.pressure), self._model.f)
            self._scale += int(terms(z, (susceptible & ~infected).astype(np.int64), infected.astype(np.int64)).sum())
        else:
            self._hazards(exposure, susceptible, infected)

    def encode(self) -> I64:
        """Return int64[p]: the sum over agents, each clipped, in fixed point.

        A score by `scale` is in units of its own, not clipped, and followed by a word of 0; see `integer_score`.
        """
        total = self._gradient.encode(self._score)
        if SCALE in self._gradient.parameters:
            total[self._gradient.parameters.index(SCALE)] = self._scale
            total = np.append(total, 0)
        return total

    def each(self) -> F64:
        """Return float64[p, n]: each agent's own score, clipped."""
        clipped: F64 = np.clip(self._score, -self._gradient.clip, self._gradient.clip)
        return clipped

    def _hazards(self, exposure: Exposure, susceptible: Mask, infected: Mask) -> None:
        unit = 2.0**-self._model.f
        contact, pressure = np.asarray(exposure.contact), np.asarray(exposure.pressure)
        x = pressure * unit
        for channel, beta in enumerate(self._model.beta):
            x = x + contact[:, channel] * (beta * unit)
        caught = probability(x * self._susceptibility)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(infected, (1.0 - caught) / caught, -1.0) * self._susceptibility
        for channel, name in enumerate(self._channels):
            self._add(BETA + name, susceptible, contact[:, channel] * factor)
        if self._model.cell_beta:
            self._add("cell_beta", susceptible, pressure / self._model.cell_beta * factor)

    def _stay(self, name: str, state: State) -> F64:
        """Return the derivative of log law(d) by the law's mean, for each agent's own d."""
        if name not in self._gradient.parameters:
            return np.zeros(self._susceptibility.size)
        law, slope = (self._model.latent, self._gradient.latent_slope)
        if name == "infectious":
            law, slope = (self._model.infectious, self._gradient.infectious_slope)
        weight = np.array(law, dtype=np.float64)
        ratio = np.divide(np.array(slope), weight, out=np.zeros_like(weight), where=weight > 0)
        found: F64 = ratio[np.asarray(state[name]).astype(np.int64) - 1]
        return found

    def _add(self, name: str, who: Mask, score: F64) -> None:
        if name in self._gradient.parameters:
            self._score[self._gradient.parameters.index(name)] += np.where(who, score, 0.0)
