"""An agent's local chain: finite, with the laws of its moves and their derivatives, from any model's graph.

An agent that hears hazards h_o of its outcomes in a step moves from state s to s' with probability

    P(s, s') = sum over ways of [ product over outcomes looked at of (1 - exp(-h_o)) or exp(-h_o) ] w(way)

where w is the product of the probabilities of the draws looked at. Thresholds of Exp(1) have no memory (Sellke 1983),
so they are no part of the state; given the hazards the chain is the discrete model's law, exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, final

import msgspec
import numpy as np

from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64
from protocols.models.chain.exploration import BEGIN, MOST_WAYS, Exploration, LocalState, Quantity, Space, Way
from protocols.models.chain.held_draws import draw_of
from protocols.models.chain.liveness import LiveFields, stage_fields
from protocols.models.chain.lumping import Lumps, Move, lump, merge
from protocols.models.chain.paths import check_depth, refuse, values_of_public
from protocols.models.chain.quantities import NO_LAWS, QuantityTable, Slope
from protocols.models.dual import Dual
from protocols.models.graph import ModelGraph
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.checks import nodes_of
from protocols.models.graph.graph import PARTS
from protocols.models.likelihood.clocks import clocks_of
from protocols.models.likelihood.entries import LawSlopes, ParameterEntry

MOST_STATES: Final = 2**12
MOST_VALUES: Final = 2**12  # of one uniform draw
SPACE: Final = "local states"


class ChainClock(NamedTuple):
    """An outcome whose level crosses at a rate.

    Attributes:
        outcome: its name; or a public number and a value of it, which has a probability in place of a rate.
        unit: one of its hazard, in units of its level.
        weight: of its growth, float64[1 + p].
        announced: whether it is a public number's value.
    """

    outcome: str
    unit: float
    weight: F64
    announced: bool = False


@final
@dataclass(frozen=True, slots=True, eq=False)
class LocalChain:
    """S states and E moves; numbers with their derivatives by p parameters.

    Attributes:
        states: one of each lump, for reports.
        explored: how many there were before those that behave alike were merged.
        ways: that were found between these.
        clocks: outcomes that are looked at.
        patterns: combinations of their bits that moves ask for.
        source, target, pattern: int64[E] of each move.
        weight: float64[E], and float64[p, E].
        begin: float64[S], of the beginning.
        messages: float64[c + w, S], what is told on each contact channel, and on each cell channel.
        totals: float64[q, S], of each number of the tally.
    """

    states: tuple[LocalState, ...] = field(repr=False)
    explored: int
    ways: int
    clocks: tuple[ChainClock, ...]
    patterns: tuple[tuple[tuple[int, bool], ...], ...]
    source: I64 = field(repr=False)
    target: I64 = field(repr=False)
    pattern: I64 = field(repr=False)
    weight: Dual = field(repr=False)
    begin: Dual = field(repr=False)
    messages: Dual = field(repr=False)
    totals: Dual = field(repr=False)


def space_of(model: GraphModel, *, geometric: bool) -> Space:
    """Return where a model's local states are looked for; derived once.

    Args:
        model: with its parameters.
        geometric: whether stays are those of compartments.

    Raises:
        ModelError: in one line, why it has no chain.
    """
    key = f"{SPACE}, {geometric}"
    space: Space | None = model.__dict__.get(key)
    if space is None:
        graph, clocks = model.graph, clocks_of(model.graph, divided=True)
        check_chain(model)
        parameters = model.agents.parameters
        space = Space(graph, parameters, clocks, LiveFields(graph, parameters, clocks), geometric)
        model.__dict__[key] = space
    return space


def check_chain(model: GraphModel) -> None:
    """Refuse what moves in ways that no finite chain has; whether one is small enough, is seen as its states are found.

    Raises:
        ModelError: with what it is that has no chain.
    """
    graph = model.graph
    for name in graph.public:
        values_of_public(graph, name)
    if graph.cell_field is not None:
        refuse(f"agents move between the cells of {graph.cell_field}")
    if graph.along:
        refuse(f"messages on {', '.join(graph.along)} are made of contacts' own numbers")
    check_depth(graph)
    clocks = clocks_of(graph, divided=True)
    for number in nodes_of(graph, "restarts", "update"):
        node = graph.nodes[number]
        if node.op in ("cell", "size"):
            refuse(f"update looks at the {'total' if node.op == 'cell' else 'size'} of an agent's cell on {node.name}")
        if node.op == "outcome" and node.name not in clocks:
            refuse(f"the outcome {node.name} {_why_no_clock(graph, node.name)}")
    _check_draws(model)


def _check_draws(model: GraphModel) -> None:
    """Refuse draws of many numbers, by bounds alone: what a client does must not depend on its columns."""
    graph = model.graph
    ranges = {name: (int(np.min(value)), int(np.max(value))) for name, value in model.agents.parameters.items()}
    numbers = {
        name: msgspec.structs.replace(each, low=ranges[name][0], high=ranges[name][1])
        for name, each in graph.parameters.items()
    }
    bounds = bounds_of(msgspec.structs.replace(graph, parameters=numbers))
    for number in nodes_of(graph, *(set(PARTS) - {"thresholds"})):
        node = graph.nodes[number]
        if node.op == "uniform" and (count := bounds[node.inputs[1]][1]) > MOST_VALUES:
            refuse(f"{node.name} draws one of {count} numbers, more than {MOST_VALUES}")


def _why_no_clock(graph: ModelGraph, name: str) -> str:
    outcome = graph.outcomes[name]
    if outcome.reveals == "sum":
        return "is an exact sum"
    if not outcome.keep:
        return "compares the level of the present step alone, which has no law"
    return "is held against something else than an exponential draw"


def chain_of(
    model: GraphModel,
    entries: Sequence[ParameterEntry],
    columns: Mapping[str, int],
    known: Mapping[str, bool],
    *,
    steps: int,
    laws: Mapping[str, LawSlopes] = NO_LAWS,
    geometric: bool = False,
    most: int = MOST_WAYS,
) -> LocalChain:
    """Return the chain of agents with the same columns.

    Args:
        model: with its parameters.
        entries: p parameters, by which derivatives are taken.
        columns: of each field a number: private columns, and what their holder knows; else the least there is.
        known: of each field, whether it does.
        steps: of the run.
        laws: how laws of days move with their means, of those that do not move by tilting.
        geometric: whether stays are those of compartments, in place of their laws.
        most: ways that may be found.

    Raises:
        ModelError: in one line, why there is none.
    """
    space = space_of(model, geometric=geometric)
    for name, clock in space.clocks.items():
        if known.get(clock.field):
            refuse(f"{clock.field}, the threshold of {name}, is given")
    found = Exploration(space, columns, most=most).run(known, steps=steps)
    table = QuantityTable.of(space, entries, known, laws)
    table.compute(_quantities(space.graph, found))
    clocks, patterns, moves = _moves(found, table)
    outputs = _outputs(found, table)
    _finish(found, outputs, moves)
    lumps = lump(moves[1:], outputs)
    if len(lumps.members) > MOST_STATES:
        refuse(f"an agent has {len(lumps.members)} states; at most {MOST_STATES} are followed")
    begin = np.zeros((1 + len(entries), len(lumps.members)))
    for (_, state), weight in merge(moves[0], lumps.block).items():
        begin[:, state] = weight
    return _laid_out(model, found, table, lumps, (clocks, patterns, _dual(begin)))


def _quantities(graph: ModelGraph, found: Exploration) -> list[Quantity]:
    """Return all numbers that a chain is made of."""
    drawn = {law for way in found.ways for law, _ in way.draws if law[0] == "happens"}
    weights = {each.weight for way in found.ways for each in way.crossings if each.weight is not None}
    outputs = {quantity for each in found.outputs for quantity in each}
    return sorted({Quantity(graph.nodes[node].inputs[0], basis) for _, node, basis in drawn} | weights | outputs)


def _moves(
    found: Exploration, table: QuantityTable
) -> tuple[tuple[ChainClock, ...], tuple[tuple[tuple[int, bool], ...], ...], list[dict[Move, F64]]]:
    """Return clocks, patterns of their bits, and the moves of the beginning and of each state."""
    clocks: dict[tuple[str, bytes], ChainClock] = {}
    numbers: dict[tuple[str, bytes], int] = {}
    patterns: dict[tuple[tuple[int, bool], ...], int] = {}
    moves: list[dict[Move, F64]] = [{} for _ in range(1 + len(found.states))]

    def pattern_of(way: Way) -> int:
        bits = []
        for crossing in way.crossings:
            weight = table.product(()) if crossing.weight is None else table.number(crossing.weight)
            key, clock = (crossing.outcome, weight.tobytes()), found.space.clocks.get(crossing.outcome)
            unit = 1.0 if clock is None else 2.0**clock.bits
            clocks.setdefault(key, ChainClock(crossing.outcome, unit, weight, announced=clock is None))
            bits.append((numbers.setdefault(key, len(numbers)), crossing.crosses))
        return patterns.setdefault(tuple(sorted(bits)), len(patterns))

    for way in found.ways:
        weight = table.product(way.draws)
        if weight.any():
            own, move = moves[way.source - BEGIN], (pattern_of(way), way.target)
            own[move] = own[move] + weight if move in own else weight
    return tuple(clocks.values()), tuple(patterns), moves


def _finish(found: Exploration, outputs: list[tuple[object, ...]], moves: list[dict[Move, F64]]) -> None:
    """Let states that are reached in the last step, from which nobody moves, be like earlier ones of a longer stay.

    So a model that holds how long a stay has lasted, and never looks at it, has no state for each step of the run.
    """
    earlier: dict[object, int] = {}
    for state, number in found.states.items():
        shape = tuple((name, draw_of(value) or value) for name, value in state), outputs[number][1:]
        if number < found.expanded:
            earlier[shape] = number
        elif shape in earlier:
            moves[1 + number], outputs[number] = moves[1 + earlier[shape]], outputs[earlier[shape]]


def _outputs(found: Exploration, table: QuantityTable) -> list[tuple[object, ...]]:
    """Return what tells each state from others at once: whether its ways are known, its stages, and what it tells."""
    stages = set(stage_fields(found.space.graph))
    return [
        (
            number < found.expanded,
            tuple(value for name, value in state if name in stages),
            *(table.number(each).tobytes() for each in found.outputs[number]),
        )
        for state, number in found.states.items()
    ]


def _laid_out(
    model: GraphModel,
    found: Exploration,
    table: QuantityTable,
    lumps: Lumps,
    rest: tuple[tuple[ChainClock, ...], tuple[tuple[tuple[int, bool], ...], ...], Dual],
) -> LocalChain:
    """Return a chain as arrays."""
    states = tuple(found.states)
    each = [(source, move, weight) for source, moves in enumerate(lumps.moves) for move, weight in moves.items()]
    clocks, patterns, begin = rest
    weights = [weight for _, _, weight in each] or [table.product(())[:, None][:, :0]]
    outputs = np.array([[table.number(q) for q in found.outputs[member]] for member in lumps.members])
    messages, totals = _tables(model, outputs, [dict(states[member]) for member in lumps.members], table.product(()))
    return LocalChain(
        states=tuple(states[member] for member in lumps.members),
        explored=len(states),
        ways=len(found.ways),
        clocks=clocks,
        patterns=patterns,
        source=np.array([source for source, _, _ in each], dtype=np.int64),
        target=np.array([move[1] for _, move, _ in each], dtype=np.int64),
        pattern=np.array([move[0] for _, move, _ in each], dtype=np.int64),
        weight=_dual(np.stack(weights, axis=-1) if each else weights[0]),
        begin=begin,
        messages=messages,
        totals=totals,
    )


def _tables(model: GraphModel, outputs: F64, states: Sequence[Mapping[str, object]], one: Slope) -> tuple[Dual, Dual]:
    """Return what each state tells on each channel, and counts for in each number of the tally."""
    graph, names = model.graph, (*model.graph.messages, *model.graph.totals)
    row = {name: outputs[:, place].T for place, name in enumerate(names[: len(graph.messages)])}
    observable = {name: outputs[:, len(graph.messages) + place].T for place, name in enumerate(graph.totals)}
    channels = (*model.contact_channels, *model.agents.cell_channels)
    counts = [
        np.outer(one, [float(state[name] == stage) for state in states])
        for name in stage_fields(graph)
        for stage in range(len(graph.fields[name].stages))
    ]
    totals = [*counts, *(observable[name] for name in sorted(observable))]
    empty = np.zeros((one.size, 0, len(states)))
    told = [row[name] for name in channels]
    return (
        _dual(np.stack(told, axis=1) if told else empty),
        _dual(np.stack(totals, axis=1) if totals else empty),
    )


def _dual(numbers: F64) -> Dual:
    """Return values and derivatives of float64[1 + p, ...]."""
    return Dual(numbers[0], numbers[1:])
