"""Branches inside branches become a loop that Python can read, however many there are."""

import lpm_secure.models as lpm
from lpm_secure.engine.backends.placement import DEEPEST, place
from lpm_secure.engine.backends.source import source_of
from lpm_secure.models.tracer import trace


class Nested(lpm.Model):
    """A choice in a choice in a choice, each with a draw of its own."""

    x = lpm.field(0, 200)

    def begin(self, me, draw):
        return me.set(x=0)

    def update(self, me, heard, draw):
        value = me.x
        for i in range(120):
            value = lpm.where(me.x > i, draw.uniform(0, 2, f"draw{i}"), value + 0)
        return me.set(x=value)


def test_the_depth_of_branches_is_bounded_and_the_loop_can_be_read():
    graph = trace(Nested).graph
    placement = place(graph, [graph.update["x"]])
    assert max(map(len, placement.blocks)) == DEEPEST
    assert sorted(number for block in placement.blocks.values() for number in block) == sorted(placement.block)
    compile(source_of(graph, ("update",)).text, "loop", "exec")
