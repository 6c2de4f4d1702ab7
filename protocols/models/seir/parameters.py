"""The S-E-I-R epidemic by thresholds: its parameters, its model, and the state that it starts from."""

from typing import Any, Final, Never, final

import msgspec
import numpy as np
import numpy.typing as npt

from protocols.arithmetic import distributions
from protocols.arithmetic.fixed_point import U64, prove_no_wrap
from protocols.arithmetic.philox import DrawPurpose, words
from protocols.errors import ParameterError
from protocols.models.model import SubstepModel
from protocols.models.seir.doses import DOSE_FIELDS, FULL, Doses, Protection, WeightedTransmission
from protocols.models.seir.progression import Progression
from protocols.models.seir.transmission import Transmission
from protocols.models.seir.waning import SPELL_FIELDS, Waning
from protocols.models.stage import Stage
from protocols.models.substep import State, Substep

FIELDS: Final = {
    "stage": "int8",
    "timer": "int16",
    "latent": "int16",
    "infectious": "int16",
    "hazard": "int64",
    "tau": "int64",
}
LARGEST_DRAW: Final = 37  # -log of the smallest uniform draw, 2**-53, is 36.7
MAX_DAYS: Final = 2**15 - 1


@final
class Seir(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="seir", tag_field="kind"):
    """Parameters, all of them public integers; what is not asked for is not written down.

    Attributes:
        beta: for each contact channel, hazard per unit of exposure and step, `f` fraction bits.
        cell_beta: hazard per step if everyone in the agent's cell were infectious, `f` fraction bits.
        latent, infectious: laws of days, `d + 1` days with probability `law[d] / 2**32`.
        initial: probability of being infectious at the start, in units of 2**-32.
        f: fraction bits of hazards and thresholds.
        waning: law of days from recovery until an agent is susceptible again; empty where immunity lasts.
        doses: a vaccination whose takers are private; None where nobody is vaccinated.
    """

    beta: tuple[int, ...]
    cell_beta: int
    latent: tuple[int, ...]
    infectious: tuple[int, ...]
    initial: int
    f: int
    waning: tuple[int, ...] = ()
    doses: Doses | None = None

    def __post_init__(self) -> None:
        """Check every value; what arrives in a manifest is not trusted."""
        distributions.check_law(self.latent, "latent")
        distributions.check_law(self.infectious, "infectious")
        if self.waning:
            distributions.check_law(self.waning, "waning")
        if max(len(self.latent), len(self.infectious), len(self.waning)) > MAX_DAYS:
            raise ParameterError(f"a law of days is longer than {MAX_DAYS} days; shorten it")
        if min((*self.beta, self.cell_beta), default=0) < 0:
            raise ParameterError("beta is negative; hazards only grow")
        if not 0 <= self.initial <= distributions.LAW_TOTAL:
            raise ParameterError(f"initial is {self.initial}: it must lie in [0, 2**32]")
        largest = 56 if self.doses is None else 56 - (FULL.bit_length() - 1)
        if not 1 <= self.f <= largest:
            raise ParameterError(f"f is {self.f}: it must lie in [1, {largest}]")

    def model(self) -> SubstepModel:
        """Return the model: progression, then transmission, so that a new infection keeps its first day."""
        steps: list[Substep] = [Progression(), Transmission(self.beta)]
        fields = dict(FIELDS)
        if self.doses is not None:
            steps[1:] = [WeightedTransmission(self.beta), Protection(self.doses.left)]
            fields |= DOSE_FIELDS
        if self.waning:
            steps.append(Waning(self.latent, self.infectious, self.waning, self.unit))
            fields |= SPELL_FIELDS
        return SubstepModel(tuple(steps), fields, tuple(stage.name for stage in Stage))

    @property
    def unit(self) -> float:
        """Return the threshold of a draw of 1: 2**f, times the largest weight where agents have any."""
        return 2.0**self.f * self.largest_weight

    @property
    def largest_weight(self) -> int:
        """Return the largest weight of what an agent hears; 1 where nothing is weighted."""
        return 1 if self.doses is None else FULL

    @property
    def digest(self) -> str:
        """SHA-256 of substeps, fields and stages."""
        return self.model().hash

    @property
    def recurrence(self) -> str:
        """Why an agent may leave the first stage more than once; nothing where it cannot."""
        return "where immunity wanes an agent is infected more than once" if self.waning else ""

    @property
    def stays(self) -> tuple[tuple[int, ...], ...]:
        """Laws of days in the stages between the first and the last."""
        return self.latent, self.infectious

    @property
    def longest_message(self) -> int:
        """For how many steps an agent may tell its cell something; 0 where that has no bound."""
        return 0 if self.waning else len(self.infectious) + 1

    def check_channels(self, names: tuple[str, ...]) -> None:
        """Refuse a run of another number of contact channels, or of none.

        Raises:
            ParameterError: not one value of beta for each, or no channel.
        """
        if not names:
            raise ParameterError("a run of this model needs at least one contact channel")
        if len(self.beta) != len(names):
            raise ParameterError(f"got {len(self.beta)} values of beta for {len(names)} channels; give one each")

    def require_seir(self, what: str) -> "Seir":
        """Return this model, for `what` knows no other."""
        return self

    def require_graph(self, what: str) -> Never:
        """Refuse what is derived from a model's graph.

        Raises:
            ParameterError: always.
        """
        raise ParameterError(f"{what} are of a model's graph; ask for them of one, as a table [model] of a run does")

    def require_lasting(self, what: str) -> None:
        """Refuse a model in which immunity wanes or agents are vaccinated, for `what` knows neither.

        Raises:
            ParameterError: it is such a model.
        """
        if self.waning or self.doses is not None:
            raise ParameterError(
                f"{what} know neither immunity that wanes nor private doses: leave waning and doses out of the model"
            )

    def prove(self, *, n: int, max_message: int, steps: int) -> int:
        """Return a bound on every hazard of the run, below 2**63.

        Args:
            n: private agents that could all speak to one agent.
            max_message: the largest message on one channel in one step.
            steps: length of the run.

        Raises:
            WouldWrap: the bound reaches 2**63.
        """
        contact = sum(self.beta) * n * max_message * steps * self.largest_weight
        cells = self.cell_beta * steps * self.largest_weight
        return prove_no_wrap({"hazard from contacts": contact, "hazard from cells": cells})

    @property
    def largest_scale(self) -> float:
        """Return the bound of n_i / S_i above which a threshold could wrap."""
        return 2.0**63 / self.unit / LARGEST_DRAW

    def initial_state(self, agents: U64, key: tuple[int, int], scale: npt.NDArray[np.float64]) -> State:
        """Return the state of the first step.

        Args:
            agents: uint64[n], their numbers in the run.
            key: of the simulation generator; a client's own, or the testbed's.
            scale: float64[n], n_i / S_i of Eq. 8: 1 for an agent of ordinary susceptibility.

        Raises:
            ParameterError: a scale that is not positive and finite, or a threshold that could reach 2**63.
        """
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise ParameterError("a susceptibility is zero, negative or not finite; it must be a positive number")
        if scale.size and float(scale.max()) >= self.largest_scale:
            raise ParameterError("a susceptibility is so small that its threshold could wrap; use fewer fraction bits")
        tau = np.rint(distributions.exponential(words(key, agents, DrawPurpose.THRESHOLD)) * scale * self.unit).astype(
            np.int64
        )
        infectious = distributions.days(words(key, agents, DrawPurpose.INFECTIOUS), self.infectious).astype(np.int16)
        ill = distributions.happens(words(key, agents, DrawPurpose.INITIAL), self.initial)
        return {
            "stage": np.where(ill, Stage.I, Stage.S).astype(np.int8),
            "timer": np.where(ill, infectious, 0).astype(np.int16),
            "latent": distributions.days(words(key, agents, DrawPurpose.LATENT), self.latent).astype(np.int16),
            "infectious": infectious,
            "hazard": np.zeros(agents.size, dtype=np.int64),
            "tau": tau,
            **self._later(agents, key, scale),
        }

    def _later(self, agents: U64, key: tuple[int, int], scale: npt.NDArray[np.float64]) -> State:
        """Return the fields of what this model asks for beside the plain epidemic."""
        fields: dict[str, npt.NDArray[Any]] = {}
        if self.doses is not None:
            vaccine = self.doses.wait(words(key, agents, DrawPurpose.DOSE))
            fields |= {"vaccine": vaccine, "susceptibility": self.doses.weight(vaccine)}
        if self.waning:
            fields |= {
                "waning": distributions.days(words(key, agents, DrawPurpose.WANING), self.waning).astype(np.int16),
                "spell": np.zeros(agents.size, dtype=np.int16),
                "seed": words(key, agents, DrawPurpose.SEED).view(np.int64),
                "scale": scale.astype(np.float64),
            }
        return fields
