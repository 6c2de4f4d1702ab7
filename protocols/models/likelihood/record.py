"""What agents drew, step by step: of every draw that mattered, how likely it was, and how that moves."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, final

import numpy as np

from protocols.models.graph import ModelGraph
from protocols.models.graph.checks import ancestors_of, nodes_of
from protocols.models.graph.graph import DRAWS
from protocols.models.likelihood.clock_hazards import ClockHazard
from protocols.models.likelihood.clocks import Clock
from protocols.models.likelihood.events import DRAW, ChanceEvent, Chances, event_of
from protocols.models.likelihood.pending_draws import PendingDraws
from protocols.models.likelihood.relevance import Masks, draws_under, mark, spread
from protocols.models.likelihood.tape import NONE, Leaf, Slopes, Tape, choose, combine

BEGINNING: Final = -1
SPEAKS: Final = ("messages", "weights", "thresholds")
MOVES: Final = ("restarts", "update")
Reach = Mapping[str, tuple[Any, Slopes]]  # of each channel, what reaches agents, a cell's as a share, and its slopes


class LevelChange(NamedTuple):
    """What a step did to one outcome of all agents.

    Attributes:
        growth: by how much its level grew, int64[n].
        slopes: of that.
        crosses: its bit, bool[n].
        anew: whether it begins anew, bool[n].
    """

    growth: Any
    slopes: Slopes
    crosses: Any
    anew: Any


def leaves_of_parameters(graph: ModelGraph, chances: Chances) -> dict[Leaf, Slopes]:
    """Return the slopes of parameters that are numbers, and of tables' entries, by their authors' units."""
    leaves: dict[Leaf, Slopes] = {}
    for p, entry in enumerate(chances.entries):
        if entry.name not in graph.parameters:
            continue
        parameter = graph.parameters[entry.name]
        scale = float(2.0**parameter.bits)
        if parameter.length:
            leaves["entries", entry.name] = {**leaves.get(("entries", entry.name), NONE), p: (entry.place, scale)}
        elif entry.name not in chances.laws:
            leaves["parameter", entry.name] = {p: scale}
    return leaves


@final
class ChanceRecord:
    """Follows n agents of a graph; slopes of their states go on from step to step."""

    def __init__(
        self, graph: ModelGraph, parameters: Mapping[str, Any], chances: Chances, clocks: Mapping[str, Clock], n: int
    ) -> None:
        """Begin with nothing.

        Args:
            graph: of the model.
            parameters: as `check_parameters` gives them.
            chances: laws of what is drawn, with the parameters that slopes are taken by.
            clocks: outcomes whose bits have a law.
            n: agents.
        """
        self._graph, self._parameters, self._chances, self._n = graph, parameters, chances, n
        self._pending = PendingDraws(graph, frozenset(clock.field for clock in clocks.values()))
        self._under = draws_under(graph, self._pending.holders)
        self._clocks = {name: ClockHazard(name, clock, n, chances.at_bounds) for name, clock in clocks.items()}
        self._leaves = leaves_of_parameters(graph, chances)
        self._nodes = {"begin": nodes_of(graph, "begin"), "update": nodes_of(graph, *SPEAKS, *MOVES)}
        along = ancestors_of(graph, list(graph.along.values()))  # what is told along contacts matters to all of them
        self._told = [number for number in along if graph.nodes[number].op == "field"]

    def new_tape(self) -> Tape:
        """Return a tape on which a step begins."""
        return Tape(self._graph, dict(self._leaves))

    def begin(self, tape: Tape) -> list[ChanceEvent]:
        """Take in the beginning; return the draws that mattered at once."""
        masks = Masks()
        self._pending.roots("begin", tape, masks)
        events = list(self._settle(tape, masks, "begin", BEGINNING))
        self._carry(tape, "begin")
        return events

    def hear(self, tape: Tape, growth: Mapping[str, Slopes]) -> None:
        """Tell a tape how the sums move that outcomes reveal, before anybody looks at them."""
        for name, outcome in self._graph.outcomes.items():
            if outcome.reveals == "sum" and name in growth:
                before = self._leaves.get(("outcome", name), NONE) if outcome.keep else NONE
                tape.leaves["outcome", name] = combine((1.0, before), (1.0, growth[name]))

    def advance(self, tape: Tape, changes: Mapping[str, LevelChange], step: int) -> list[ChanceEvent]:
        """Take in a step; return the draws that mattered in it.

        Args:
            tape: with all nodes of the step.
            changes: of the outcomes; of those that are clocks all.
            step: of the run.
        """
        masks = Masks()
        for part in (*SPEAKS, "restarts"):
            for name, root in self._graph.parts[part].items():
                if part != "thresholds" or name not in self._clocks:
                    mark(masks, root, np.bool_(True))
        for number in self._told:
            mark(masks, number, np.bool_(True))
        self._pending.roots("update", tape, masks)
        events = [*self._settle(tape, masks, "update", step), *self._tick(masks, changes, step)]
        self._carry(tape, "update")
        for name in [each for op, each in tape.leaves if op == "outcome"]:
            self._leaves["outcome", name] = choose(changes[name].anew, NONE, tape.leaves["outcome", name])
        return events

    def growth(self, tape: Tape, name: str, reach: Reach) -> Slopes:
        """Return how a level's growth in a step moves.

        Args:
            tape: with the nodes of what agents say.
            name: of the outcome.
            reach: of each of its channels that reaches anybody.
        """
        level, slopes = np.zeros(self._n), dict[int, Any]()
        for channel, factor in self._graph.outcomes[name].coefficients.items():
            if channel not in reach:
                continue
            exposure, heard = reach[channel]
            value = float(self._parameters[factor]) if isinstance(factor, str) else float(factor)
            by = self._leaves.get(("parameter", factor), NONE) if isinstance(factor, str) else NONE
            level = level + value * exposure
            slopes = combine((1.0, slopes), (exposure, by), (value, heard))
        weight = self._graph.weights.get(name)
        if weight is None:
            return slopes
        return combine((tape.values[weight], slopes), (level, tape.slopes.get(weight, NONE)))

    def _settle(self, tape: Tape, masks: Masks, part: str, step: int) -> Iterator[ChanceEvent]:
        spread(self._graph, self._nodes[part], tape.values, masks, self._under)
        for number, mask in masks.items():
            if self._graph.nodes[number].op in DRAWS:
                chance = self._chances.of(tape, number, mask)
                if chance is not None:
                    yield from event_of((DRAW, number), step, chance, mask, self._n)
        if part != "begin":
            yield from self._pending.release(masks, step, self._n)
        self._pending.move(part, tape, masks, self._chances)

    def _tick(self, masks: Masks, changes: Mapping[str, LevelChange], step: int) -> Iterator[ChanceEvent]:
        """Yield what clocks told, to whom it mattered."""
        asked = {
            self._graph.nodes[number].name: mask
            for number, mask in masks.items()
            if self._graph.nodes[number].op == "outcome"
        }
        for name, clock in self._clocks.items():
            mask = np.broadcast_to(asked.get(name, np.bool_(False)), (self._n,))
            change = changes[name]
            yield from clock.hear(change.growth, change.slopes, change.crosses, mask, step)
            clock.restart(change.anew)

    def _carry(self, tape: Tape, part: str) -> None:
        """Keep the slopes of the next state."""
        for name, root in self._graph.parts[part].items():
            self._leaves["field", name] = tape.slopes.get(root, NONE)
