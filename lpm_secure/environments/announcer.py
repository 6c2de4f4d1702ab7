"""The engine's side of an environment: each step's numbers, held to what the model was proved for, and kept."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from lpm_secure.environments.environment import Environment, PublicValue, StepTotals
from lpm_secure.models.mistake import mistakes_of
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ConfigError, ModelError, ParameterError
from protocols.models.dynamics import Dynamics
from protocols.models.graph import ModelGraph
from protocols.models.graph.agents import tally_of
from protocols.models.graph.inputs import check_public
from protocols.task.release_plan import ReleasePlan


@final
class Announcer:
    """Asks an environment once a step.

    Attributes:
        numbers: of each public number, its values by now, which a replay announces again.
        relaxed: the unrounded values of the last step, of those numbers that have one.
    """

    def __init__(
        self,
        public: Mapping[str, tuple[int, int]],
        environment: Environment | None,
        *,
        steps: int,
        words: Sequence[str],
        channels: Sequence[str] = (),
        cells: int = 0,
    ) -> None:
        """Begin a run.

        Args:
            public: the range of each number that the model hears, in the order of names.
            environment: that says them, or none.
            steps: of the run.
            words: names of the totals that it is told.
            channels: of cells, with `cells` the number of these.
            cells: of the run.

        Raises:
            ConfigError: the model hears public numbers, and there is no environment; or the other way round.
        """
        self._public, self._environment, self._steps = public, environment, steps
        self._words, self._channels, self._cells = words, channels, cells
        self._releases: list[StepTotals] = []
        self.numbers: dict[str, list[int]] = {name: [] for name in self._public}
        self.relaxed: dict[str, Any] = {}
        self._unrounded = False
        if self._public and environment is None:
            raise ConfigError(f"the model hears {', '.join(self._public)}, and nothing says them; give an environment")
        if environment is not None and not self._public:
            raise ConfigError("there is an environment, and the model hears no public number; leave it out")

    @classmethod
    def of(cls, dynamics: Dynamics, plan: ReleasePlan, environment: Environment | None) -> "Announcer":
        """Begin a run of such dynamics and releases."""
        model, words = dynamics.model.agents, [word.name for word in plan.tally_words]
        channels, cells = model.cell_channels, len(dynamics.cells)
        return cls(model.public, environment, steps=dynamics.steps, words=words, channels=channels, cells=cells)

    @classmethod
    def of_graph(cls, graph: ModelGraph, environment: Environment | None, *, steps: int, cells: int) -> "Announcer":
        """Begin a run of a graph that has no manifest."""
        words = [word.name for word in tally_of(graph)]
        channels = [name for name, channel in sorted(graph.channels.items()) if channel.cell]
        return cls(graph.public, environment, steps=steps, words=words, channels=channels, cells=cells)

    def announce(self, step: int) -> I64:
        """Return the numbers of a step, int64[e]; nobody moves on by those of the last one, which are as before.

        Raises:
            ModelError: the environment has a mistake; or gives a number that the model does not hear, out of its range
                or not at all; in one line.
        """
        if self._environment is not None and step < self._steps:
            before = self._before()
            name = f"the environment {type(self._environment).__name__} in step {step}"
            with mistakes_of(name):
                given = self._environment.step(before, tuple(self._releases), step)
                exact, self.relaxed = self._checked(given, name)
            for each, value in exact.items():
                self.numbers[each].append(value)
        else:
            for numbers in self.numbers.values():
                numbers.append(numbers[-1])
        return np.array([numbers[-1] for numbers in self.numbers.values()], dtype=np.int64)

    def relax(self, step: int) -> dict[str, Any]:
        """Return the numbers of a step as a relaxed run takes them: unrounded where they have such a value."""
        self._unrounded = True
        self.announce(step)
        return self._before()

    def _before(self) -> dict[str, Any]:
        exact = {name: numbers[-1] for name, numbers in self.numbers.items() if numbers}
        return exact | self.relaxed if self._unrounded else exact

    def observe(self, private: Any, synthetic: Any, cells: Any) -> None:
        """Take in what a step released: tallies, int64[q], and everybody's totals of cells, int64[w * cells].

        In a relaxed run they are tensors, of expected totals, of which derivatives can be taken.
        """
        if self._environment is not None:
            totals = cells.reshape(-1, max(self._cells, 1)) if len(cells) else []
            one, other = (dict(zip(self._words, _numbers(tally), strict=True)) for tally in (private, synthetic))
            by_channel = {name: tuple(_numbers(total)) for name, total in zip(self._channels, totals, strict=False)}
            self._releases.append(StepTotals(one, other, by_channel))

    def _checked(self, given: Any, name: str) -> tuple[dict[str, int], dict[str, Any]]:
        """Return the integers, and the unrounded values where there are any."""
        if not isinstance(given, Mapping):
            raise ModelError(f"{name} returns {type(given).__name__}; return a number of each name in a mapping")
        exact = {each: value.exact if isinstance(value, PublicValue) else value for each, value in given.items()}
        relaxed = {each: value.relaxed for each, value in given.items() if isinstance(value, PublicValue)}
        try:
            numbers = check_public(self._public, exact)
        except ParameterError as error:
            raise ModelError(f"{name}: {error}") from error
        for each, value in relaxed.items():
            low, high = self._public[each]
            number = float(value.detach() if hasattr(value, "detach") else value)
            if not math.isfinite(number) or not low <= number <= high:
                raise ModelError(f"{name}: the relaxed {each} is {number}; it must lie in [{low}, {high}]")
        return {each: numbers[each] for each in self._public}, relaxed


def _numbers(row: Any) -> list[Any]:
    """Return whole numbers as such, and those of a relaxed run with their derivatives."""
    return row.tolist() if isinstance(row, np.ndarray) else list(row)


def rehearse(dynamics: Dynamics, plan: ReleasePlan, environment: Environment | None) -> None:
    """Ask a new environment for two steps, of which the first released nothing but zeros: mistakes are found early.

    Raises:
        ConfigError, ModelError: as `Announcer` does.
    """
    announcer = Announcer.of(dynamics, plan, environment)
    words = len(dynamics.cells) * len(dynamics.model.agents.cell_channels)
    tally, cells = (np.zeros(size, dtype=np.int64) for size in (len(plan.tally_words), words))
    for step in range(min(2, dynamics.steps)):
        announcer.announce(step)
        announcer.observe(tally, tally, cells)
