"""One step of any rows of agents, on a tape: the bits of `ModelAgents`, for whoever needs what happens inside."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.cells import pressure
from protocols.models.graph import ModelGraph
from protocols.models.graph.checks import nodes_of
from protocols.models.graph.interpreter import Inputs
from protocols.models.likelihood.record import MOVES, SPEAKS
from protocols.models.likelihood.tape import Forced, Tape

NOTHING: Final[Forced] = MappingProxyType({})
Columns = Mapping[str, I64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What reaches some rows of agents in a step.

    Attributes:
        exposures: int64[rows] of each contact channel.
        totals: int64[cells] of each cell channel.
        sizes: int64[cells].
        of: int64[rows], the cell of each row; empty where there are no cells.
    """

    exposures: Columns
    totals: Columns
    sizes: I64
    of: I64

    def own(self, totals: I64) -> I64:
        """Return each row's own cell's number."""
        return totals[self.of]


@final
@dataclass(frozen=True, slots=True, eq=False)
class StepResult:
    """What a step does.

    Attributes:
        state, levels: int64[rows] of each field and outcome after it.
        growth, reached: float64[rows] and int64[rows] of each outcome: by how much its level grew, and what was held
            against the threshold.
        outcomes: bool[rows], or int64[rows] of a sum.
        anew: bool[rows] of each outcome that can begin anew.
    """

    state: Columns
    levels: Columns
    growth: Mapping[str, I64]
    reached: Columns
    outcomes: Mapping[str, Any]
    anew: Mapping[str, Any]


@final
@dataclass(frozen=True, slots=True, eq=False)
class GraphStep:
    """Steps of one model at one point.

    Attributes:
        graph: of the model.
        parameters: as `check_parameters` gives them.
    """

    graph: ModelGraph
    parameters: Mapping[str, Any]
    _nodes: dict[str, list[int]] = field(default_factory=dict, repr=False)

    def nodes(self, *parts: str) -> list[int]:
        """Return the nodes of some parts, in order."""
        key = " ".join(parts)
        if key not in self._nodes:
            self._nodes[key] = nodes_of(self.graph, *parts)
        return self._nodes[key]

    def messages(self, tape: Tape, inputs: Inputs) -> dict[str, I64]:
        """Return what each row tells on each channel."""
        tape.extend(self.nodes("messages"), inputs)
        n = inputs.source.agents.size
        return {name: tape.column(root, n) for name, root in self.graph.messages.items()}

    def advance(
        self,
        tape: Tape,
        inputs: Inputs,
        levels: Columns,
        around: Surroundings,
        forced: Forced = NOTHING,
    ) -> StepResult:
        """Move rows on by one step; `inputs` has their state and their random words."""
        graph, n = self.graph, inputs.source.agents.size
        tape.extend(self.nodes(*SPEAKS), inputs)
        growth = {name: self._growth(tape, name, around, n) for name in graph.outcomes}
        reached = {name: levels[name] + growth[name] if graph.outcomes[name].keep else growth[name] for name in growth}
        outcomes = {
            name: level > tape.column(graph.thresholds[name], n) if name in graph.thresholds else level
            for name, level in reached.items()
        }
        own = {name: around.own(total) for name, total in around.totals.items()}
        nothing = np.zeros(n, dtype=np.int64)
        nowhere = {name: nothing for name, channel in graph.channels.items() if channel.cell}
        sizes = dict.fromkeys(nowhere, around.own(around.sizes) if around.totals else nothing)
        heard = dataclasses.replace(inputs, outcomes=outcomes, cells=nowhere | own, sizes=sizes)
        tape.extend(self.nodes(*MOVES), heard, forced)
        state = {name: tape.column(root, n) for name, root in graph.update.items()}
        anew = {name: tape.column(root, n) == 1 for name, root in graph.restarts.items()}
        after = {name: np.where(anew[name], 0, level) if name in anew else level for name, level in reached.items()}
        return StepResult({**inputs.state, **state}, after, growth, reached, outcomes, anew)

    def _growth(self, tape: Tape, name: str, around: Surroundings, n: int) -> I64:
        """Return by how much an outcome's level grows."""
        total = np.zeros(n, dtype=np.int64)
        for channel, factor in self.graph.outcomes[name].coefficients.items():
            value = int(self.parameters[factor]) if isinstance(factor, str) else factor
            if not self.graph.channels[channel].cell:
                total += around.exposures[channel] * value
            elif channel in around.totals:
                total += around.own(pressure(around.totals[channel], around.sizes, value))
        weight = self.graph.weights.get(name)
        return total if weight is None else total * tape.column(weight, n)
