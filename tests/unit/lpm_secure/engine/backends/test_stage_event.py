"""The agents to whom nothing happens in a step are told by one condition, which vector instructions compute."""

import numpy as np
import pytest

import lpm_secure.models as lpm
from lpm_secure.engine.backends.folding import fold
from lpm_secure.engine.backends.stage_event import event_of
from lpm_secure.models.tracer import trace

FIELDS = {"stage": "s[k]", "timer": "t[k]"}
RANGES = {"stage": (0, 1), "timer": (0, 200)}


class Waiting(lpm.Model):
    """A model whose agents count down and then change sides."""

    stage = lpm.stage("A", "B")
    timer = lpm.field(0, 200)

    def begin(self, me, draw):
        return me.set(stage="A", timer=draw.uniform(0, 200, "timer"))

    def update(self, me, heard, draw):
        due = me.timer == 0
        return me.set(
            stage=lpm.where(due & (me.stage == "A"), "B", me.stage),
            timer=lpm.where(due, self.rest(draw), lpm.clip(me.timer - 1, 0, 200)),
        )

    def rest(self, draw):
        return draw.uniform(1, 100, "rest")


class Dicing(Waiting):
    """A model in which something may happen to anybody in each step."""

    def update(self, me, heard, draw):
        return me.set(timer=self.rest(draw))


def event(model, stage, still=frozenset({"stage"})):
    return event_of(fold(trace(model).graph, {"stage": stage}), {"stage": stage}, FIELDS, RANGES, still)


@pytest.mark.parametrize("stage", [0, 1])
def test_only_those_whose_timer_ends_are_looked_at_and_the_others_count_down(stage):
    found = event(Waiting, stage)
    for timer in range(201):
        seen = {"np": np, "s": [stage], "t": [timer], "k": 0}
        happens = eval(found.condition, seen)
        assert bool(happens) == (timer == 0)
        if not happens:
            assert {name: eval(text, seen) for name, text in found.calm.items()} == {"timer": timer - 1}
    assert "int16" in found.condition
    assert "int64" not in str(found)


def test_there_is_none_where_anything_may_happen_to_all_or_what_must_stay_changes():
    assert event(Dicing, 0) is None
    assert event(Waiting, 0, still=frozenset({"stage", "timer"})) is None
