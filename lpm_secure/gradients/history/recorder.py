"""A run of a model with all that derivatives need of it: states, what reached whom, and every draw that mattered."""

from typing import Any, Final, NamedTuple, final

import numpy as np

from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.gradients.graph.dependence import Dependence
from lpm_secure.gradients.graph.relevance import Masks, draws_under, mark, spread
from lpm_secure.gradients.graph.step import AFTER, BEFORE, Columns, GraphStep, StepResult, Surroundings
from lpm_secure.gradients.graph.tape import NONE, Leaf, Slopes, Tape, choose, combine
from lpm_secure.gradients.history.clock_hazards import ClockHazard
from lpm_secure.gradients.history.events import DRAW, ChanceEvent, Chances, event_of
from lpm_secure.gradients.history.pending import PendingDraws
from lpm_secure.gradients.model.model_problem import Copies, ModelProblem
from lpm_secure.gradients.model.point import ModelPoint
from protocols.arithmetic.distributions import F64
from protocols.models.cells import cell_totals
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.graph import DRAWS
from protocols.models.graph.inputs import check_parameters
from protocols.models.graph.interpreter import Inputs

BEGINNING: Final = -1
NOWHERE_AROUND: Final = Surroundings({}, {}, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


class Moment(NamedTuple):
    """A step of a run before it is taken, or its end.

    Attributes:
        state, levels: int64[rows] of each field and outcome.
        messages: int64[rows] of each channel.
        around: what reaches the agents; nothing at the end.
        reached: levels as they are held against thresholds.
    """

    state: Columns
    levels: Columns
    messages: Columns
    around: Surroundings
    reached: Columns


class RunHistory(NamedTuple):
    """Runs of one batch of seeds.

    Attributes:
        series: float64[seeds, q, T + 1].
        slopes: of the series by each parameter that they move with, float64[seeds, q, T + 1].
        moments: T + 1 of them.
        events: all draws that mattered.
        at_bounds: parameters whose score is not all of the derivative, since a probability is 0 or 1.
    """

    series: F64
    slopes: Slopes
    moments: list[Moment]
    events: list[ChanceEvent]
    at_bounds: set[int]


def leaves_of_point(point: ModelPoint) -> dict[Leaf, Slopes]:
    """Return the slopes of parameters that are numbers, and of tables' entries."""
    leaves: dict[Leaf, Slopes] = {}
    for p, entry in enumerate(point.entries):
        if point.graph.parameters[entry.name].length:
            before = leaves.get(("entries", entry.name), NONE)
            leaves["entries", entry.name] = {**before, p: (entry.place, point.scale(p))}
        elif entry.name not in point.families:
            leaves["parameter", entry.name] = {p: point.scale(p)}
    return leaves


@final
class HistoryRecorder:
    """Runs a batch of seeds, and writes everything down."""

    def __init__(self, problem: ModelProblem, point: ModelPoint, seeds: range, dependence: Dependence) -> None:
        """Begin the runs."""
        self.problem, self._point, self._graph = problem, point, problem.graph
        self._count, self._n = len(seeds), len(seeds) * problem.people.n
        self._copies = Copies(problem, point, seeds, NumpyBackend(problem.graph))
        self.step = GraphStep(problem.graph, check_parameters(problem.graph, point.integers))
        self._chances = Chances(point)
        self._pending = PendingDraws(problem.graph, dependence)
        self._under = draws_under(problem.graph, self._pending.holders)
        self._clocks = {name: ClockHazard(name, clock, self._n) for name, clock in dependence.clocks.items()}
        self._leaves = leaves_of_point(point)
        self._events: list[ChanceEvent] = []
        self._moments: list[Moment] = []
        self._series: list[F64] = []
        self._slopes: list[Slopes] = []

    def run(self) -> RunHistory:
        """Take all steps."""
        state, levels = self._begin()
        for step in range(self.problem.steps):
            state, levels = self._move(state, levels, step)
        tape = Tape(self._graph, dict(self._leaves))
        self._look(tape, self._inputs(state, self.problem.steps))
        self._moments.append(Moment(state, levels, {}, NOWHERE_AROUND, {}))
        slopes = {
            p: np.stack([each.get(p, np.zeros_like(self._series[0])) for each in self._slopes], axis=2)
            for p in {p for each in self._slopes for p in each}
        }
        series = np.stack(self._series, axis=2)
        return RunHistory(series, slopes, self._moments, self._events, self._chances.at_bounds)

    def inputs_of(self, state: Columns, rows: Any, step: int) -> Inputs:
        """Return what some rows may look at, with a state of theirs."""
        return Inputs(state, self.step.parameters, self._draws(rows, step))

    def _draws(self, rows: Any, step: int) -> DrawSource:
        return DrawSource(self._copies.numbers[rows], max(step, 0), self._copies.key)

    def _inputs(self, state: Columns, step: int) -> Inputs:
        return self.inputs_of(state, slice(None), step)

    def _begin(self) -> tuple[Columns, Columns]:
        tape, masks = Tape(self._graph, dict(self._leaves)), Masks()
        inputs = self.inputs_of_begin(slice(None))
        tape.extend(self.step.nodes("begin"), inputs)
        self._pending.roots("begin", tape, masks)
        self._settle(tape, masks, "begin", BEGINNING)
        self._carry(tape, "begin")
        state = {name: tape.column(root, self._n) for name, root in self._graph.begin.items()}
        levels = {name: np.zeros(self._n, dtype=np.int64) for name in self._graph.outcomes}
        return {**inputs.state, **state}, levels

    def inputs_of_begin(self, rows: Any) -> Inputs:
        """Return what some rows have before `begin`: private columns, and nothing that is known."""
        draws = self._draws(rows, BEGINNING)
        n = draws.agents.size
        held = {
            name: self._copies.agents.state[name][rows] if field.private else np.full(n, field.low)
            for name, field in self._graph.fields.items()
        }
        known = {name: np.zeros(n, dtype=np.bool_) for name in self._graph.fields}
        return Inputs(held, self.step.parameters, draws, known=known)

    def _move(self, state: Columns, levels: Columns, step: int) -> tuple[Columns, Columns]:
        tape, inputs = Tape(self._graph, dict(self._leaves)), self._inputs(state, step)
        self._look(tape, inputs)
        messages = self.step.messages(tape, inputs)
        around = self._around(messages, step)
        growth = self._growths(tape, messages, around, inputs, step)
        for name, outcome in self._graph.outcomes.items():
            if outcome.reveals == "sum":
                before = self._leaves.get(("outcome", name), NONE) if outcome.keep else NONE
                tape.leaves["outcome", name] = combine((1.0, before), (1.0, growth[name]))
        result = self.step.advance(tape, inputs, levels, around)
        masks = Masks()
        for part in (*BEFORE, "restarts"):
            for name, root in self._graph.parts[part].items():
                if part != "thresholds" or name not in self._clocks:
                    mark(masks, root, np.bool_(True))
        self._pending.roots("update", tape, masks)
        self._settle(tape, masks, "update", step)
        self._tick(masks, growth, result, step)
        self._carry(tape, "update")
        for name in [each for op, each in tape.leaves if op == "outcome"]:
            level = tape.leaves["outcome", name]
            self._leaves["outcome", name] = choose(result.anew[name], NONE, level) if name in result.anew else level
        self._moments.append(Moment(state, levels, messages, around, result.reached))
        return result.state, result.levels

    def _settle(self, tape: Tape, masks: Masks, part: str, step: int) -> None:
        """Write down the draws that mattered."""
        parts = ("begin",) if part == "begin" else (*BEFORE, *AFTER)
        spread(self._graph, self.step.nodes(*parts), tape.values, masks, self._under)
        for number, mask in masks.items():
            if self._graph.nodes[number].op in DRAWS:
                chance = self._chances.of(tape, number, mask)
                if chance is not None:
                    self._events += event_of((DRAW, number), step, chance, mask, self._n)
        if part != "begin":
            self._events += self._pending.release(masks, step, self._n)
        self._pending.move(part, tape, masks, self._chances)

    def _tick(self, masks: Masks, growth: dict[str, Slopes], result: StepResult, step: int) -> None:
        """Write down what clocks told, and to whom it mattered."""
        asked = {
            self._graph.nodes[number].name: mask
            for number, mask in masks.items()
            if self._graph.nodes[number].op == "outcome"
        }
        for name, clock in self._clocks.items():
            mask = np.broadcast_to(asked.get(name, np.bool_(False)), (self._n,))
            self._events += clock.hear(result.growth[name], growth[name], result.outcomes[name], mask, step)
            if name in result.anew:
                clock.restart(result.anew[name])

    def _carry(self, tape: Tape, part: str) -> None:
        """Keep the slopes of the next state."""
        for name, root in self._graph.parts[part].items():
            self._leaves["field", name] = tape.slopes.get(root, NONE)

    def _look(self, tape: Tape, inputs: Inputs) -> None:
        """Add up the tally, and its slopes."""
        tape.extend(self.step.nodes("totals"), inputs)
        roots = sorted(self._graph.totals.items())
        tally = self._copies.add_up(inputs.state, {name: tape.column(root, self._n) for name, root in roots})
        slopes = dict[int, Any]()
        for place, (_, root) in enumerate(roots, start=tally.shape[1] - len(roots)):
            for p, slope in tape.slopes.get(root, NONE).items():
                held = slopes.setdefault(p, np.zeros_like(tally))
                held[:, place] += np.broadcast_to(slope, (self._n,)).reshape(self._count, -1).sum(axis=1)
        self._series.append(tally)
        self._slopes.append(slopes)

    def _around(self, messages: Columns, step: int) -> Surroundings:
        """Return what reaches everybody."""
        contacts, cells, channels = self._copies.contacts, self._copies.cells, self._graph.channels
        nothing = np.zeros(self._n, dtype=np.int64)
        exposures = {
            name: contacts.add_up(name, messages[name], step=step) if contacts else nothing
            for name, channel in channels.items()
            if not channel.cell
        }
        totals = {
            name: np.clip(cell_totals(messages[name], cells.of, cells=cells.sizes.size), 0, cells.sizes * channel.most)
            for name, channel in channels.items()
            if channel.cell and cells.sizes.size
        }
        return Surroundings(exposures, totals, cells.sizes, cells.of)

    def _growths(
        self, tape: Tape, messages: Columns, around: Surroundings, inputs: Inputs, step: int
    ) -> dict[str, Slopes]:
        """Return the slopes of what reaches everybody, and of how levels grow."""
        tape.extend(self.step.nodes(*BEFORE), inputs)
        contacts, heard = self._copies.contacts, dict[str, Slopes]()
        for name, root in self._graph.messages.items():
            told = {p: np.broadcast_to(s, (self._n,)) for p, s in tape.slopes.get(root, NONE).items()}
            if not self._graph.channels[name].cell:
                heard[name] = {p: contacts.add_up(name, s, step=step) for p, s in told.items()} if contacts else NONE
            elif around.totals:
                count = around.sizes.size
                heard[name] = {p: np.bincount(around.of, s, minlength=count)[around.of] for p, s in told.items()}
                tape.leaves["cell", name] = heard[name]
        return {name: self._growth(tape, name, around, heard) for name in self._graph.outcomes}

    def _growth(self, tape: Tape, name: str, around: Surroundings, heard: dict[str, Slopes]) -> Slopes:
        level, slopes = np.zeros(self._n, dtype=np.float64), dict[int, Any]()
        for channel, factor in self._graph.outcomes[name].coefficients.items():
            by = self._leaves.get(("parameter", factor), NONE) if isinstance(factor, str) else NONE
            value = float(self.step.parameters[factor]) if isinstance(factor, str) else float(factor)
            share: Any = np.float64(1)
            if self._graph.channels[channel].cell:
                if channel not in around.totals:
                    continue
                size = np.maximum(around.sizes, 1)
                exposure: Any = (np.minimum(around.totals[channel], around.sizes) / size)[around.of]
                share = (1.0 / size)[around.of]
            else:
                exposure = around.exposures[channel]
            level = level + value * exposure
            slopes = combine((1.0, slopes), (exposure, by), (value * share, heard.get(channel, NONE)))
        weight = self._graph.weights.get(name)
        if weight is None:
            return slopes
        return combine((tape.values[weight], slopes), (level, tape.slopes.get(weight, NONE)))
