"""From exposed through asymptomatic, mild and hospital to recovered or dead, each stay drawn once."""

from dataclasses import dataclass
from typing import ClassVar, final

from array_api_compat import array_namespace

from protocols.models.course import CourseStage, Kind
from protocols.models.substep import Array, Exposure, State, Substep


@final
@dataclass(frozen=True, slots=True)
class StagedProgression(Substep):
    """An agent stays `latent` steps exposed, `first` asymptomatic or mild, and, if severe, `second` in hospital."""

    id: ClassVar[str] = "staged-progression/1"
    reads: ClassVar[dict[str, str]] = {
        "stage": "int8",
        "timer": "int16",
        "kind": "int8",
        "first": "int16",
        "second": "int16",
    }
    writes: ClassVar[tuple[str, ...]] = ("stage", "timer")

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state one step later; those whose timer ends move on."""
        stage, timer, kind = state["stage"], state["timer"], state["kind"]
        xp = array_namespace(stage)
        waiting = (stage >= int(CourseStage.E)) & (stage <= int(CourseStage.H))
        timer = timer - xp.astype(waiting, timer.dtype)
        due = waiting & (timer == 0)
        exposed = due & (stage == int(CourseStage.E))
        hospital = due & (stage == int(CourseStage.H))
        severe = kind >= int(Kind.HOSPITAL)
        admitted = due & (stage == int(CourseStage.M)) & severe
        after = _where(xp, due, CourseStage.R, stage)
        after = _where(xp, exposed, CourseStage.M, after)
        after = _where(xp, exposed & (kind == int(Kind.ASYMPTOMATIC)), CourseStage.A, after)
        after = _where(xp, admitted, CourseStage.H, after)
        after = _where(xp, hospital & (kind == int(Kind.DEATH)), CourseStage.D, after)
        timer = xp.where(exposed, state["first"], timer)
        return {**state, "stage": after, "timer": xp.where(admitted, state["second"], timer)}


def _where(xp: Array, condition: Array, value: CourseStage, otherwise: Array) -> Array:
    return xp.where(condition, xp.full_like(otherwise, int(value)), otherwise)
