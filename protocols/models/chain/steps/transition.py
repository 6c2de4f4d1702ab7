"""A step of a local chain: numbers of agents with their derivatives, float64[1 + p, n], row by row.

Only additions, multiplications and divisions by constants are used, agent by agent, in an order that the chain and the
number of the step give: so an agent has the same bits on every machine, whoever is computed beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, final

import numpy as np

from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64
from protocols.models.chain.chain import LocalChain
from protocols.models.chain.steps.delay_lines import MOST_ROWS, DelayLines, LineRun
from protocols.models.dual import Dual
from protocols.models.escape import probability

Slopes = tuple[tuple[int, float], ...]  # of a number: by which parameters it moves, and how


class CrossingHazard(NamedTuple):
    """An outcome's hazard, of what its level grows by; or a public number's value, which has a probability."""

    outcome: str
    weight: float
    slopes: Slopes
    announced: bool = False


class Outflow(NamedTuple):
    """What leaves a state where outcomes' bits are a pattern's, and where it goes.

    Attributes:
        source: the state.
        pattern: by its number.
        rest: whether it is what the flow before leaves of the state, of which it is all that remains.
        runs: where it goes.
        stays: whether what it does not take stays in its state, as in a compartment: then the state keeps its row.
        weight, slopes: by what the state is multiplied in it.
    """

    source: int
    pattern: int
    rest: bool
    runs: tuple[LineRun, ...]
    stays: bool = False
    weight: float = 1.0
    slopes: Slopes = ()


@final
@dataclass(frozen=True, slots=True)
class Transition:
    """A chain's step.

    Attributes:
        lines: where each state stands.
        clocks, patterns: as the chain has them.
        flows: of all moves but those along lines.
        outputs: of each number that states count for, the runs of it.
        left: states whose row is another's after a step, or their own anew.
    """

    lines: DelayLines
    clocks: tuple[CrossingHazard, ...]
    patterns: tuple[tuple[tuple[int, bool], ...], ...]
    flows: tuple[Outflow, ...] = field(repr=False)
    outputs: tuple[tuple[LineRun, ...], ...] = field(repr=False)
    left: tuple[int, ...] = field(repr=False)

    @classmethod
    def of(cls, chain: LocalChain, outputs: Dual) -> "Transition":
        """Lay a chain out.

        Args:
            chain: of agents.
            outputs: float64[m, S], what each state counts for in each number.
        """
        lines = DelayLines.of_chain(chain)
        clocks = []
        for clock in chain.clocks:
            number = clock.weight * (1.0 / clock.unit)
            clocks.append(CrossingHazard(clock.outcome, float(number[0]), slopes_of(number), clock.announced))
        flows = tuple(_compartments(chain, lines, list(_flows(chain, lines))))
        stay = {flow.source for flow in flows if flow.stays}
        left = tuple(state for state in lines.left if state not in stay)
        return cls(lines, tuple(clocks), chain.patterns, flows, _output_runs(lines, outputs), left)

    def shift(self, by: F64) -> "Transition":
        """Return the step without derivatives, its numbers moved on along them by float64[p]."""
        return Transition(
            self.lines,
            tuple(CrossingHazard(c.outcome, shift_number(c.weight, c.slopes, by), ()) for c in self.clocks),
            self.patterns,
            tuple(_shift_flow(flow, by) for flow in self.flows),
            tuple(tuple(run.shift(by) for run in runs) for runs in self.outputs),
            self.left,
        )

    def begin(self, begin: F64, n: int) -> F64:
        """Return n agents at the beginning, float64[S, 1 + p, n], from float64[1 + p, S]."""
        state = np.empty((begin.shape[1], len(begin), n))
        for number, own in enumerate(begin.T):
            state[self.lines.row(number, 0)] = own[:, None]
        return state

    def move(self, state: F64, growth: Mapping[str, F64], *, step: int) -> None:
        """Move agents on, in their place.

        Args:
            state: float64[S, 1 + p, n], before the step.
            growth: of each outcome's level, before weights, float64[1 + p, n]; and how likely each public number counts
                as each of its values, float64[1 + p, 1].
            step: of the run.
        """
        leaving = self.leaving(state, self.chances(self.crossings(growth)), step)
        for source in self.left:
            state[self.lines.row(source, step)] = 0.0
        for flow, part in zip(self.flows, leaving, strict=True):
            if flow.stays:
                state[self.lines.row(flow.source, step)] -= part
        room = np.empty((MOST_ROWS, *state.shape[1:]))
        for flow, part in zip(self.flows, leaving, strict=True):
            for run in flow.runs:
                scaled = _scale(part, run, room)
                for rows, own in run.parts(step + 1):
                    state[rows] += scaled[own]

    def leaving(self, state: F64, chances: Mapping[int, F64], step: int) -> list[F64]:
        """Return what each flow takes along."""
        leaving: list[F64] = []
        for flow in self.flows:
            own = state[self.lines.row(flow.source, step)]
            if flow.rest:
                leaving.append(own - leaving[-1])
            elif self.patterns[flow.pattern]:
                leaving.append(multiply(own, chances[flow.pattern]))
            else:
                leaving.append(times(own, flow.weight, flow.slopes))
        return leaving

    def count(self, state: F64, means: F64, *, step: int) -> None:
        """Write what agents are expected to count for before a step, float64[m, 1 + p, n]."""
        room = np.empty((MOST_ROWS, *state.shape[1:]))
        for mean, runs in zip(means, self.outputs, strict=True):
            if len(runs) == 1 and runs[0].plain:
                ((rows, _),) = runs[0].parts(step)
                np.copyto(mean, state[rows][0])
                continue
            mean[:] = 0.0
            for run in runs:
                for rows, own in run.parts(step):
                    add_rows(mean, weigh(state[rows], run, own, room), room)

    def crossings(self, growth: Mapping[str, F64]) -> list[F64]:
        """Return how likely each clock's outcome crosses."""
        return [
            growth[clock.outcome]
            if clock.announced
            else _escape(times(growth[clock.outcome], clock.weight, clock.slopes))
            for clock in self.clocks
        ]

    def chances(self, crosses: Sequence[F64]) -> dict[int, F64]:
        """Return how likely each pattern is that a flow asks for."""
        found: dict[int, F64] = {}
        for number in {flow.pattern for flow in self.flows if not flow.rest}:
            for place, (clock, crossed) in enumerate(self.patterns[number]):
                own = crosses[clock] if crossed else _complement(crosses[clock])
                found[number] = multiply(found[number], own) if place else own
        return found


