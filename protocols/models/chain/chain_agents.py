"""Relaxed agents of any model's graph: each is in every state of its local chain with a probability."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import AgentSource, Columns
from protocols.models.chain.chain import LocalChain, chain_of
from protocols.models.chain.exploration import refuse
from protocols.models.chain.quantities import NO_LAWS
from protocols.models.dual import Dual, Number
from protocols.models.escape import escape
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.checks import nodes_of
from protocols.models.graph.graph import PARTS
from protocols.models.likelihood.entries import LawSlopes, ParameterEntry
from protocols.models.likelihood.score_parameters import entries_of
from protocols.models.relaxed_agents import F64, RelaxedAgents

MOST_GROUPS: Final = 256  # of agents, by their columns
TOGETHER: Final = 2**11  # agents: all moves of so many are held at a time


class ChainGroup(NamedTuple):
    """Agents with the same columns, by their rows, and their chain."""

    rows: I64
    chain: LocalChain


@final
class ChainAgents(RelaxedAgents):
    """n agents of a model's graph.

    Only additions, multiplications and divisions by constants are used, agent by agent, in an order that depends on an
    agent's columns alone: so an agent has the same bits on every machine, whoever holds it beside others.

    Attributes:
        parameters: p names, by which derivatives are taken.
        states: of each kind of agents the probability of each state, float64[S, n] and float64[p, S, n].
    """

    def __init__(
        self,
        model: GraphModel,
        gradient: Gradient,
        *,
        sizes: tuple[int, ...],
        cell: I64,
        columns: Columns,
        n: int,
        steps: int,
        laws: Mapping[str, LawSlopes] = NO_LAWS,
    ) -> None:
        """Begin.

        Args:
            model: with its parameters.
            gradient: which derivatives, and in which fixed point.
            sizes: people in each cell; empty where the run has none.
            cell: int64[n], each agent's cell; empty where the run has none.
            columns: what agents' holder gives.
            n: agents.
            steps: of the run.
            laws: how laws of days move with their means, of those that do not move by tilting.

        Raises:
            ModelError: the model has no chain, or agents are of too many kinds.
            DataError: a column is missing, or out of its range.
        """
        super().__init__(gradient, sizes=sizes, cell=cell)
        self._model, self._n, self.parameters = model.agents, n, gradient.parameters
        entries = entries_of(model, gradient.parameters)
        self._groups = tuple(
            ChainGroup(rows, chain_of(model, entries, given, known, steps=steps, laws=laws))
            for rows, given, known in _groups(model, columns, n)
        )
        self._factors = _factors(model, entries)
        self.states = [spread(group.chain.begin, group.rows.size) for group in self._groups]

    def __repr__(self) -> str:
        """Tell the size, and nothing else."""
        return f"ChainAgents({self._n} agents, hidden)"

    def messages(self) -> I64:
        """Return what each agent is expected to tell."""
        told = [self.to_fixed(each) for each in self.message_means()]
        return np.stack(told, axis=2) if told else np.zeros((1 + self._gradient.p, self._n, 0), dtype=np.int64)

    def tally(self) -> I64:
        """Return the expected totals of the model's stages and observables."""
        return np.stack([self.to_fixed(each).sum(axis=1) for each in self.total_means()])

    def update(self, contact: I64, totals: I64, *, step: int) -> None:
        """Move on by one step."""
        exposures = [self.to_real(contact[:, channel].T) for channel in range(contact.shape[1])]
        by_channel = totals.reshape(-1, self._sizes.size, totals.shape[1]) if self._sizes.size else ()
        self.move(exposures, [self.shares(own) for own in by_channel])

    def message_means(self) -> list[Dual]:
        """Return what each agent is expected to tell on each contact channel and cell channel, float64[n] each."""
        width = len(self._model.most) + len(self._model.cell_most)
        return [self._expected([group.chain.messages for group in self._groups], row) for row in range(width)]

    def total_means(self) -> list[Dual]:
        """Return what each agent is expected to add to each number of the tally, float64[n] each."""
        totals = [group.chain.totals for group in self._groups]
        return [self._expected(totals, row) for row in range(len(self._model.tally))]

    def move(self, exposures: Sequence[Dual], shares: Sequence[Dual]) -> None:
        """Move on by one step.

        Args:
            exposures: of each contact channel, what reaches each agent, float64[n]; none where contacts do not count.
            shares: of each cell channel, which share of its own cell says something, float64[n]; none without cells.
        """
        growth = {name: self._growth(name, exposures, shares) for name in self._factors}
        for place, group in enumerate(self._groups):
            parts = [group.rows[first : first + TOGETHER] for first in range(0, group.rows.size, TOGETHER)]
            state, moved = self.states[place], []
            for part, rows in enumerate(parts):
                own = slice(part * TOGETHER, part * TOGETHER + rows.size)
                heard = {name: Dual(each.value[rows], each.tangent[:, rows]) for name, each in growth.items()}
                moved.append(advance(group.chain, Dual(state.value[:, own], state.tangent[..., own]), heard))
            value = np.concatenate([each.value for each in moved], axis=1)
            self.states[place] = Dual(value, np.concatenate([each.tangent for each in moved], axis=2))

    def _growth(self, name: str, exposures: Sequence[Dual], shares: Sequence[Dual]) -> Dual:
        """Return by how much an outcome's level grows, float64[n], before weights."""
        grown = self._nothing()
        for reach, factors in zip((exposures, shares), self._factors[name], strict=True):
            for channel, factor in factors:
                if reach:
                    grown = grown + factor * reach[channel]
        return grown

    def _expected(self, numbers: Sequence[Dual], row: int) -> Dual:
        """Return a number of all agents by the probabilities of their states; `numbers` are those of each group."""
        total = self._nothing()
        for group, state, own in zip(self._groups, self.states, numbers, strict=True):
            found = _expected(state, own, row)
            total.value[group.rows] = found.value
            total.tangent[:, group.rows] = found.tangent
        return total

    def _nothing(self) -> Dual:
        return Dual(np.zeros(self._n), np.zeros((self._gradient.p, self._n)))


