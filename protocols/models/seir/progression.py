"""From exposed to infectious to recovered, each after a number of days drawn once."""

from dataclasses import dataclass
from typing import ClassVar, final

from array_api_compat import array_namespace

from protocols.models.stage import Stage
from protocols.models.substep import Exposure, State, Substep


@final
@dataclass(frozen=True, slots=True)
class Progression(Substep):
    """An agent stays exposed for `latent` steps and infectious for `infectious` steps."""

    id: ClassVar[str] = "progression/1"
    reads: ClassVar[dict[str, str]] = {"stage": "int8", "timer": "int16", "infectious": "int16"}
    writes: ClassVar[tuple[str, ...]] = ("stage", "timer")

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state one step later; those whose timer ends move on."""
        stage, timer = state["stage"], state["timer"]
        xp = array_namespace(stage)
        exposed = stage == int(Stage.E)
        waiting = exposed | (stage == int(Stage.I))
        timer = timer - xp.astype(waiting, timer.dtype)
        due = waiting & (timer == 0)
        return {
            **state,
            "stage": stage + xp.astype(due, stage.dtype),
            "timer": xp.where(due & exposed, state["infectious"], timer),
        }
