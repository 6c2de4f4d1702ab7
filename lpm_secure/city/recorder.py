"""Counts what happens in a city: one pass over the stages a day, whatever computes them."""

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from lpm_secure.city.agents import CityAgents
from lpm_secure.city.series import CitySeries, CityWords
from protocols.arithmetic.fixed_point import I64
from protocols.arithmetic.jit import compile_kernel


@compile_kernel
def _changes(stage: Any, before: Any, place: Any, column: Any, found: I64) -> None:
    """Count who arrived in a stage that has a column, by place, and bring `before` up to date."""
    for i in range(stage.size):
        now = stage[i]
        if now != before[i]:
            if column[now] >= 0:
                found[place[i], column[now]] += 1
            before[i] = now


@final
class CityRecorder:
    """Totals, and arrivals in stages by place, day by day."""

    def __init__(self, words: CityWords, place: np.ndarray[Any, np.dtype[np.uint8]], places: tuple[str, ...]) -> None:
        """Count by `place`, uint8[n]; there are at most 256."""
        self._words, self._place, self._places = words, place, places
        self._column = np.full(256, -1, dtype=np.int64)
        for column, stage in enumerate(words.arrivals):
            self._column[words.names.index(stage)] = column
        self._before = np.zeros(place.size, dtype=np.uint8)
        self._counts: list[I64] = []
        self._events: list[I64] = []

    def see(self, agents: CityAgents) -> None:
        """Record a day."""
        found = np.zeros((len(self._places), len(self._words.arrivals)), dtype=np.int64)
        if self._words.arrivals:
            _changes(agents.stage.view(np.uint8), self._before, self._place, self._column, found)
        self._counts.append(agents.tally())
        self._events.append(found)

    @property
    def counts(self) -> Sequence[I64]:
        """The totals of each day so far, int64[q]."""
        return self._counts

    def series(self, public: Mapping[str, Sequence[int]]) -> CitySeries:
        """Return what was recorded, and the public numbers that the model heard."""
        return CitySeries(np.stack(self._counts), np.stack(self._events), self._places, self._words, public)

    def save(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what a checkpoint needs beside the agents."""
        return {"series_counts": np.stack(self._counts), "series_events": np.stack(self._events)}

    def load(self, saved: dict[str, np.ndarray[Any, Any]], agents: CityAgents) -> None:
        """Go on from what `save` returned, for agents that were loaded from the same checkpoint."""
        self._counts, self._events = list(saved["series_counts"]), list(saved["series_events"])
        self._before[:] = agents.stage.view(np.uint8)
