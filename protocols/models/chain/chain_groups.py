"""The kinds of a holder's agents, by their columns: each with a local chain, laid out to be moved on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, final

import numpy as np

from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import AgentSource, Columns
from protocols.models.chain.chain import LocalChain, chain_of, space_of
from protocols.models.chain.exploration import MOST_IN_ALL, MOST_WAYS, Space, value_name
from protocols.models.chain.hazard_factor import ONE, HazardFactor
from protocols.models.chain.liveness import stage_fields
from protocols.models.chain.paths import refuse
from protocols.models.chain.quantities import NO_LAWS
from protocols.models.chain.steps.transition import Slopes, Transition, slopes_of, times
from protocols.models.dual import Dual
from protocols.models.dynamics import Relaxation
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.interpreter import Inputs, evaluate
from protocols.models.likelihood.entries import LawSlopes, ParameterEntry, parameters_read

MOST_GROUPS: Final = 256  # of agents, by their columns
TOGETHER: Final = 2**15  # numbers in a row of a state, so that all of them stay in a processor's cache
Rows = I64 | slice  # of agents
Reach = tuple[
    Sequence[F64] | F64, Sequence[F64] | F64
]  # of contact channels, and cell channels, float64[1 + p, n] each


class ChainPart(NamedTuple):
    """Agents with the same columns that are computed together.

    Attributes:
        rows: where they stand among all agents.
        n: of them.
        begin: the probability of each state at the beginning, float64[1 + p, S].
        transition: a step of it.
        shares: of outcomes, by what each agent's hazard is multiplied, float64[n], where that is not 1.
    """

    rows: Rows
    n: int
    begin: F64
    transition: Transition
    shares: Mapping[str, F64]


class GrowthFactor(NamedTuple):
    """By what a channel, one of contacts or of cells, is multiplied where it raises an outcome's level."""

    cell: bool
    channel: int
    weight: float
    slopes: Slopes


Levels = Mapping[str, tuple[GrowthFactor, ...]]


