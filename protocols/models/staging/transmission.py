"""Infection by thresholds where contacts, and agents' susceptibilities, change from day to day."""

from dataclasses import dataclass
from typing import ClassVar, final

from array_api_compat import array_namespace

from protocols.models.course import CourseStage
from protocols.models.interventions import FULL
from protocols.models.substep import Array, Exposure, State, Substep


@final
@dataclass(frozen=True, slots=True)
class StagedTransmission(Substep):
    """As `Transmission`, with the hazard weighted by today's factor of each channel and the agent's susceptibility.

    Attributes:
        beta: for each channel, the hazard per unit of exposure and step, in fixed point.
        says: what an asymptomatic and a mildly ill agent say; one in hospital says nothing.
        home: for each channel, whether agents who stay at home still speak on it.

    Source: Sellke 1983, as in `Transmission`; the hazard grows by `beta(t) s_i(t) X_i(t)`, and tau ~ Exp(1).
    """

    id: ClassVar[str] = "staged-transmission/1"
    reads: ClassVar[dict[str, str]] = {
        "stage": "int8",
        "timer": "int16",
        "latent": "int16",
        "hazard": "int64",
        "tau": "int64",
        "quiet": "bool",
        "susceptibility": "int16",
        "factor": "int64[c]",
    }
    writes: ClassVar[tuple[str, ...]] = ("stage", "timer", "hazard")
    speaks: ClassVar[bool] = True

    beta: tuple[int, ...]
    says: tuple[int, int]
    home: tuple[bool, ...]

    def message(self, state: State, *, channels: int) -> Array:
        """Return int64[n, channels + 1]: what an infectious agent says; at home only, where it stays there."""
        stage = state["stage"]
        xp = array_namespace(stage)
        word = xp.astype(stage == int(CourseStage.A), xp.int64) * self.says[0]
        word = word + xp.astype(stage == int(CourseStage.M), xp.int64) * self.says[1]
        outside = xp.where(state["quiet"], xp.zeros_like(word), word)
        return xp.stack([word if self.home[channel] else outside for channel in range(channels)] + [outside], axis=1)

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state after this step's infections: hazard H += s (256 pressure + sum of factor beta X)."""
        stage = state["stage"]
        xp = array_namespace(stage)
        grows = exposure.pressure * FULL
        for channel, beta in enumerate(self.beta):
            grows = grows + exposure.contact[:, channel] * (state["factor"][channel] * beta)
        hazard = state["hazard"] + grows * xp.astype(state["susceptibility"], xp.int64)
        infected = (stage == int(CourseStage.S)) & (hazard > state["tau"])
        return {
            **state,
            "hazard": hazard,
            "stage": stage + xp.astype(infected, stage.dtype),
            "timer": xp.where(infected, state["latent"], state["timer"]),
        }
