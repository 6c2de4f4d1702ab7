"""What a city run yields: stages day by day, and infections, admissions and deaths day by day and by place."""

import enum
import hashlib
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pyarrow as pa

from protocols.arithmetic.fixed_point import I64
from protocols.models.course import CourseStage


@final
class Event(enum.IntEnum):
    """What happened to an agent in the step before a day: columns of `CitySeries.events`."""

    INFECTION = 0
    ADMISSION = 1
    DEATH = 2


NAMES = {Event.INFECTION: "infections", Event.ADMISSION: "admissions", Event.DEATH: "deaths"}


@final
@dataclass(frozen=True, slots=True, eq=False)
class CitySeries:
    """Counts of a run of T days.

    Attributes:
        counts: int64[T + 1, 7]: day, stage.
        events: int64[T + 1, places, 3]: day, place, event; on day 0 infections are those exposed at the start.
        places: their names; one, `city`, where the population has no boroughs.
    """

    counts: I64
    events: I64
    places: tuple[str, ...]

    def of(self, event: Event) -> I64:
        """Return the city's events of one kind, int64[T + 1]."""
        result: I64 = self.events[:, :, event].sum(axis=1)
        return result

    @property
    def n(self) -> int:
        """How many agents there are."""
        return int(self.counts[0].sum())

    @property
    def attack_rate(self) -> float:
        """The share of agents that are no longer susceptible at the end."""
        return 1.0 - float(self.counts[-1, CourseStage.S]) / self.n

    @property
    def hash(self) -> str:
        """SHA-256 of counts, then events, as little-endian words, row by row."""
        return hashlib.sha256(self.counts.astype("<i8").tobytes() + self.events.astype("<i8").tobytes()).hexdigest()

    def table(self) -> pa.Table:
        """Return one row for each day: stages, events of the city, events of each place."""
        columns: dict[str, Any] = {"day": np.arange(len(self.counts))}
        columns |= {stage.name: self.counts[:, stage] for stage in CourseStage}
        columns |= {name: self.of(event) for event, name in NAMES.items()}
        if len(self.places) > 1:
            for place, borough in enumerate(self.places):
                label = borough.replace(" ", "_")
                columns |= {f"{name}_{label}": self.events[:, place, event] for event, name in NAMES.items()}
        return pa.table(columns)
