"""What a compiled step holds of each agent."""

import lpm_secure.models as lpm
from lpm_secure.engine.backends.step_plan import plan_of
from lpm_secure.models.tracer import trace


class Sides(lpm.Model):
    """A model whose agents are drawn on one of two sides, and stay there."""

    side = lpm.stage("LEFT", "RIGHT")
    patience = lpm.field(1, 9)
    age = lpm.field(0, 99)

    def begin(self, me, draw):
        return me.set(side=draw.uniform(0, 2, "side"), patience=draw.uniform(1, 10, "patience"), age=0)

    def update(self, me, heard, draw):
        older = lpm.where(draw.happens(2**30, "older"), me.patience, 0)
        return me.set(age=lpm.clip(me.age + lpm.where(me.side == "LEFT", older, 1), 0, 99))


def test_a_stage_that_never_changes_is_held_and_another_number_is_drawn_again():
    assert set(plan_of(trace(Sides).graph, {}).stored) == {"side", "age"}
