"""Which thresholds have no memory is read off the graph, bit by bit."""

import pytest

from lpm_secure.engine.bitslice.nodes.memoryless import memoryless_outcomes
from lpm_secure.models.library.onset import WaningLineList
from lpm_secure.models.library.opinion import Opinion
from lpm_secure.models.library.pandemic_work import PandemicWork
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.strains import Strains
from tests.lane_worlds import lane_model, world


class Halved(SeirModel):
    """Thresholds are half of an exponential draw."""

    def clock(self, me, draw, spell=None):
        return super().clock(me, draw, spell) >> 1


class Anxious(SeirModel):
    """What is told depends on the threshold."""

    def says(self, me):
        return {self.contact: (me.stage == "I") & (me.tau > 7), self.mixing: me.stage == "I"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (SeirModel, {"infection": 32}),
        (Strains, {"infection_a": 32, "infection_b": 32}),
        (WaningLineList, {"infection": 32}),  # drawn anew, and divided by a susceptibility that is one for all
        (PandemicWork, {"infection": 40}),
        (Opinion, {}),
        (Halved, {}),
        (Anxious, {}),
    ],
)
def test_an_outcome_has_no_memory_where_its_threshold_is_an_exponential_draw_that_nothing_else_reads(kind, expected):
    assert dict(memoryless_outcomes(lane_model(world(kind, n=60), 5).bound)) == expected
