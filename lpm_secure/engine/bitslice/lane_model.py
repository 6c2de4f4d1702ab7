"""A model, its people and their meetings, where many of its runs can be computed at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

from lpm_secure.engine.bitslice.meetings import MeetingArrays
from lpm_secure.engine.bitslice.nodes.binding import BoundModel, bind
from lpm_secure.engine.bitslice.nodes.plan import LanePlan, plan_lanes
from lpm_secure.engine.bitslice.nodes.suitability import obstacle
from lpm_secure.engine.bitslice.words.vectors import BITS
from lpm_secure.engine.venues.channels import VenueChannels
from protocols.arithmetic.fixed_point import I64
from protocols.models.graph import ModelGraph
from protocols.models.graph.bounds import growth_bound, prove_levels
from protocols.models.graph.inputs import check_columns, check_parameters

NOTHING: Final[Mapping[str, Any]] = {}


class EnsembleObstacle(Exception):
    """Runs of a model have to be computed one by one; the message says why. It is no error: they are, then."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class LaneModel:
    """What lanes have in common.

    Attributes:
        bound: the model.
        plan: of its step.
        meetings: of its agents.
        parameters: checked.
        columns: int64[n] of each private column.
        n: agents.
        steps: that a run has at most; for more, fields have no room.
    """

    bound: BoundModel
    plan: LanePlan
    meetings: MeetingArrays
    parameters: Mapping[str, Any]
    columns: Mapping[str, I64] = field(repr=False)
    n: int
    steps: int

    @classmethod
    def of(
        cls,
        graph: ModelGraph,
        parameters: Mapping[str, int | tuple[int, ...]],
        channels: VenueChannels,
        *,
        columns: Mapping[str, Any] = NOTHING,
        steps: int,
    ) -> "LaneModel":
        """Bind a model.

        Args:
            graph: of the model, checked and proved.
            parameters: an integer of each, or a law's weights.
            channels: where each of the model's channels meets.
            columns: whole numbers [n] of each private column.
            steps: that a run has at most.

        Raises:
            DataError: a column is missing or out of its range.
            ParameterError: a parameter is missing or out of its range, or a channel meets nowhere.
            EnsembleObstacle: its runs have to be computed one by one.
            WouldWrap: an outcome's level could leave its proved range.
        """
        n, degree = channels.venues.n, channels.degree_of(graph)
        checked, private = check_parameters(graph, parameters), check_columns(graph, columns, n)
        prove_levels(graph, degree=degree, steps=steps, parameters=checked, saturate=True)
        meetings = MeetingArrays(channels, graph, checked)
        settings = range(len(channels.venues.settings))
        people = max((int(channels.venues.mixing(each).max(initial=0)) for each in settings), default=0)
        sums = (growth_bound(graph, name, degree=degree, parameters=checked) for name in graph.outcomes)
        bound = bind(graph, checked, private, people=people, level=max(sums, default=0), steps=steps)
        reason = obstacle(bound, channels)
        if reason is not None:
            raise EnsembleObstacle(reason)
        return cls(bound, plan_lanes(bound, meetings.meetings), meetings, checked, private, n, steps)

    def memory(self, lanes: int) -> int:
        """Return how many bytes so many lanes take, of agents and of sums in venues."""
        words = self.n * (self.plan.planes + 2 * len(self.plan.channels))
        for link, term in self.plan.meetings.links.items():
            words += self.meetings.venues[link] * term.digits * (2 if term.scale else 1)
        return words * elements_of(lanes) * BITS // 8


def elements_of(lanes: int) -> int:
    """Return how many elements of 64 lanes a word has: a power of 2."""
    return 1 << (-(-lanes // BITS) - 1).bit_length()
