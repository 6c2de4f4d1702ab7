"""The problem of any model: its graph among people, and which of its series are asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, final

import numpy as np

from lpm_secure.engine.backends import Backend, NumpyBackend
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from lpm_secure.engine.model_agents import NOWHERE, CellMixing, ContactMatrices, ModelAgents
from lpm_secure.environments.environment import Environment
from lpm_secure.gradients.model.announcements import Announcements
from lpm_secure.gradients.model.outputs import Outputs, SeriesOutput
from lpm_secure.gradients.model.point import ModelPoint
from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import ParameterError
from protocols.models.graph import ModelGraph
from protocols.models.graph.agents import select_field_columns, tally_of
from protocols.models.graph.inputs import check_public
from protocols.models.graph.interpreter import TOGETHER
from protocols.models.likelihood.dependence import Dependence

AGENT_BITS: Final = 32  # of a number that says which seed's copy of an agent it is
SEED_BITS: Final = 31
LARGEST_SEED: Final = 2**63 - 1
MANY: Final = 2**25  # agent-steps of a batch of runs that are worth a compiled loop


@final
@dataclass(frozen=True, slots=True, eq=False)
class ModelPeople:
    """Who the agents are, and who meets whom.

    Attributes:
        n: agents.
        contacts: among them, or none.
        cells: where they mix.
        columns: int64[n] of each private column, and of fields that somebody knows at the beginning.
        synthetic: how many of them, the last ones, are the engine's own, as an environment tells them apart.
    """

    n: int
    contacts: ContactMatrices | None = field(repr=False, default=None)
    cells: CellMixing = field(repr=False, default_factory=lambda: NOWHERE)
    columns: Mapping[str, I64] = field(repr=False, default_factory=dict)
    synthetic: int = 0


@final
@dataclass(frozen=True, eq=False)
class ModelProblem:
    """Agents of a model's graph for T steps.

    Attributes:
        name: for reports.
        source: where the agents come from, in words.
        graph: of the model.
        people: its agents.
        steps: T.
        outputs: what is asked of a run, of its tally's q words.
        public: of each step, the public numbers that an environment says on a schedule, whatever is released.
        environment: returns a new environment that says them in place of a schedule, and may react to releases.
    """

    name: str
    source: str
    graph: ModelGraph = field(repr=False)
    people: ModelPeople = field(repr=False)
    steps: int
    outputs: Outputs = field(repr=False)
    public: tuple[Mapping[str, int], ...] = field(repr=False, default=())
    environment: Callable[[], Environment] | None = field(repr=False, default=None)

    def __post_init__(self) -> None:
        """Refuse a model that hears numbers that nobody says.

        Raises:
            ParameterError: it does.
        """
        if self.graph.public and self.environment is None and not all(self.public or ({},)):
            raise ParameterError(
                f"the model hears public numbers ({', '.join(self.graph.public)}), and nothing says them: give an "
                'environment, such as { name = "schedule", numbers = { ... } }'
            )
        for numbers in self.public:
            check_public(self.graph.public, numbers)

    @cached_property
    def dependence(self) -> Dependence:
        """Return what derivatives of runs can be taken from."""
        return Dependence.of(self.graph, divided=True, released=self.environment is not None)

    def announce(self, step: int) -> Mapping[str, int]:
        """Return the public numbers of a step, where they are on a schedule."""
        return self.public[step] if 0 <= step < len(self.public) else {}

    def announcements(self, count: int) -> Announcements | None:
        """Return the environments of so many runs; none where public numbers follow from no releases."""
        if self.environment is None:
            return None
        cells = self.people.cells.sizes.size
        return Announcements(self.graph, self.environment, steps=self.steps, cells=cells, count=count)

    def simulate(self, points: Sequence[ModelPoint], seeds: range) -> Iterator[F64]:
        """Yield the outputs at each point, float64[points, o], seed by seed; all points share their draws."""
        many = self.environment is None and len(seeds) * self.people.n * self.steps * len(points) > MANY
        backend = NumbaBackend(self.graph) if many else NumpyBackend(self.graph)
        for batch in batches(seeds, self.people.n):
            series = np.stack([self.run(point, batch, backend) for point in points], axis=1)
            yield from self.outputs.value(series)

    def run(self, point: ModelPoint, seeds: range, backend: Backend) -> F64:
        """Return the series of one run for each seed, float64[seeds, q, T + 1]."""
        copies, announced = Copies(self, point, seeds, backend), self.announcements(len(seeds))
        series = [copies.totals()]
        for step in range(self.steps):
            public: Mapping[str, Any] = self.announce(step)
            if announced is not None:
                public = copies.spread(announced.announce(step))
                agents = copies.agents
                private = copies.add_up(agents.state, agents.observables(), private=True)
                announced.observe(series[-1], private, copies.by_copy(agents.cell_totals()))
            copies.agents.update(public)
            series.append(copies.totals())
        return np.stack(series, axis=2)


def outputs_of(graph: ModelGraph, outputs: Sequence[SeriesOutput], *, steps: int) -> Outputs:
    """Lay outputs out, of the series of a graph; as `Outputs.of` does and refuses."""
    return Outputs.of(outputs, [word.name for word in tally_of(graph)], steps=steps)


def check_seeds(seeds: range) -> None:
    """Refuse seeds that are none, or too few for a standard error.

    Raises:
        ParameterError: fewer than two, or outside [0, 2**63).
    """
    if len(seeds) < 2 or seeds[0] < 0 or seeds[-1] > LARGEST_SEED:
        raise ParameterError(f"got seeds {seeds}; at least two are needed, each from 0 to 2**63 - 1")


def batches(seeds: range, n: int) -> Iterator[range]:
    """Yield seeds in batches of about as many agents as are evaluated together."""
    size, first = max(TOGETHER // max(n, 1), 1), 0
    while first < len(seeds):
        high = seeds[first] >> SEED_BITS
        last = first + 1
        while last < len(seeds) and last - first < size and seeds[last] >> SEED_BITS == high:
            last += 1
        yield seeds[first:last]
        first = last


@final
class Copies:
    """One copy of a problem's agents for each seed, moved on together; they never meet.

    Attributes:
        agents: of all copies, one after the other.
        numbers: uint64[seeds * n], theirs.
        contacts, cells, columns: of all copies.
        key: of the simulation generator.
    """

    def __init__(self, problem: ModelProblem, point: ModelPoint, seeds: range, backend: Backend) -> None:
        """Begin."""
        people, count = problem.people, len(seeds)
        each = people.cells.sizes.size
        self._graph, self._count, self._private = problem.graph, count, people.n - people.synthetic
        self.columns = {name: np.tile(column, count) for name, column in people.columns.items()}
        self.contacts = people.contacts.tile(count) if people.contacts else None
        moves, of = problem.graph.cell_field is not None, np.tile(people.cells.of, count)
        self.cells = CellMixing(of, np.tile(people.cells.sizes, count), count) if each else NOWHERE
        self._first = self.cells.first(count * people.n)
        if each and not moves:
            self.cells = CellMixing(of + self._first, self.cells.sizes)
        self.numbers, self.key = _numbers(seeds, people.n), (seeds[0] >> SEED_BITS, 0)
        self.agents = ModelAgents(
            backend,
            point.integers,
            agents=self.numbers,
            key=self.key,
            contacts=self.contacts,
            cells=self.cells,
            columns=self.columns,
            known=select_field_columns(problem.graph, self.columns),
            steps=problem.steps,
        )

    def totals(self) -> F64:
        """Return the tally of each copy, float64[seeds, q]."""
        return self.add_up(self.agents.state, self.agents.observables())

    def cell_of(self, state: Mapping[str, I64]) -> I64:
        """Return in which cell, of those of all copies, each agent of some state is; none where there are no cells."""
        field = self._graph.cell_field
        return state[field] + self._first if field and self.cells.sizes.size else self.cells.of

    def spread(self, numbers: Mapping[str, I64]) -> dict[str, I64]:
        """Return numbers of each copy as numbers of its agents."""
        return {name: np.repeat(each, self.numbers.size // self._count) for name, each in numbers.items()}

    def by_copy(self, totals: Mapping[str, I64]) -> dict[str, I64]:
        """Return totals of all copies' cells, int64[seeds, cells] each."""
        return {name: total.reshape(self._count, -1) for name, total in totals.items()}

    def add_up(self, state: Mapping[str, I64], observables: Mapping[str, I64], *, private: bool = False) -> F64:
        """Return the tally of each copy of agents in some state, of its private ones alone if so: float64[seeds, q]."""
        fields = sorted((name, len(each.stages)) for name, each in self._graph.fields.items() if each.stages)
        columns: list[Any] = [state[name] == stage for name, stages in fields for stage in range(stages)]
        columns += [observables[name] for name in sorted(observables)]
        last = self._private if private else None
        by_copy = [each.reshape(self._count, -1)[:, :last].sum(axis=1) for each in columns]
        return np.stack(by_copy, axis=1).astype(np.float64)


def _numbers(seeds: range, n: int) -> U64:
    """Return the agents' numbers in the runs of some seeds, uint64[seeds * n]."""
    low = np.array([(seed & (2**SEED_BITS - 1)) << AGENT_BITS for seed in seeds], dtype=np.uint64)
    numbers: Any = low[:, None] + np.arange(n, dtype=np.uint64)
    column: U64 = numbers.reshape(-1)
    return column
