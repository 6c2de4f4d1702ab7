"""The score of a private run of any model's graph: what its agents drew, by the laws that its parameters move.

For any output F that no parameter moves but by what is drawn,

    d E[F] / d theta = Cov(F, sum over agents and draws of d log p(draw) / d theta)

Draws that did not matter are left out: their mean is 0, and they would be noise alone. In mode sum an agent's holder
knows its exposures, so outcomes that are exponential clocks are among its draws; in mode outcome it says what it knows
of them, and aggregators add up the score by a common factor of a level (`integer_score`).

Source: Glynn, Likelihood ratio gradient estimation for stochastic systems, CACM 33 (1990).
"""

from collections.abc import Iterable, Mapping
from typing import Any, final

import numpy as np

from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import AgentSource, Columns, StepInputs
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.checks import nodes_of
from protocols.models.graph.interpreter import Inputs
from protocols.models.likelihood.dependence import dependence_of
from protocols.models.likelihood.entries import ParameterEntry, is_law, slopes_of_laws
from protocols.models.likelihood.events import ChanceEvent, Chances
from protocols.models.likelihood.factors.integer_score import coarse, terms
from protocols.models.likelihood.factors.level_factors import factors_of
from protocols.models.likelihood.record import MOVES, SPEAKS, ChanceRecord, LevelChange
from protocols.models.likelihood.score_parameters import entries_of
from protocols.models.likelihood.tape import NONE
from protocols.models.state import State


