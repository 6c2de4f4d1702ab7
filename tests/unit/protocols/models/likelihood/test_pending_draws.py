"""What a field holds of a draw matters later, but not where it says in which cell an agent is: others hear of it."""

import lpm_secure.models as lpm
from lpm_secure.models.tracer import trace
from protocols.models.likelihood.pending_draws import PendingDraws


class Travellers(lpm.Model):
    """A stay and a place are both drawn by laws of days."""

    at = lpm.cell("NOWHERE", "NORTH", "SOUTH")
    stay = lpm.field(0, 2)
    law = lpm.parameter((2**31, 2**31), unit=lpm.LAW)
    seen = lpm.cell_message(most=1)

    def begin(self, me, draw):
        return me.set(at=draw.days(self.law, "at"), stay=draw.days(self.law, "stay"))

    def says(self, me):
        return {self.seen: 1}

    def update(self, me, heard, draw):
        return me.set(at=draw.days(self.law, "again"), stay=me.stay)


def test_a_draw_that_says_in_which_cell_an_agent_is_matters_at_once():
    assert PendingDraws(trace(Travellers).graph, frozenset()).holders == {"stay"}
