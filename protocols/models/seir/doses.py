"""Vaccine doses: from a private day on, what an agent hears counts less. A private weight that changes by step."""

from dataclasses import dataclass
from typing import ClassVar, Final, final

import msgspec
import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ParameterError
from protocols.models.seir.transmission import Transmission
from protocols.models.substep import Array, Exposure, State, Substep

FULL: Final = 256  # a susceptibility of one
NEVER: Final = 2**15 - 1  # a day that no run reaches
DOSE_FIELDS = {"vaccine": "int16", "susceptibility": "int16"}


@final
class Doses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vaccination campaign among agents who keep to themselves whether and when they took part.

    Attributes:
        first: step from which the first doses protect.
        days: steps over which they are spread.
        coverage: of 2**32 agents, so many take one.
        left: susceptibility of who is protected, in units of 1 / 256.
    """

    first: int
    days: int
    coverage: int
    left: int

    def __post_init__(self) -> None:
        """Check every value; what arrives in a manifest is not trusted."""
        for name, value, least, most in (
            ("first", self.first, 0, NEVER - 1),
            ("days", self.days, 1, NEVER - max(self.first, 0)),
            ("coverage", self.coverage, 0, LAW_TOTAL),
            ("left", self.left, 0, FULL),
        ):
            if not least <= value <= most:
                raise ParameterError(f"doses: {name} is {value}; it must lie in [{least}, {most}]")

    def wait(self, word: U64) -> npt.NDArray[np.int16]:
        """Return the step from which each agent is protected, int16[n], or NEVER, from 64 random bits each."""
        day = self.first + ((word & np.uint64(2**32 - 1)).astype(np.int64) * self.days >> 32)
        takes = (word >> np.uint64(32)) < np.uint64(self.coverage)
        return np.where(takes, day, NEVER).astype(np.int16)

    def weight(self, vaccine: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        """Return the agents' weights at the start, int16[n]."""
        return np.where(vaccine == 0, self.left, FULL).astype(np.int16)


@final
@dataclass(frozen=True, slots=True)
class Protection(Substep):
    """A dose comes nearer with each step, and from then on the agent's susceptibility is `left` / 256."""

    id: ClassVar[str] = "protection/1"
    reads: ClassVar[dict[str, str]] = DOSE_FIELDS
    writes: ClassVar[tuple[str, ...]] = ("vaccine", "susceptibility")

    left: int

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state with the weights of the next step."""
        vaccine, weight = state["vaccine"], state["susceptibility"]
        xp = array_namespace(vaccine)
        vaccine = vaccine - xp.astype((vaccine > 0) & (vaccine < NEVER), vaccine.dtype)
        return {
            **state,
            "vaccine": vaccine,
            "susceptibility": xp.where(vaccine == 0, xp.full_like(weight, self.left), weight),
        }


@final
@dataclass(frozen=True, slots=True)
class WeightedTransmission(Substep):
    """As `Transmission`, with each step's hazard weighted by the agent's susceptibility of that step.

    Attributes:
        beta: for each channel, the hazard per unit of exposure and step, in fixed point.

    Source: Sellke 1983; the hazard grows by `s_i(t) (beta X_i(t) + pressure)`, s_i in units of 1 / 256, as tau is.
    """

    id: ClassVar[str] = "weighted-transmission/1"
    reads: ClassVar[dict[str, str]] = {**Transmission.reads, "susceptibility": "int16"}
    writes: ClassVar[tuple[str, ...]] = Transmission.writes
    speaks: ClassVar[bool] = True

    beta: tuple[int, ...]

    def message(self, state: State, *, channels: int) -> Array:
        """Return int64[n, channels + 1]: 1 from an infectious agent, else 0, on every channel."""
        return Transmission(self.beta).message(state, channels=channels)

    def increment(self, exposure: Exposure) -> Array:
        """Return this step's part of the hazard before it is weighted, int64[n]."""
        return Transmission(self.beta).increment(exposure)

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state after this step's infections: H += s (beta X + pressure), infected where H > tau."""
        weight = state["susceptibility"]
        xp = array_namespace(weight)
        grows = self.increment(exposure) * xp.astype(weight, xp.int64)
        return Transmission(()).update(state, Exposure(exposure.contact, grows, exposure.crossed))
