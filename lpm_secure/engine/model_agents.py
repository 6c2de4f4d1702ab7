"""Agents of any model in the clear: who tells whom, levels and outcomes, on whatever back end evaluates the graph."""

import abc
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol, final

import numpy as np
from scipy import sparse

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import Backend
from protocols.arithmetic.fixed_point import I64, U64, prove_no_wrap
from protocols.errors import DataError, ParameterError
from protocols.models.cells import cell_totals, pressure
from protocols.models.graph import GraphChannel
from protocols.models.graph.bounds import prove_levels, saturates
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.inputs import (
    check_cells,
    check_columns,
    check_known,
    check_parameters,
    check_public,
    edges_of,
    state_before_begin,
)
from protocols.models.graph.interpreter import Inputs, check_elapsed

STEPS: Final = 1000  # of a run, where nobody says how many
EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@final
@dataclass(frozen=True, slots=True)
class CellMixing:
    """Who mixes with whom through totals.

    Attributes:
        of: int64[n], the cell of each agent; empty where it is a field of its state.
        sizes: int64[cells], how many people mix there, or could at once.
        copies: of agents whose cell is a field of their state, one after the other, each copy in cells of its own.
    """

    of: I64
    sizes: I64
    copies: int = 1

    def first(self, n: int) -> I64:
        """Return int64[n]: which cell is the first that each of n agents could be in."""
        return np.repeat(np.arange(self.copies) * (self.sizes.size // self.copies), n // self.copies)


NOWHERE: Final = CellMixing(np.zeros(0, np.int64), np.zeros(0, np.int64))
Cells = CellMixing | Mapping[str, CellMixing]  # of all cell channels alike, or of each


class ContactSums(abc.ABC):
    """Who tells whom, for messages that are held where a back end computes. Subclasses are final.

    Attributes:
        degree: the largest sum of the weights through which one agent is told something on a day and channel; where
            messages are made of a contact's own number, it counts 1.
    """

    degree: int

    @abc.abstractmethod
    def add_up(self, channel: str, messages: Any, *, step: int) -> Any:
        """Return int64[n], the sum of what reaches each agent on a channel."""

    @abc.abstractmethod
    def edges(self, channel: str, *, step: int) -> tuple[Any, I64]:
        """Return int64[m] each: who tells, and the contact's own number, where messages are made of it."""

    @abc.abstractmethod
    def collect(self, channel: str, told: Any, *, step: int) -> Any:
        """Return int64[n], the sum of what reaches each agent, of what is told along each contact, int64[m]."""


@final
class ContactMatrices(ContactSums):
    """Who tells whom, by day and channel, as sparse matrices of integers; the days repeat when a run is longer.

    Attributes:
        period: days.
    """

    def __init__(self, table: ContactTable, channels: Mapping[str, GraphChannel], *, n: int, period: int) -> None:
        """Take contacts in: undirected ones count both ways; in a directed one, a tells b.

        Args:
            table: of contacts; its channels are numbers in the order of the names of those along contacts.
            channels: of the model.
            n: agents.
            period: days.

        Raises:
            DataError: a weight is negative, or a contact's own number is out of its range.
            WouldWrap: weights are so large that their sum could wrap.
        """
        if table.weight.size and int(table.weight.min()) < 0:
            raise DataError("a contact has a negative weight; weights are 0 or more")
        prove_no_wrap({"the weights of all contacts": 2 * int(table.weight.max(initial=0)) * table.weight.size})
        names = sorted(name for name, channel in channels.items() if not channel.cell)
        self._days: list[dict[str, Any]] = []
        self._edges: list[dict[str, tuple[I64, I64, I64]]] = []
        for day in range(period):
            matrices, edges = {}, {}
            for index, name in enumerate(names):
                rows = np.flatnonzero((table.day == day) & (table.channel == index))
                a, b, weight = table.a[rows], table.b[rows], table.weight[rows]
                if not channels[name].directed:
                    a, b, weight = np.concatenate([a, b]), np.concatenate([b, a]), np.tile(weight, 2)
                if (along := channels[name].along) is not None:
                    if weight.size and (weight.min() < along[0] or weight.max() > along[1]):
                        raise DataError(f"a contact of {name} has a number out of {along[0]} to {along[1]}")
                    edges[name], weight = (a, b, weight), np.ones_like(weight)
                matrices[name] = sparse.csr_array((weight, (b, a)), shape=(n, n), dtype=np.int64)
            self._days.append(matrices)
            self._edges.append(edges)
        sums = [matrix.sum(axis=1).max(initial=0) for matrices in self._days for matrix in matrices.values()]
        self.degree, self.period = max(map(int, sums), default=0), period
        self._copies, self._of_one = 1, n

    @property
    def n(self) -> int:
        """How many agents there are, of all copies."""
        return self._of_one * self._copies

    @property
    def along(self) -> tuple[str, ...]:
        """Names of channels whose messages are made of contacts' own numbers."""
        return tuple(self._edges[0])

    def tile(self, copies: int) -> "ContactMatrices":
        """Return the contacts of so many copies of the agents, one after the other, none of which meets another."""
        tiled = copy(self)
        tiled._copies = copies
        return tiled

    def matrix(self, channel: str, *, step: int) -> Any:
        """Return who tells whom in a step, a sparse int64[n, n] of one copy, by recipient and sender."""
        return self._days[step % len(self._days)][channel]

    def add_up(self, channel: str, messages: I64, *, step: int) -> I64:
        """Return int64[n], the sum of what reaches each agent on a channel."""
        given = messages if self._copies == 1 else messages.reshape(self._copies, -1).T
        total: I64 = (self.matrix(channel, step=step) @ given).T.reshape(-1)
        return total

    def edges(self, channel: str, *, step: int) -> tuple[I64, I64]:
        """Return who tells, and the contacts' own numbers, int64[m] each."""
        sender, _, number = self._edges[step % len(self._edges)][channel]
        return self._tiled(sender), np.tile(number, self._copies)

    def hearers(self, channel: str, *, step: int) -> I64:
        """Return int64[m]: whom each of those contacts tells."""
        return self._tiled(self._edges[step % len(self._edges)][channel][1])

    def collect(self, channel: str, told: I64, *, step: int) -> I64:
        """Return int64[n], the sum of what reaches each agent."""
        total = np.zeros(self.n, dtype=np.int64)
        np.add.at(total, self.hearers(channel, step=step), told)
        return total

    def _tiled(self, agents: I64) -> I64:
        return np.tile(agents, self._copies) + np.repeat(np.arange(self._copies) * self._of_one, agents.size)


class ModelObserver(Protocol):
    """Whoever is told what reaches agents in each step."""

    def advance(self, inputs: Inputs, growth: Mapping[str, I64], contacts: Mapping[str, I64]) -> None:
        """Take in one step.

        Args:
            inputs: what agents look at as they move on.
            growth: of each outcome's level, int64[n].
            contacts: exposures on each contact channel, int64[n].
        """


@final
class ModelAgents:
    """State and levels of n agents, moved on step by step.

    Attributes:
        observer: told of each step, if there is one.
        state: int64[n] of each field, where the back end holds it.
        levels: int64[n] of each outcome, there too.
        step: that comes next.
    """

    def __init__(
        self,
        backend: Backend,
        parameters: Mapping[str, int | tuple[int, ...]],
        *,
        agents: U64,
        key: tuple[int, int],
        contacts: ContactSums | None = None,
        cells: Cells = NOWHERE,
        columns: Mapping[str, I64] = EMPTY,
        known: Mapping[str, I64] = EMPTY,
        steps: int = STEPS,
        saturate: bool = False,
    ) -> None:
        """Begin.

        Args:
            backend: of the model.
            parameters: an integer of each, or a law's weights.
            agents: uint64[n], their numbers in the run.
            key: of the simulation generator.
            contacts: among them, or none.
            cells: where they mix, or where on each cell channel.
            columns: int64[n] of each private column.
            known: of fields that their holders know, int64[n], and `UNKNOWN` where one does not.
            steps: that the run has at most: levels are proved for so many.
            saturate: levels that add up stop growing where they are above a threshold that will not change before they
                begin anew: no bit differs, and what is proved is a threshold and one step.

        Raises:
            DataError: a column is missing, or out of its range, or what is known is above it, or a cell is too large.
            ParameterError: a parameter is missing, or out of its range.
            WouldWrap: an outcome's level could leave its proved range in so many steps.
        """
        graph = backend.graph
        self._backend, self._graph, self._agents, self._key = backend, graph, agents, key
        self._contacts, self.step = contacts, 0
        self._parameters = check_parameters(graph, parameters)
        self._steps, self._saturate = steps, saturate
        self.observer: ModelObserver | None = None
        self._nothing: I64 = backend.hold(np.zeros(agents.size, dtype=np.int64))
        names = [name for name, channel in graph.channels.items() if channel.cell]
        self._cells = dict.fromkeys(names, cells) if isinstance(cells, CellMixing) else cells
        self._cell = {} if graph.cell_field else {name: backend.hold(mixing.of) for name, mixing in self._cells.items()}
        degree = contacts.degree if contacts else 0
        prove_levels(graph, degree=degree, steps=steps, parameters=self._parameters, saturate=saturate)
        for mixing in self._cells.values():
            own = mixing.sizes[: mixing.sizes.size // mixing.copies]
            check_cells(graph, mixing.of, own, agents.size // mixing.copies)
        private = check_columns(graph, columns, agents.size)
        given = {**private, **check_known(graph, known, agents.size)}
        self.state, told = state_before_begin(graph, given, agents.size)
        inputs = self._inputs(known=told)
        check_elapsed(graph, inputs)
        drawn = {**private, **backend.evaluate(("begin",), inputs)["begin"]}
        self.state = {name: backend.hold(column) for name, column in drawn.items()}
        self.levels = dict.fromkeys(graph.outcomes, self._nothing)

    def tally(self) -> dict[str, I64]:
        """Return how many agents are in each stage, of each field that is one."""
        stages = {name: len(field.stages) for name, field in self._graph.fields.items() if field.stages}
        return {name: self._backend.count(self.state[name], count) for name, count in stages.items()}

    def totals(self) -> dict[str, int]:
        """Return the total of each observable."""
        return {name: int(each.sum()) for name, each in self.observables().items()}

    def tally_totals(self) -> I64:
        """Return the totals of stages and observables, int64[q], in the order of `tally_of`."""
        stages, totals = self.tally(), self.totals()
        sums = np.array([totals[name] for name in sorted(totals)], dtype=np.int64)
        return np.concatenate([*(stages[name] for name in sorted(stages)), sums]).astype(np.int64)

    def observables(self) -> Mapping[str, I64]:
        """Return each agent's number of each observable, int64[n]."""
        return self._backend.evaluate(("totals",), self._inputs())["totals"]

    def cell_totals(self) -> dict[str, I64]:
        """Return what agents tell their cells, int64[cells] of each cell channel."""
        messages = self._backend.evaluate(("messages",), self._inputs())["messages"]
        return {
            name: cell_totals(self._backend.column(messages[name]), self._cell_now(name), cells=mixing.sizes.size)
            for name, mixing in self._cells.items()
            if mixing.sizes.size
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
            public: the environment's numbers; of copies of the agents int64[n] each.
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
        public = check_public(self._graph.public, public, n=self._agents.size)
        graph, inputs = self._graph, self._inputs(public=public)
        before = self._backend.evaluate(("messages", "weights", "thresholds"), inputs)
        messages, weights, thresholds = before["messages"], before["weights"], before["thresholds"]
        own = {} if everybody else self.cell_totals()
        totals = {name: self._bounded(name, total) for name, total in everybody.items()}
        totals |= {name: self._total(name, total, others) for name, total in own.items()}
        exposures = {name: self._exposure(name, message) for name, message in messages.items()}
        exposures |= {name: self._exposure_along(name) for name in graph.along}
        outcomes, grown = dict[str, Any](), dict[str, I64]()
        for name, outcome in graph.outcomes.items():
            growth = sum(
                (self._growth(channel, factor, exposures, totals) for channel, factor in outcome.coefficients.items()),
                start=self._nothing,
            )
            growth = growth * weights.get(name, 1)
            bit = outcome.reveals == "bit"
            if self._saturate and saturates(outcome):
                growth = growth * (self.levels[name] <= thresholds[name])
            grown[name] = growth
            self.levels[name] = self.levels[name] + growth if outcome.keep else growth
            outcomes[name] = self.levels[name] > thresholds[name] if bit else self.levels[name]
        inputs = self._inputs(public=public, outcomes=outcomes, totals=totals)
        if self.observer is not None:
            contacts = {name: told for name, told in exposures.items() if not graph.channels[name].cell}
            self.observer.advance(inputs, grown, contacts)
        after = self._backend.evaluate(("restarts", "update"), inputs)
        restarts = after["restarts"]
        self.state = {**self.state, **after["update"]}
        self.levels |= {name: self.levels[name] * (1 - anew) for name, anew in restarts.items()}
        self.step += 1

    def _total(self, channel: str, own: I64, others: Mapping[str, I64]) -> I64:
        """Return int64[cells] within what its people could say: whatever others claim counts as the nearest bound."""
        return self._bounded(channel, own + self._bounded(channel, others.get(channel, np.int64(0))))

    def _bounded(self, channel: str, total: I64 | np.int64) -> I64:
        bounded: I64 = np.clip(total, 0, self._cells[channel].sizes * self._graph.channels[channel].most)
        return bounded

    def _exposure(self, channel: str, messages: I64) -> I64:
        if self._graph.channels[channel].cell or self._contacts is None:
            return self._nothing
        exposure: I64 = self._contacts.add_up(channel, messages, step=self.step)
        return exposure

    def _exposure_along(self, channel: str) -> I64:
        """Return what reaches each agent on a channel whose messages are made of each contact's own number."""
        if self._contacts is None:
            return self._nothing
        sender, number = self._contacts.edges(channel, step=self.step)
        if not number.size:
            return self._nothing
        senders = {name: values[sender] for name, values in self.state.items()}
        source = DrawSource(np.zeros(number.size, dtype=np.uint64), self.step, self._key)  # it draws nothing
        inputs = Inputs(senders, self._parameters, source, edges=edges_of(self._graph, number))
        told = self._backend.evaluate(("along",), inputs)["along"][channel]
        exposure: I64 = self._contacts.collect(channel, told, step=self.step)
        return exposure

    def _growth(self, channel: str, factor: int | str, exposures: Mapping[str, I64], totals: Mapping[str, I64]) -> I64:
        value = int(self._parameters[factor]) if isinstance(factor, str) else factor
        if not self._graph.channels[channel].cell:
            return exposures[channel] * value
        if channel not in totals:
            return self._nothing
        return self._own(channel, pressure(totals[channel], self._cells[channel].sizes, value))

    def _own(self, channel: str, totals: I64) -> I64:
        """Return each agent's own cell's number, int64[n], where the back end computes."""
        own: I64 = self._backend.hold(totals)[self._place(channel) if self._graph.cell_field else self._cell[channel]]
        return own

    def _place(self, channel: str) -> I64:
        """Return in which cell each agent's state says that it is, int64[n], where the back end computes."""
        place, mixing = self.state[str(self._graph.cell_field)], self._cells[channel]
        return place if mixing.copies == 1 else place + mixing.first(self._agents.size)

    def _cell_now(self, channel: str) -> I64:
        """Return each agent's own cell in this step, int64[n]."""
        moves = self._graph.cell_field is not None
        return self._backend.column(self._place(channel)) if moves else self._cells[channel].of

    def _inputs(self, *, totals: Mapping[str, I64] = EMPTY, **given: Any) -> Inputs:
        nowhere = {name: self._nothing for name, channel in self._graph.channels.items() if channel.cell}
        own = nowhere | {name: self._own(name, total) for name, total in totals.items()}
        sizes = nowhere | {name: self._own(name, self._cells[name].sizes) for name in totals}
        source = DrawSource(self._agents, self.step, self._key)
        return Inputs(self.state, self._parameters, source, cells=own, sizes=sizes, **given)
