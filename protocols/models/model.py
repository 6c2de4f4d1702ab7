"""Substeps that compose into a model, checked when the model is made."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from protocols.errors import ModelError
from protocols.models.substep import Array, Exposure, State, Substep


@final
@dataclass(frozen=True, slots=True)
class SubstepModel:
    """Substeps in their order; the first one sees the state of the step's beginning.

    Attributes:
        substeps: at least one of them speaks.
        fields: name and type of every field of the state.
        stages: the names of the values of the field `stage`, for the tally.

    Raises:
        ModelError: a substep reads a field that is not there or has another type, writes one that is not there, or
            not exactly one substep speaks.
    """

    substeps: tuple[Substep, ...]
    fields: Mapping[str, str]
    stages: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that the substeps fit together."""
        for substep in self.substeps:
            name = type(substep).__name__
            for field, kind in substep.reads.items():
                if self.fields.get(field) != kind:
                    got = self.fields.get(field, "no such field")
                    raise ModelError(
                        f"{name} reads {field} as {kind}, but the state has {got}; add it to the model's fields"
                    )
            for field in substep.writes:
                if field not in self.fields:
                    raise ModelError(f"{name} writes {field}, which the state lacks; add it to the model's fields")
        speakers = [type(substep).__name__ for substep in self.substeps if substep.speaks]
        if len(speakers) != 1:
            raise ModelError(f"{len(speakers)} substeps speak ({', '.join(speakers)}); exactly one must")

    @property
    def id(self) -> str:
        """The substeps with their versions, in order."""
        return "+".join(substep.id for substep in self.substeps)

    @property
    def hash(self) -> str:
        """SHA-256 of what the model is: substeps, fields and stages."""
        content = json.dumps([self.id, sorted(self.fields.items()), self.stages], separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def speaker(self) -> Substep:
        """The substep that speaks, and whose hazard grows by what it hears."""
        return next(substep for substep in self.substeps if substep.speaks)

    def message(self, state: State, *, channels: int) -> Array:
        """Return int64[n, channels + 1]: the message of the substep that speaks."""
        return self.speaker.message(state, channels=channels)

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the next state: every substep's update, in order."""
        for substep in self.substeps:
            state = substep.update(state, exposure)
        return state

    def tally(self, state: State) -> list[int]:
        """Return how many agents are in each stage."""
        return [int((state["stage"] == value).sum()) for value in range(len(self.stages))]
