"""A run of a model with all that derivatives need of it: states, what reached whom, and every draw that mattered."""

from types import MappingProxyType
from typing import Any, Final, NamedTuple, final

import numpy as np

from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.gradients.history.edge_messages import EdgeMessages
from lpm_secure.gradients.history.step import Columns, GraphStep, Surroundings
from lpm_secure.gradients.model.model_problem import Copies, ModelProblem
from lpm_secure.gradients.model.point import ModelPoint
from protocols.arithmetic.distributions import F64
from protocols.models.cells import cell_totals
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.inputs import check_parameters, state_before_begin
from protocols.models.graph.interpreter import Inputs
from protocols.models.likelihood.dependence import Dependence
from protocols.models.likelihood.events import ChanceEvent, Chances
from protocols.models.likelihood.record import BEGINNING, SPEAKS, ChanceRecord, LevelChange
from protocols.models.likelihood.tape import NONE, Slopes, Tape, combine

NOWHERE_AROUND: Final = Surroundings({}, {}, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


class Moment(NamedTuple):
    """A step of a run before it is taken, or its end.

    Attributes:
        state, levels: int64[rows] of each field and outcome.
        messages: int64[rows] of each channel.
        around: what reaches the agents; nothing at the end.
        reached: levels as they are held against thresholds.
        public: what an environment said, int64[seeds] of each number; nothing where it is on a schedule.
        private: tally of private agents, float64[seeds, q], where an environment hears it.
    """

    state: Columns
    levels: Columns
    messages: Columns
    around: Surroundings
    reached: Columns
    public: Columns = MappingProxyType({})
    private: Any = None


class RunHistory(NamedTuple):
    """Runs of one batch of seeds.

    Attributes:
        series: float64[seeds, q, T + 1].
        slopes: of the series by each parameter that they move with, float64[seeds, q, T + 1].
        moments: T + 1 of them.
        events: all draws that mattered.
        at_bounds: parameters whose score is not all of the derivative, since a probability is 0 or 1, or a hazard 0.
    """

    series: F64
    slopes: Slopes
    moments: list[Moment]
    events: list[ChanceEvent]
    at_bounds: set[int]


@final
class HistoryRecorder:
    """Runs a batch of seeds, and writes everything down."""

    def __init__(self, problem: ModelProblem, point: ModelPoint, seeds: range, dependence: Dependence) -> None:
        """Begin the runs."""
        self.problem, self._point, self._graph = problem, point, problem.graph
        self._count, self._n = len(seeds), len(seeds) * problem.people.n
        self._copies = Copies(problem, point, seeds, NumpyBackend(problem.graph))
        self.step = GraphStep(problem.graph, check_parameters(problem.graph, point.integers))
        self._edges = EdgeMessages(self.step, self._copies.contacts)
        self._announced = problem.announcements(len(seeds))
        self._chances = Chances(point.entries, point.law_slopes)
        self._clocks = dependence.clocks
        self._record = ChanceRecord(problem.graph, self.step.parameters, self._chances, dependence.clocks, self._n)
        self._events: list[ChanceEvent] = []
        self._moments: list[Moment] = []
        self._series: list[F64] = []
        self._slopes: list[Slopes] = []

    def run(self) -> RunHistory:
        """Take all steps."""
        state, levels = self._begin()
        for step in range(self.problem.steps):
            state, levels = self._move(state, levels, step)
        tape = self._record.new_tape()
        self._look(tape, self.inputs_of(state, slice(None), self.problem.steps))
        self._moments.append(Moment(state, levels, {}, NOWHERE_AROUND, {}))
        slopes = {
            p: np.stack([each.get(p, np.zeros_like(self._series[0])) for each in self._slopes], axis=2)
            for p in {p for each in self._slopes for p in each}
        }
        series = np.stack(self._series, axis=2)
        return RunHistory(series, slopes, self._moments, self._events, self._chances.at_bounds)

    def inputs_of(self, state: Columns, rows: Any, step: int, public: Columns | None = None) -> Inputs:
        """Return what some rows may look at, with a state of theirs, and numbers where these are on no schedule."""
        told = public or self.problem.announce(step)
        return Inputs(state, self.step.parameters, self._draws(rows, step), public=told)

    def _draws(self, rows: Any, step: int) -> DrawSource:
        return DrawSource(self._copies.numbers[rows], max(step, 0), self._copies.key)

    def _begin(self) -> tuple[Columns, Columns]:
        tape, inputs = self._record.new_tape(), self.inputs_of_begin(slice(None))
        tape.extend(self.step.nodes("begin"), inputs)
        self._events += self._record.begin(tape)
        state = {name: tape.column(root, self._n) for name, root in self._graph.begin.items()}
        levels = {name: np.zeros(self._n, dtype=np.int64) for name in self._graph.outcomes}
        return {**inputs.state, **state}, levels

    def inputs_of_begin(self, rows: Any) -> Inputs:
        """Return what some rows have before `begin`: private columns, and what somebody knows."""
        draws = self._draws(rows, BEGINNING)
        given = {name: column[rows] for name, column in self._copies.columns.items()}
        state, known = state_before_begin(self._graph, given, draws.agents.size)
        return Inputs(state, self.step.parameters, draws, known=known)

    def _move(self, state: Columns, levels: Columns, step: int) -> tuple[Columns, Columns]:
        public = self._announced.announce(step) if self._announced else {}
        inputs = self.inputs_of(state, slice(None), step, self._copies.spread(public))
        tape, private = self._record.new_tape(), None
        self._look(tape, inputs)
        messages = self.step.messages(tape, inputs)
        around = self._around(messages, state, step)
        if self._announced:
            private = self._copies.add_up(state, self._observables(tape), private=True)
            self._announced.observe(self._series[-1], private, self._copies.by_copy(around.totals))
        growth = self._growths(tape, around, inputs, step)
        self._record.hear(tape, growth)
        result = self.step.advance(tape, inputs, levels, around)
        never = np.zeros(self._n, dtype=np.bool_)
        changes = {
            name: LevelChange(*self._hazard(name, state, result.growth[name], growth[name]), crosses, anew)
            for name, crosses, anew in (
                (name, result.outcomes[name], result.anew.get(name, never)) for name in self._graph.outcomes
            )
        }
        self._events += self._record.advance(tape, changes, step)
        self._moments.append(Moment(state, levels, messages, around, result.reached, public, private))
        return result.state, result.levels

    def _hazard(self, name: str, state: Columns, growth: Any, slopes: Slopes) -> tuple[Any, Slopes]:
        """Return a level's growth and its slopes, times what divides the agent's draw of a threshold."""
        clock = self._clocks.get(name)
        if clock is None or clock.over is None:
            return growth, slopes
        factor = np.ldexp(state[clock.over].astype(np.float64), -clock.over_bits)
        return growth * factor, combine((factor, slopes))

    def _look(self, tape: Tape, inputs: Inputs) -> None:
        """Add up the tally, and its slopes."""
        tape.extend(self.step.nodes("totals"), inputs)
        roots = sorted(self._graph.totals.items())
        tally = self._copies.add_up(inputs.state, self._observables(tape))
        slopes = dict[int, Any]()
        for place, (_, root) in enumerate(roots, start=tally.shape[1] - len(roots)):
            for p, slope in tape.slopes.get(root, NONE).items():
                held = slopes.setdefault(p, np.zeros_like(tally))
                held[:, place] += np.broadcast_to(slope, (self._n,)).reshape(self._count, -1).sum(axis=1)
        self._series.append(tally)
        self._slopes.append(slopes)

    def _observables(self, tape: Tape) -> Columns:
        return {name: tape.column(root, self._n) for name, root in self._graph.totals.items()}

    def _around(self, messages: Columns, state: Columns, step: int) -> Surroundings:
        """Return what reaches everybody."""
        contacts, cells, channels = self._copies.contacts, self._copies.cells, self._graph.channels
        of = self._copies.cell_of(state)
        nothing = np.zeros(self._n, dtype=np.int64)
        exposures = {
            name: contacts.add_up(name, messages[name], step=step) if contacts else nothing
            for name, channel in channels.items()
            if not channel.cell and name not in self._graph.along
        }
        along = {name: self._edges.exposures(name, state, step=step) for name in self._edges.channels}
        exposures |= dict.fromkeys(self._graph.along, nothing) | along
        totals = {
            name: np.clip(cell_totals(messages[name], of, cells=cells.sizes.size), 0, cells.sizes * channel.most)
            for name, channel in channels.items()
            if channel.cell and cells.sizes.size
        }
        return Surroundings(exposures, totals, cells.sizes, of)

    def _growths(self, tape: Tape, around: Surroundings, inputs: Inputs, step: int) -> dict[str, Slopes]:
        """Return how levels' growth moves; tell the tape how cells' totals do."""
        tape.extend(self.step.nodes(*SPEAKS), inputs)
        contacts, reach = self._copies.contacts, dict[str, tuple[Any, Slopes]]()
        size = np.maximum(around.sizes, 1)
        for name, root in self._graph.messages.items():
            told = {p: np.broadcast_to(s, (self._n,)) for p, s in tape.slopes.get(root, NONE).items()}
            if not self._graph.channels[name].cell:
                heard = {p: contacts.add_up(name, s, step=step) for p, s in told.items()} if contacts else NONE
                reach[name] = around.exposures[name], heard
            elif around.totals:
                sums = {p: np.bincount(around.of, s, minlength=size.size)[around.of] for p, s in told.items()}
                tape.leaves["cell", name] = sums
                share = (np.minimum(around.totals[name], around.sizes) / size)[around.of]
                reach[name] = share, {p: s / size[around.of] for p, s in sums.items()}
        for name in self._edges.channels:
            reach[name] = around.exposures[name], self._edges.slopes(name, inputs.state, tape.leaves, step=step)
        return {name: self._record.growth(tape, name, reach) for name in self._graph.outcomes}