def advance(chain: LocalChain, state: Dual, growth: Mapping[str, Dual]) -> Dual:
    """Return the probabilities of states one step later.

    Args:
        chain: of the agents.
        state: float64[S, n], with tangents.
        growth: of each outcome's level in the step, before weights, float64[n].
    """
    crosses = [_escape(growth[clock.outcome] * _column(clock.weight * (1.0 / clock.unit))) for clock in chain.clocks]
    one = Dual(np.ones(state.value.shape[1]), np.zeros((state.tangent.shape[0], state.value.shape[1])))
    likely = []
    for pattern in chain.patterns:
        product = one
        for clock, crossed in pattern:
            product = product * (crosses[clock] if crossed else 1.0 - crosses[clock])
        likely.append(product)
    value, tangent = np.zeros_like(state.value), np.zeros_like(state.tangent)
    for layer in chain.layers:
        source, target = chain.source[layer], chain.target[layer]
        weight = Dual(chain.weight.value[layer, None], chain.weight.tangent[:, layer, None])
        bits = [likely[number] for number in chain.pattern[layer]]
        chance = Dual(np.stack([b.value for b in bits]), np.stack([b.tangent for b in bits], axis=1))
        moved = Dual(state.value[source], state.tangent[:, source]) * weight * chance
        value[target] += moved.value
        tangent[:, target] += moved.tangent
    return Dual(value, tangent)


def _escape(hazard: Number) -> Dual:
    found = escape(hazard)
    if not isinstance(found, Dual):
        raise TypeError("a hazard without tangents")
    return found


def _column(number: F64) -> Dual:
    """Return a number for all agents, from float64[1 + p]."""
    return Dual(number[:1], number[1:, None])


def spread(numbers: Dual, n: int) -> Dual:
    """Return numbers of S states for each of n agents."""
    shape = (*numbers.tangent.shape, n)
    return Dual(
        np.broadcast_to(numbers.value[:, None], shape[1:]).copy(),
        np.broadcast_to(numbers.tangent[..., None], shape).copy(),
    )


def _expected(state: Dual, numbers: Dual, row: int) -> Dual:
    """Return what agents tell, or count for, by the probabilities of their states."""
    total = Dual(np.zeros(state.value.shape[1]), np.zeros((state.tangent.shape[0], state.value.shape[1])))
    for place in range(len(state.value)):
        value, tangent = numbers.value[row, place : place + 1], numbers.tangent[:, row, place : place + 1]
        if value.any() or tangent.any():
            total = total + Dual(state.value[place], state.tangent[:, place]) * Dual(value, tangent)
    return total


def _factors(
    model: GraphModel, entries: tuple[ParameterEntry, ...]
) -> dict[str, tuple[list[tuple[int, Dual]], list[tuple[int, Dual]]]]:
    """Return of each outcome its factors, by the place of a contact channel, and of a cell channel."""

    def dual(factor: int | str) -> Dual:
        number = np.zeros(1 + len(entries))
        number[0] = model.agents.parameters[factor] if isinstance(factor, str) else factor
        for p, entry in enumerate(entries):
            if entry.name == factor:
                number[1 + p] = 2.0 ** model.graph.parameters[entry.name].bits
        return _column(number)

    kinds = (model.contact_channels, model.agents.cell_channels)
    return {
        name: tuple(  # type: ignore[misc]
            [(place, dual(outcome.coefficients[c])) for place, c in enumerate(channels) if c in outcome.coefficients]
            for channels in kinds
        )
        for name, outcome in sorted(model.graph.outcomes.items())
    }


def _groups(model: GraphModel, columns: Columns, n: int) -> Iterator[tuple[I64, dict[str, int], dict[str, bool]]]:
    """Yield agents by what is given of them, as far as anything looks at it: rows, numbers, and which are known."""
    source = AgentSource(np.zeros(n, dtype=np.uint64), (0, 0))
    inputs, graph = model.agents.inputs_of_begin(source, columns), model.graph
    nodes = [graph.nodes[number] for number in nodes_of(graph, *(set(PARTS) - {"thresholds"}))]
    names = sorted({node.name for node in nodes if node.op in ("field", "known")})
    least = {name: field.low for name, field in graph.fields.items()}
    each = [inputs.state[name] for name in names] + [inputs.known[name] for name in names]
    table = np.array(each, dtype=np.int64).reshape(2 * len(names), n)
    rows, which = np.unique(table, axis=1, return_inverse=True)
    if rows.shape[1] > MOST_GROUPS:
        refuse(f"agents are of {rows.shape[1]} kinds by their columns, more than {MOST_GROUPS}")
    for number, row in enumerate(rows.T.tolist()):
        given = least | dict(zip(names, row[: len(names)], strict=True))
        known = dict.fromkeys(graph.fields, False) | dict(zip(names, map(bool, row[len(names) :]), strict=True))
        yield np.flatnonzero(which.reshape(-1) == number), given, known
