"""The problem of any model: its graph among people, and which of its series are asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from lpm_secure.engine.backends import Backend, NumpyBackend
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from lpm_secure.engine.model_agents import NOWHERE, CellMixing, ContactMatrices, ModelAgents
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
    """

    n: int
    contacts: ContactMatrices | None = field(repr=False, default=None)
    cells: CellMixing = field(repr=False, default_factory=lambda: NOWHERE)
    columns: Mapping[str, I64] = field(repr=False, default_factory=dict)


@final
@dataclass(frozen=True, slots=True, eq=False)
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
    """

    name: str
    source: str
    graph: ModelGraph = field(repr=False)
    people: ModelPeople = field(repr=False)
    steps: int
    outputs: Outputs = field(repr=False)
    public: tuple[Mapping[str, int], ...] = field(repr=False, default=())

    def __post_init__(self) -> None:
        """Refuse a model that hears numbers of no schedule, or whose agents move between cells.

        Raises:
            ParameterError: it does.
        """
        if self.graph.public and not all(self.public or ({},)):
            raise ParameterError(
                f"the model hears public numbers ({', '.join(self.graph.public)}), and derivatives in the clear take "
                'those of a schedule alone: environment = { name = "schedule", numbers = { ... } }'
            )
        for numbers in self.public:
            check_public(self.graph.public, numbers)
        if self.graph.cell_field is not None:
            raise ParameterError(
                f"agents move between the cells of {self.graph.cell_field}, and no derivative in the clear follows "
                'them; a private run has scores: [gradient] way = "score"'
            )

    def why_not(self, parameter: str) -> str | None:
        """Return how a parameter acts where no law depends on it."""
        return Dependence.of(self.graph, divided=True).why_not(parameter)

    def announce(self, step: int) -> Mapping[str, int]:
        """Return the public numbers of a step."""
        return self.public[step] if 0 <= step < len(self.public) else {}

    def simulate(self, points: Sequence[ModelPoint], seeds: range) -> Iterator[F64]:
        """Yield the outputs at each point, float64[points, o], seed by seed; all points share their draws."""
        many = len(seeds) * self.people.n * self.steps * len(points) > MANY
        backend = NumbaBackend(self.graph) if many else NumpyBackend(self.graph)
        for batch in batches(seeds, self.people.n):
            series = np.stack([self.run(point, batch, backend) for point in points], axis=1)
            yield from self.outputs.value(series)

    def run(self, point: ModelPoint, seeds: range, backend: Backend) -> F64:
        """Return the series of one run for each seed, float64[seeds, q, T + 1]."""
        copies = Copies(self, point, seeds, backend)
        series = [copies.totals()]
        for step in range(self.steps):
            copies.agents.update(self.announce(step))
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
        of = [people.cells.of + copy * each for copy in range(count)] if each else []
        self._graph, self._count = problem.graph, count
        self.columns = {name: np.tile(column, count) for name, column in people.columns.items()}
        self.contacts = people.contacts.tile(count) if people.contacts else None
        self.cells = CellMixing(np.concatenate(of), np.tile(people.cells.sizes, count)) if of else NOWHERE
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

    def add_up(self, state: Mapping[str, I64], observables: Mapping[str, I64]) -> F64:
        """Return the tally of each copy of agents in some state, float64[seeds, q]."""
        fields = sorted((name, len(each.stages)) for name, each in self._graph.fields.items() if each.stages)
        columns: list[Any] = [state[name] == stage for name, stages in fields for stage in range(stages)]
        columns += [observables[name] for name in sorted(observables)]
        return np.stack([each.reshape(self._count, -1).sum(axis=1) for each in columns], axis=1).astype(np.float64)


def _numbers(seeds: range, n: int) -> U64:
    """Return the agents' numbers in the runs of some seeds, uint64[seeds * n]."""
    low = np.array([(seed & (2**SEED_BITS - 1)) << AGENT_BITS for seed in seeds], dtype=np.uint64)
    numbers: Any = low[:, None] + np.arange(n, dtype=np.uint64)
    column: U64 = numbers.reshape(-1)
    return column
