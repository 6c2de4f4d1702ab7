"""Infection by thresholds: one private number per agent decides when."""

from dataclasses import dataclass
from typing import ClassVar, final

from array_api_compat import array_namespace

from protocols.models.stage import Stage
from protocols.models.substep import Array, Exposure, State, Substep


@final
@dataclass(frozen=True, slots=True)
class Transmission(Substep):
    """A susceptible agent is infected in the first step in which its summed hazard exceeds its threshold.

    Attributes:
        beta: for each channel, the hazard per unit of exposure and step, in fixed point.

    Source: Sellke 1983, On the asymptotic distribution of the size of a stochastic epidemic. With tau ~ Exp(1) n / S
        the probability in each step is Eq. 8 of Chopra 2025 (arXiv 2507.09901), exactly.
    """

    id: ClassVar[str] = "transmission/1"
    reads: ClassVar[dict[str, str]] = {
        "stage": "int8",
        "timer": "int16",
        "latent": "int16",
        "hazard": "int64",
        "tau": "int64",
    }
    writes: ClassVar[tuple[str, ...]] = ("stage", "timer", "hazard")
    speaks: ClassVar[bool] = True

    beta: tuple[int, ...]

    def message(self, state: State, *, channels: int) -> Array:
        """Return int64[n, channels + 1]: 1 from an infectious agent, else 0, on every channel."""
        stage = state["stage"]
        xp = array_namespace(stage)
        infectious = xp.astype(stage == int(Stage.I), xp.int64)
        return xp.broadcast_to(infectious[:, None], (infectious.shape[0], channels + 1))

    def increment(self, exposure: Exposure) -> Array:
        """Return this step's part of the hazard, beta X + pressure, int64[n]."""
        hazard = exposure.pressure
        for channel, beta in enumerate(self.beta):
            hazard = hazard + exposure.contact[:, channel] * beta
        return hazard

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state after this step's infections: hazard H += beta X + pressure, infected where H > tau."""
        stage = state["stage"]
        xp = array_namespace(stage)
        hazard = state["hazard"] + self.increment(exposure)
        crossed = hazard > state["tau"] if exposure.crossed is None else exposure.crossed
        infected = (stage == int(Stage.S)) & crossed
        return {
            **state,
            "hazard": hazard,
            "stage": stage + xp.astype(infected, stage.dtype),
            "timer": xp.where(infected, state["latent"], state["timer"]),
        }
