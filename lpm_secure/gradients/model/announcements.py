"""Public numbers of several runs at once: on a schedule, or from an environment of each that hears its own releases."""

from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np

from lpm_secure.environments.announcer import Announcer
from lpm_secure.environments.environment import Environment
from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64
from protocols.models.graph import ModelGraph


@final
class Announcements:
    """The environments of so many runs, none of which knows of another."""

    def __init__(
        self, graph: ModelGraph, environment: Callable[[], Environment], *, steps: int, cells: int, count: int
    ) -> None:
        """Begin.

        Args:
            graph: of the model.
            environment: returns a new one.
            steps: of a run.
            cells: of a run.
            count: of runs.

        Raises:
            ConfigError: the model hears no public numbers.
        """
        self._channels = [name for name, channel in sorted(graph.channels.items()) if channel.cell]
        self._each = [Announcer.of_graph(graph, environment(), steps=steps, cells=cells) for _ in range(count)]
        self._names = list(graph.public)

    def announce(self, step: int) -> dict[str, I64]:
        """Return each number of a step, int64[runs].

        Raises:
            ModelError: an environment has a mistake.
        """
        numbers = np.array([each.announce(step) for each in self._each], dtype=np.int64)
        return dict(zip(self._names, numbers.reshape(len(self._each), -1).T, strict=True))

    def observe(self, tally: F64, private: F64, cells: Mapping[str, I64]) -> None:
        """Take in what a step released.

        Args:
            tally: float64[runs, q], over all agents.
            private: the same over private ones.
            cells: int64[runs, cells] of each cell channel; none where there are no cells.
        """
        totals = [cells[name] for name in self._channels if name in cells]
        by_run: Any = np.stack(totals, axis=1) if totals else np.zeros((len(self._each), 0), dtype=np.int64)
        own, others = private.astype(np.int64), (tally - private).astype(np.int64)
        for each, *released in zip(self._each, own, others, by_run, strict=True):
            each.observe(*released)