@final
@dataclass(frozen=True, slots=True)
class ChainGroups:
    """n agents of a model's graph, of one holder.

    Attributes:
        n: of them.
        parts: of agents with the same columns, of each such group one or more.
        told: how many numbers agents tell: one for each contact channel, and each cell channel.
        numbers: of these, and then of each number of the tally, which number of the transitions it is.
        levels: of each outcome what raises its level.
        public: of each public number the whole numbers between which it is taken.
    """

    n: int
    parts: tuple[ChainPart, ...]
    told: int
    numbers: tuple[int, ...]
    levels: Levels
    public: Mapping[str, tuple[int, ...]]

    @classmethod
    def of_run(cls, run: Relaxation, *, columns: Columns, n: int) -> "ChainGroups":
        """Return the agents of a holder as a run's gradient asks for them; arguments and errors are those of `of`."""
        entries, geometric = chain_entries(run.model, run.gradient), run.gradient.geometric
        return cls.of(run.model, entries, columns=columns, n=n, steps=run.steps, geometric=geometric)

    @classmethod
    def of(
        cls,
        model: GraphModel,
        entries: tuple[ParameterEntry, ...],
        *,
        columns: Columns,
        n: int,
        steps: int,
        laws: Mapping[str, LawSlopes] = NO_LAWS,
        geometric: bool = False,
    ) -> "ChainGroups":
        """Find the agents' kinds, and make their chains.

        Args:
            model: with its parameters.
            entries: p parameters, by which derivatives are taken.
            columns: what agents' holder gives.
            n: agents.
            steps: of the run.
            laws: how laws of days move with their means, of those that do not move by tilting.
            geometric: whether stays are those of compartments, in place of their laws.

        Raises:
            ModelError: the model has no chain, or agents are of too many kinds.
            DataError: a column is missing, or out of its range.
        """
        kinds, left, space = [], MOST_IN_ALL, space_of(model, geometric=geometric)
        inputs = model.agents.inputs_of_begin(AgentSource(np.zeros(n, dtype=np.uint64), (0, 0)), columns)
        for rows, given, known in _kinds(space, inputs, n):
            most = min(left, MOST_WAYS)
            chain = chain_of(model, entries, given, known, steps=steps, laws=laws, geometric=geometric, most=most)
            kinds.append((rows, chain))
            left -= chain.ways
        outputs = [_outputs(chain) for _, chain in kinds]
        told, p = len(model.contact_channels) + len(model.agents.cell_channels), len(entries)
        of: dict[bytes, int] = {}
        keys = [b"".join(each[:, row].tobytes() for each in outputs) for row in range(told + len(model.agents.tally))]
        numbers = tuple(of.setdefault(key, len(of)) for key in keys)
        first = [numbers.index(number) for number in range(len(of))]
        parts, shares = [], _shares(space, inputs)
        for (rows, chain), each in zip(kinds, outputs, strict=True):
            transition = Transition.of(chain, Dual(each[0, first], each[1:, first]))
            cut = _cut(rows, max(TOGETHER // (1 + p), 1))
            begin = np.concatenate([chain.begin.value[None], chain.begin.tangent])
            parts += [
                ChainPart(own, count, begin, transition, {name: each[own] for name, each in shares.items()})
                for own, count in cut
            ]
        public = {name: space.public_values(name) for name in model.graph.public}
        return cls(n, tuple(parts), told, numbers, _levels(model, entries), public)

    def hear(self, numbers: Mapping[str, Dual]) -> dict[str, F64]:
        """Return how likely each public number counts as each of its values: as either of the nearest two.

        Args:
            numbers: of each its value, float64[1], with derivatives.
        """
        likely = dict[str, F64]()
        for name, values in self.public.items():
            number = np.concatenate([numbers[name].value[None], numbers[name].tangent])
            likely |= {value_name(name, value): np.zeros_like(number) for value in values}
            place = min(int(np.searchsorted(values, number[0, 0], side="right")), len(values) - 1)
            low, high = values[max(place - 1, 0)], values[place]
            share = number / max(high - low, 1)
            share[0] = (number[0] - low) / max(high - low, 1)
            likely[value_name(name, high)] += share
            share = -share
            share[0] += 1.0
            likely[value_name(name, low)] += share
        return likely


def chain_entries(model: GraphModel, gradient: Gradient) -> tuple[ParameterEntry, ...]:
    """Return the gradient's parameters in their order; of those that are not the model's no number of its chain is."""
    known = {entry.title: entry for entry in parameters_read(model.graph)}
    return tuple(known.get(title, ParameterEntry(title, 0, "")) for title in gradient.parameters)


def grow(levels: Levels, reach: Reach, part: ChainPart, width: int, factor: HazardFactor = ONE) -> dict[str, F64]:
    """Return by how much each outcome's level grows before weights, float64[1 + p, n].

    Args:
        levels: of each outcome what raises it.
        reach: what reaches agents on each contact channel, and each cell channel; none where they do not count.
        part: the agents.
        width: 1 + p.
        factor: by what all of them are multiplied.
    """
    grown: dict[str, F64] = {}
    for name, factors in levels.items():
        for cell, channel, weight, slopes in factors:
            if len(reach[cell]):
                own = times(reach[cell][channel], weight, slopes)
                grown[name] = grown[name] + own if name in grown else own
        grown.setdefault(name, np.zeros((width, part.n)))
    if factor != ONE:
        grown = {name: times(each, *factor) for name, each in grown.items()}
    return {name: each * part.shares[name] if name in part.shares else each for name, each in grown.items()}


def _outputs(chain: LocalChain) -> F64:
    """Return what each state tells, and counts for, with derivatives, float64[1 + p, m, S]."""
    value = np.concatenate([chain.messages.value, chain.totals.value])
    tangent = np.concatenate([chain.messages.tangent, chain.totals.tangent], axis=1)
    return np.concatenate([value[None], tangent])


def _cut(rows: I64, together: int) -> Iterator[tuple[Rows, int]]:
    """Yield rows of so many agents, as a slice where they follow on each other."""
    for first in range(0, rows.size, together):
        own = rows[first : first + together]
        low, high = int(own[0]), int(own[-1]) + 1
        yield (slice(low, high) if high - low == own.size else own), own.size


def _levels(model: GraphModel, entries: tuple[ParameterEntry, ...]) -> Levels:
    """Return of each outcome its factors, contacts' before cells'."""

    def factor(cell: bool, channel: int, by: int | str) -> GrowthFactor:
        number = np.zeros(1 + len(entries))
        number[0] = model.agents.parameters[by] if isinstance(by, str) else by
        for p, entry in enumerate(entries):
            if entry.name == by:
                number[1 + p] = 2.0 ** model.graph.parameters[entry.name].bits
        return GrowthFactor(cell, channel, float(number[0]), slopes_of(number))

    kinds = enumerate((model.contact_channels, model.agents.cell_channels))
    places = [(bool(kind), place, name) for kind, channels in kinds for place, name in enumerate(channels)]
    return {
        name: tuple(factor(cell, place, by[channel]) for cell, place, channel in places if channel in by)
        for name, outcome in sorted(model.graph.outcomes.items())
        for by in (outcome.coefficients,)
    }


def _shares(space: Space, inputs: Inputs) -> dict[str, F64]:
    """Return by what the hazards of agents are multiplied, float64[n]: by what divides their thresholds."""
    over = {name: (clock.over, clock.over_bits) for name, clock in space.clocks.items() if clock.over is not None}
    begun = {**inputs.state, **evaluate(space.graph, ("begin",), inputs)["begin"]} if over else {}
    shares = {name: np.ldexp(begun[own].astype(np.float64), -bits) for name, (own, bits) in over.items()}
    return {name: each for name, each in shares.items() if (each != 1.0).any()}


def _names_read(space: Space) -> list[str]:
    """Return the columns that anything looks at, but for what only divides a threshold, or a compartment's stay."""
    graph, thresholds = space.graph, {clock.field for clock in space.clocks.values()}
    parts = {part: own for part, own in graph.parts.items() if part not in ("thresholds", "begin", "update")}
    todo = [root for own in parts.values() for root in own.values()]
    todo += [root for name, root in graph.update.items() if name not in thresholds]
    todo += [graph.begin[name] for name in stage_fields(graph) if name in graph.begin]
    names, seen = set(thresholds), set[int]()
    while todo:
        number = todo.pop()
        node = graph.nodes[number]
        if number not in seen:
            seen.add(number)
            todo += node.inputs[:2] if node.op == "days" and space.geometric else node.inputs
            if node.op in ("field", "known"):
                names.add(node.name)
                todo += [graph.begin[node.name]] if node.name in graph.begin and node.name not in thresholds else []
    return sorted(names)


def _kinds(space: Space, inputs: Inputs, n: int) -> Iterator[tuple[I64, dict[str, int], dict[str, bool]]]:
    """Yield agents by what is given of them, as far as anything looks at it: rows, numbers, and which are known."""
    graph, names = space.graph, _names_read(space)
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
