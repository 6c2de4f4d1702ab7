"""Agents of any model in the clear: who tells whom, levels and outcomes, on whatever back end evaluates the graph."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np
from scipy import sparse

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import Backend
from protocols.arithmetic.fixed_point import I64, U64, prove_no_wrap
from protocols.errors import DataError, ParameterError
from protocols.models.cells import cell_totals, pressure
from protocols.models.graph import GraphChannel
from protocols.models.graph.bounds import prove_levels
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.inputs import check_cells, check_columns, check_known, check_parameters, check_public
from protocols.models.graph.interpreter import Inputs

STEPS: Final = 1000  # of a run, where nobody says how many
EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@final
@dataclass(frozen=True, slots=True)
class CellMixing:
    """Who mixes with whom through totals.

    Attributes:
        of: int64[n], the cell of each agent.
        sizes: int64[cells], how many people mix there.
    """

    of: I64
    sizes: I64


NOWHERE: Final = CellMixing(np.zeros(0, np.int64), np.zeros(0, np.int64))


@final
class ContactMatrices:
    """Who tells whom, by day and channel, as sparse matrices of integers; the days repeat when a run is longer.

    Attributes:
        degree: the largest sum of the weights through which one agent is told something on a day and channel.
    """

    def __init__(self, table: ContactTable, channels: Mapping[str, GraphChannel], *, n: int, period: int) -> None:
        """Take contacts in: undirected ones count both ways; in a directed one, a tells b.

        Args:
            table: of contacts; its channels are numbers in the order of the names of those along contacts.
            channels: of the model.
            n: agents.
            period: days.

        Raises:
            DataError: a weight is negative.
            WouldWrap: weights are so large that their sum could wrap.
        """
        if table.weight.size and int(table.weight.min()) < 0:
            raise DataError("a contact has a negative weight; weights are 0 or more")
        prove_no_wrap({"the weights of all contacts": 2 * int(table.weight.max(initial=0)) * table.weight.size})
        names = sorted(name for name, channel in channels.items() if not channel.cell)
        self._days: list[dict[str, Any]] = []
        for day in range(period):
            matrices = {}
            for index, name in enumerate(names):
                rows = np.flatnonzero((table.day == day) & (table.channel == index))
                a, b, weight = table.a[rows], table.b[rows], table.weight[rows]
                if not channels[name].directed:
                    a, b, weight = np.concatenate([a, b]), np.concatenate([b, a]), np.tile(weight, 2)
                matrices[name] = sparse.csr_array((weight, (b, a)), shape=(n, n), dtype=np.int64)
            self._days.append(matrices)
        sums = [matrix.sum(axis=1).max(initial=0) for matrices in self._days for matrix in matrices.values()]
        self.degree: Final = max(map(int, sums), default=0)

    def add_up(self, channel: str, messages: I64, *, step: int) -> I64:
        """Return int64[n], the sum of what reaches each agent on a channel."""
        total: I64 = self._days[step % len(self._days)][channel] @ messages
        return total


@final
class ModelAgents:
    """State and levels of n agents, moved on step by step.

    Attributes:
        state: int64[n] of each field.
        levels: int64[n] of each outcome.
        step: that comes next.
    """

    def __init__(
        self,
        backend: Backend,
        parameters: Mapping[str, int | tuple[int, ...]],
        *,
        agents: U64,
        key: tuple[int, int],
        contacts: ContactMatrices | None = None,
        cells: CellMixing = NOWHERE,
        columns: Mapping[str, I64] = EMPTY,
        known: Mapping[str, I64] = EMPTY,
        steps: int = STEPS,
    ) -> None:
        """Begin.

        Args:
            backend: of the model.
            parameters: an integer of each, or a law's weights.
            agents: uint64[n], their numbers in the run.
            key: of the simulation generator.
            contacts: among them, or none.
            cells: where they mix.
            columns: int64[n] of each private column.
            known: of fields that their holders know, int64[n], and less than the field's range where one does not.
            steps: that the run has at most: levels are proved for so many.

        Raises:
            DataError: a column is missing, or out of its range, or what is known is above it, or a cell is too large.
            ParameterError: a parameter is missing, or out of its range.
            WouldWrap: an outcome's level could leave its proved range in so many steps.
        """
        graph = backend.graph
        self._backend, self._graph, self._agents, self._key = backend, graph, agents, key
        self._contacts, self._cells, self.step = contacts, cells, 0
        self._parameters = check_parameters(graph, parameters)
        self._steps = steps
        prove_levels(graph, degree=contacts.degree if contacts else 0, steps=steps, parameters=self._parameters)
        check_cells(graph, cells.of, cells.sizes, agents.size)
        private = check_columns(graph, columns, agents.size)
        known = check_known(graph, known, agents.size)
        told = {name: known[name] >= graph.fields[name].low for name in known}
        nobody = np.zeros(agents.size, dtype=np.bool_)
        held = {
            name: np.where(told[name], known[name], field.low) if name in known else np.full(agents.size, field.low)
            for name, field in graph.fields.items()
            if not field.private
        }
        self.state = {**private, **held}
        inputs = self._inputs(known={name: told.get(name, nobody) for name in graph.fields})
        self.state = {**private, **backend.evaluate(("begin",), inputs)["begin"]}
        self.levels = {name: np.zeros(agents.size, dtype=np.int64) for name in graph.outcomes}

    def tally(self) -> dict[str, I64]:
        """Return how many agents are in each stage, of each field that is one."""
        stages = {name: len(field.stages) for name, field in self._graph.fields.items() if field.stages}
        return {name: np.bincount(self.state[name], minlength=count) for name, count in stages.items()}

    def totals(self) -> dict[str, int]:
        """Return the total of each observable."""
        return {
            name: int(each.sum())
            for name, each in self._backend.evaluate(("totals",), self._inputs())["totals"].items()
        }

    def cell_totals(self) -> dict[str, I64]:
        """Return what agents tell their cells, int64[cells] of each cell channel."""
        messages = self._backend.evaluate(("messages",), self._inputs())["messages"]
        count = self._cells.sizes.size
        return {
            name: cell_totals(messages[name], self._cells.of, cells=count)
            for name, channel in self._graph.channels.items()
            if channel.cell and count
        }

    def update(
        self,
        public: Mapping[str, int] = EMPTY,
        *,
        others: Mapping[str, I64] = EMPTY,
        everybody: Mapping[str, I64] = EMPTY,
    ) -> None:
        """Move on by one step.

        Args:
            public: the environment's numbers.
            others: int64[cells] of each cell channel, what agents elsewhere add to the totals.
            everybody: int64[cells] of a cell channel, the total as all were told it, with noise or without; in place
                of what these agents and others say.

        Raises:
            ParameterError: a public number is missing, or out of its range; or the run has no more steps.
        """
        if self.step >= self._steps:
            raise ParameterError(
                f"the run has {self._steps} steps, for which its levels are proved; set it up for more"
            )
        public = check_public(self._graph.public, public)
        graph, inputs = self._graph, self._inputs(public=public)
        before = self._backend.evaluate(("messages", "weights", "thresholds"), inputs)
        messages, weights, thresholds = before["messages"], before["weights"], before["thresholds"]
        own = {} if everybody else self.cell_totals()
        totals = {name: self._bounded(name, total) for name, total in everybody.items()}
        totals |= {name: self._total(name, total, others) for name, total in own.items()}
        exposures = {name: self._exposure(name, messages[name]) for name in graph.channels}
        outcomes: dict[str, Any] = {}
        for name, outcome in graph.outcomes.items():
            growth = sum(
                (self._growth(channel, factor, exposures, totals) for channel, factor in outcome.coefficients.items()),
                start=np.zeros(self._agents.size, dtype=np.int64),
            )
            growth = growth * weights.get(name, 1)
            self.levels[name] = self.levels[name] + growth if outcome.keep else growth
            bit = outcome.reveals == "bit"
            outcomes[name] = self.levels[name] > thresholds[name] if bit else self.levels[name]
        inputs = self._inputs(public=public, outcomes=outcomes, totals=totals)
        after = self._backend.evaluate(("restarts", "update"), inputs)
        restarts = after["restarts"]
        self.state = {**self.state, **after["update"]}
        self.levels = {name: np.where(restarts.get(name, 0), 0, level) for name, level in self.levels.items()}
        self.step += 1

    def _total(self, channel: str, own: I64, others: Mapping[str, I64]) -> I64:
        """Return int64[cells] within what its people could say: whatever others claim counts as the nearest bound."""
        return self._bounded(channel, own + self._bounded(channel, others.get(channel, np.int64(0))))

    def _bounded(self, channel: str, total: I64 | np.int64) -> I64:
        bounded: I64 = np.clip(total, 0, self._cells.sizes * self._graph.channels[channel].most)
        return bounded

    def _exposure(self, channel: str, messages: I64) -> I64:
        if self._graph.channels[channel].cell or self._contacts is None:
            return np.zeros(self._agents.size, dtype=np.int64)
        return self._contacts.add_up(channel, messages, step=self.step)

    def _growth(self, channel: str, factor: int | str, exposures: Mapping[str, I64], totals: Mapping[str, I64]) -> I64:
        value = int(self._parameters[factor]) if isinstance(factor, str) else factor
        if not self._graph.channels[channel].cell:
            return exposures[channel] * value
        if channel not in totals:
            return np.zeros(self._agents.size, dtype=np.int64)
        return pressure(totals[channel], self._cells.sizes, value)[self._cells.of]

    def _inputs(self, *, totals: Mapping[str, I64] = EMPTY, **given: Any) -> Inputs:
        nothing = np.zeros(self._agents.size, dtype=np.int64)
        nowhere = {name: nothing for name, channel in self._graph.channels.items() if channel.cell}
        own = nowhere | {name: total[self._cells.of] for name, total in totals.items()}
        sizes = dict.fromkeys(own, self._cells.sizes[self._cells.of] if totals else nothing)
        source = DrawSource(self._agents, self.step, self._key)
        return Inputs(self.state, self._parameters, source, cells=own, sizes=sizes, **given)