@final
class GraphScore:
    """Scores of n agents, added up step by step.

    Only what IEEE 754 rounds the same way everywhere is used, and sums over agents are of integers, so that a private
    run's score has the bits of the clear run's.

    Attributes:
        hazards: int64[3, n, h], of each common factor, for the last step: the hazard of each agent, as far as it is
            known here, whether the agent escaped it, and whether it crossed its threshold.

    Security: a score tells of an agent's draws. It stays with the agent's holder; only `encode` leaves, as shares, and
        in mode outcome `hazards`, as shares too.
    """

    def __init__(self, model: GraphModel, gradient: Gradient, source: AgentSource, columns: Columns) -> None:
        """Begin with the scores of what agents drew at first.

        Args:
            model: which the agents follow.
            gradient: which scores are taken; checked.
            source: the agents' numbers, and the key of what is drawn of them.
            columns: what their holder gives.
        """
        self._model, self._gradient, self._source, graph = model.agents, gradient, source, model.graph
        entries, dependence = entries_of(model, gradient.parameters), dependence_of(model)
        moved = {entry.name for entry in entries}
        laws = {
            name: slopes_of_laws(self._model.parameters[name].tolist(), _given_slopes(gradient, entries, name))
            for name in sorted(moved)
            if is_law(graph.parameters[name])
        }
        clocks = {name: clock for name, clock in dependence.clocks.items() if moved & dependence.levels[name]}
        n = source.agents.size
        self._record = ChanceRecord(graph, self._model.parameters, Chances(entries, laws), clocks, n)
        self._contacts = model.contact_channels
        self._spoken, self._moved = nodes_of(graph, *SPEAKS), nodes_of(graph, *MOVES)
        self._score = np.zeros((gradient.p, n))
        self._places = [gradient.parameters.index(entry.title) for entry in entries]
        self._factors = factors_of(model, tuple(gradient.factors))
        h = len(self._factors)
        self._totals, self._followed = np.zeros(h, dtype=np.int64), np.ones((n, h), dtype=np.bool_)
        self.hazards = np.zeros((3, n, h), dtype=np.int64)
        tape = self._record.new_tape()
        tape.extend(nodes_of(graph, "begin"), self._model.inputs_of_begin(source, columns))
        self._add(self._record.begin(tape))

    def __repr__(self) -> str:
        """Tell the size, and nothing else."""
        return f"GraphScore({self._source.agents.size} agents, hidden)"

    def observe(self, before: State, inputs: StepInputs) -> None:
        """Take in one step.

        Args:
            before: the state when the step began.
            inputs: what reached the agents; scores by levels count on all of it.
        """
        given = self._model.inputs_of_step(before, inputs, self._source)
        growth = self._model.increments(inputs.contact, inputs.pressure) * self._model.weights(before)
        names = [outcome.name for outcome in self._model.outcomes]
        contacts = dict(zip(self._contacts, inputs.contact.T, strict=True))
        self.advance(given, dict(zip(names, growth.T, strict=True)), contacts)

    def advance(self, inputs: Inputs, growth: Mapping[str, I64], contacts: Mapping[str, I64]) -> None:
        """Take in one step as an interpreter of the graph has it.

        Args:
            inputs: what agents look at in it.
            growth: of each outcome's level, int64[n].
            contacts: exposures on each contact channel, int64[n].
        """
        tape = self._record.new_tape()
        tape.extend(self._spoken, inputs)
        reach: dict[str, tuple[Any, Any]] = {name: (exposure, NONE) for name, exposure in contacts.items()}
        for name, total in inputs.cells.items():  # levels are of cells whose people say 0 or 1
            reach[name] = total / np.maximum(inputs.sizes[name], 1), NONE
        slopes = {name: self._record.growth(tape, name, reach) for name in growth}
        self._record.hear(tape, slopes)
        tape.extend(self._moved, inputs)
        never = np.zeros(inputs.source.agents.size, dtype=np.bool_)
        anew = {name: tape.values[root] for name, root in self._model.graph.restarts.items()}
        changes = {
            name: LevelChange(grown, slopes[name], inputs.outcomes[name], anew.get(name, never))
            for name, grown in growth.items()
        }
        self._add(self._record.advance(tape, changes, inputs.source.step))
        self._follow(inputs, growth, contacts)

    def encode(self) -> I64:
        """Return int64[p]: the sum over agents, each clipped, in fixed point.

        A score by a common factor is in units of its own, not clipped, and all are followed by a word of 0 where there
        is one; see `integer_score`.
        """
        total = self._gradient.encode(self._score)
        if self._factors:
            total[list(self._gradient.factors.values())] = self._totals
            total = np.append(total, 0)
        return total

    def each(self) -> F64:
        """Return float64[p, n]: each agent's own score, clipped."""
        return self._gradient.clip_numbers(self._score)

    def _add(self, events: Iterable[ChanceEvent]) -> None:
        for event in events:
            for p, score in event.score.items():
                self._score[self._places[p], event.rows] += score

    def _follow(self, inputs: Inputs, growth: Mapping[str, I64], contacts: Mapping[str, I64]) -> None:
        """Take in what a step did to the levels that have a common factor."""
        each = [contacts[name] for name in self._contacts]
        exposures = np.array(each, dtype=np.int64).reshape(len(each), len(self._followed)).T
        for place, factor in enumerate(self._factors):
            others = growth[factor.outcome] - exposures @ np.array(factor.by_channel, dtype=np.int64)
            z = exposures @ factor.coarse + coarse(others, factor.bits)
            followed = self._followed[:, place] & (inputs.state[factor.stage] == 0)
            crosses = np.asarray(inputs.outcomes[factor.outcome], dtype=np.bool_)
            self.hazards[:, :, place] = z, followed & ~crosses, followed & crosses
            self._followed[:, place] = followed & ~crosses
            self._totals[place] += terms(*self.hazards[:, :, place]).sum()


def _given_slopes(gradient: Gradient, entries: Iterable[ParameterEntry], name: str) -> dict[int, tuple[float, ...]]:
    """Return how a manifest says that laws of a parameter move, by their places."""
    own = (entry for entry in entries if entry.name == name and entry.title in gradient.slopes)
    return {entry.place: gradient.slopes[entry.title] for entry in own}