def slopes_of(number: F64) -> Slopes:
    """Return by which parameters a number moves, from float64[1 + p]."""
    return tuple((place, float(number[1 + place])) for place in np.flatnonzero(number[1:]).tolist())


def shift_number(weight: float, slopes: Slopes, by: F64) -> float:
    """Return a number moved on along its derivatives."""
    return weight + sum(slope * float(by[place]) for place, slope in slopes)


def times(numbers: F64, weight: float, slopes: Slopes) -> F64:
    """Return numbers of agents times one of a chain."""
    product: F64 = numbers * weight
    for place, slope in slopes:
        product[1 + place] += numbers[0] * slope
    return product


def multiply(left: F64, right: F64) -> F64:
    """Return products of agents' numbers."""
    product: F64 = left * right[0]
    product[1:] += right[1:] * left[0]
    return product


def _escape(hazard: F64) -> F64:
    value = probability(hazard[0])
    hazard[1:] *= 1.0 - value
    hazard[0] = value
    return hazard


def _complement(number: F64) -> F64:
    other: F64 = -number
    other[0] += 1.0
    return other


def _scale(part: F64, run: LineRun, room: F64) -> F64:
    """Return a part by each weight of a run, float64[width, 1 + p, n]."""
    if run.weight is None and not run.slopes:
        return np.broadcast_to(part, (run.width, *part.shape))
    scaled: F64 = room[: run.width]
    np.multiply(part, 1.0 if run.weight is None else run.weight, out=scaled)
    for place, slope in run.slopes:
        scaled[:, 1 + place] += slope * part[0]
    return scaled


