"""What fields can be in a run follows from its parameters, and holds whatever is drawn."""

import lpm_secure.models as lpm
from lpm_secure.engine.backends.field_ranges import ranges_of
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models.graph.inputs import check_parameters


class Counters(lpm.Model):
    """A model of one number that stays, one that grows without end, and one that follows the second a step later."""

    stays = lpm.field(0, 1000)
    grows = lpm.field(0, 1000)
    follows = lpm.field(0, 1000)

    def begin(self, me, draw):
        return me.set(stays=draw.uniform(3, 7, "stays"), grows=7, follows=0)

    def update(self, me, heard, draw):
        return me.set(grows=lpm.clip(me.grows + 1, 0, 1000), follows=me.grows)


def ranges(model, **given):
    traced = trace(model)
    return ranges_of(traced.graph, check_parameters(traced.graph, {**traced.parameters, **given}))


def test_a_field_that_grows_is_as_declared_and_others_are_what_they_can_reach():
    assert ranges(Counters) == {"stays": (3, 6), "grows": (0, 1000), "follows": (0, 1000)}


def test_stays_are_no_longer_than_the_laws_of_the_run_and_zeros_behind_them_do_not_count():
    quarter = LAW_TOTAL // 4
    law = (quarter, quarter, 2 * quarter, 0, 0)
    found = ranges(SeirModel, latent_law=law[:3], infectious_law=law)
    assert (found["timer"], found["latent"], found["infectious"]) == ((0, 3), (1, 3), (1, 3))
    assert ranges(SeirModel)["timer"] == (0, 8)
