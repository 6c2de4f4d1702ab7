"""Counts what happens in a city: one pass over the stages a day, whatever computes them."""

from typing import Any, Final, final

import numpy as np

from lpm_secure.city.series import CitySeries, Event
from lpm_secure.engine.kernels.observers import Observer, Steps
from protocols.arithmetic.fixed_point import I64
from protocols.arithmetic.jit import compile_kernel
from protocols.models.course import CourseStage

S: Final = int(CourseStage.S)
H: Final = int(CourseStage.H)
D: Final = int(CourseStage.D)
INFECTION: Final = int(Event.INFECTION)
ADMISSION: Final = int(Event.ADMISSION)
DEATH: Final = int(Event.DEATH)


@compile_kernel
def _changes(stage: Any, before: Any, place: Any, found: I64) -> None:
    """Count who left S, entered H or entered D, by place, and bring `before` up to date."""
    for i in range(stage.size):
        now = stage[i]
        if now != before[i]:
            if before[i] == S:
                found[place[i], INFECTION] += 1
            if now == H:
                found[place[i], ADMISSION] += 1
            if now == D:
                found[place[i], DEATH] += 1
            before[i] = now


@final
class CityRecorder(Observer):
    """Stages, and events by place, day by day."""

    def __init__(self, place: np.ndarray[Any, np.dtype[np.uint8]], places: tuple[str, ...]) -> None:
        """Count by `place`, uint8[n]; there are at most 256."""
        self._place, self._places = place, places
        self._before = np.zeros(place.size, dtype=np.uint8)
        self._counts: list[I64] = []
        self._events: list[I64] = []

    def see(self, agents: Steps) -> None:
        """Record a day."""
        found = np.zeros((len(self._places), len(Event)), dtype=np.int64)
        _changes(agents.stage.view(np.uint8), self._before, self._place, found)
        self._counts.append(agents.tally())
        self._events.append(found)

    @property
    def last(self) -> I64:
        """The stages of the last day, int64[7]."""
        return self._counts[-1]

    @property
    def series(self) -> CitySeries:
        """What was recorded."""
        return CitySeries(np.stack(self._counts), np.stack(self._events), self._places)

    def save(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what a checkpoint needs beside the agents."""
        return {"series_counts": np.stack(self._counts), "series_events": np.stack(self._events)}

    def load(self, saved: dict[str, np.ndarray[Any, Any]], agents: Steps) -> None:
        """Go on from what `save` returned, for agents that were loaded from the same checkpoint."""
        self._counts, self._events = list(saved["series_counts"]), list(saved["series_events"])
        self._before[:] = agents.stage.view(np.uint8)