def weigh(rows: F64, run: LineRun, own: slice, room: F64) -> F64:
    """Return rows, each by its weight."""
    if run.weight is None and not run.slopes:
        return rows
    weighed: F64 = room[: len(rows)]
    np.multiply(rows, 1.0 if run.weight is None else run.weight[own], out=weighed)
    for place, slope in run.slopes:
        weighed[:, 1 + place] += slope[own] * rows[:, 0]
    return weighed


def add_rows(total: F64, rows: F64, room: F64) -> None:
    """Add rows to a total, in pairs: a sum of numpy's own is in an order of its own."""
    while (half := len(rows) // 2) > 0:
        if len(rows) % 2:
            total += rows[-1]
        np.add(rows[:half], rows[half : 2 * half], out=room[:half])
        rows = room[:half]
    total += rows[0]


def _flows(chain: LocalChain, lines: DelayLines) -> Iterator[Outflow]:
    """Yield the flows of a chain, those where an outcome crosses before the rest."""
    pairs = set(zip(chain.source.tolist(), chain.pattern.tolist(), strict=True))
    before: tuple[int, tuple[tuple[int, bool], ...]] | None = None
    for source, pattern in sorted(pairs, key=lambda pair: (pair[0], [(c, not b) for c, b in chain.patterns[pair[1]]])):
        if source not in lines.left:
            continue
        own = np.flatnonzero((chain.source == source) & (chain.pattern == pattern))
        weights = Dual(chain.weight.value[own], chain.weight.tangent[:, own])
        bits = chain.patterns[pattern]
        rest = len(bits) == 1 and before == (source, ((bits[0][0], not bits[0][1]),))
        before = source, bits
        yield Outflow(source, pattern, rest, lines.runs(chain.target[own].tolist(), weights))


def _compartments(chain: LocalChain, lines: DelayLines, flows: Sequence[Outflow]) -> Iterator[Outflow]:
    """Yield flows, but of what stays in a compartment: that is no move, but what others leave of its row."""
    for source, own in groupby(flows, key=lambda flow: flow.source):
        each, moves = list(own), np.flatnonzero(chain.source == source)
        stays = chain.target[moves] == source
        if lines.of[source][1] > 1 or stays.sum() != 1:
            yield from each
        else:
            yield from _leave(chain, lines, each, int(moves[stays][0]), moves[~stays])


def _leave(chain: LocalChain, lines: DelayLines, flows: list[Outflow], stay: int, others: I64) -> list[Outflow]:
    """Return the flows of a state with one move to itself: one alone where that is whatever does not leave."""
    weight, slopes = chain.weight.value, chain.weight.tangent
    if len(flows) == 2 and flows[1].rest:
        certain = weight[stay] == 1.0 and not slopes[:, stay].any() and chain.pattern[stay] == flows[1].pattern
        alone = (chain.pattern[others] == flows[0].pattern).all()
        return [flows[0]._replace(stays=True)] if certain and alone else flows
    if len(flows) > 1 or chain.patterns[flows[0].pattern] or others.size != 1:
        return flows
    (other,) = others.tolist()
    if weight[stay] != 1.0 - weight[other] or (slopes[:, stay] != -slopes[:, other]).any():
        return flows
    runs = lines.runs([int(chain.target[other])], Dual(np.ones(1), np.zeros((len(slopes), 1))))
    own = slopes_of(np.array([weight[other], *slopes[:, other]]))
    return [flows[0]._replace(runs=runs, stays=True, weight=float(weight[other]), slopes=own)]


def _shift_flow(flow: Outflow, by: F64) -> Outflow:
    runs = tuple(run.shift(by) for run in flow.runs)
    return flow._replace(runs=runs, weight=shift_number(flow.weight, flow.slopes, by), slopes=())


def _output_runs(lines: DelayLines, outputs: Dual) -> tuple[tuple[LineRun, ...], ...]:
    runs = []
    for value, tangent in zip(outputs.value, outputs.tangent.transpose(1, 0, 2), strict=True):
        own = np.flatnonzero((value != 0.0) | tangent.any(axis=0))
        runs.append(lines.runs(own.tolist(), Dual(value[own], tangent[:, own])))
    return tuple(runs)
