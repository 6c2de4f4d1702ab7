"""Stays without a memory: their chains are those of laws that have none, and are as small as compartments."""

import numpy as np
import pytest

import lpm_secure as lpm
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.models.tracer import trace
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.errors import ModelError
from protocols.models.chain.chain import chain_of
from protocols.models.chain.chain_parameters import chain_parameters
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.score_parameters import entries_of
from tests.unit.protocols.models.chain.test_chain import followed, growth_of

HALVES = (*(2 ** (31 - day) for day in range(31)), 2)  # a stay ends each day, or not, as likely as not
STEPS = 25


class Guest(lpm.Model):
    """Comes back some days after it was invited, and whispers on the last two."""

    place = lpm.stage("HOME", "AWAY")
    left = lpm.field(0, 2**10)
    planned = lpm.field(0, 2**10)
    patience = lpm.field(0, 37 << 24)
    rate = lpm.parameter(0.5, unit=lpm.rate(14))
    journey = lpm.parameter(HALVES, unit=lpm.LAW, days=64)
    talk = lpm.message(most=1)
    infection = lpm.outcome({talk: rate}, above=patience, threshold="restart")
    whispers = lpm.observable(0, 1)

    def begin(self, me, draw):
        away = draw.days(self.journey, "journey")
        return me.set(place="HOME", left=away, planned=away, patience=draw.exponential(24, "patience"))

    def says(self, me):
        return {self.talk: (me.place == "AWAY") & (me.left <= 2)}

    def totals(self, me):
        return {self.whispers: (me.place == "AWAY") & (me.left <= 2)}

    def update(self, me, heard, draw):
        goes = (me.place == "HOME") & heard[self.infection]
        away = draw.days(self.journey, "journey again")
        back = (me.place == "AWAY") & (me.left - 1 < 1)
        me = me.set(
            place=lpm.where(goes, "AWAY", lpm.where(back, "HOME", me.place)),
            left=lpm.where(goes, away, lpm.maximum(me.left - 1, 1)),
            planned=lpm.where(goes, away, me.planned),
            patience=lpm.where(back, draw.exponential(24, "patience again"), me.patience),
        )
        return me.restart(self.infection, back)


class Counted(Guest):
    """Says how many days are left."""

    talk = lpm.message(most=2**10)
    infection = lpm.outcome({talk: Guest.rate}, above=Guest.patience, threshold="restart")

    def says(self, me):
        return {self.talk: me.left}


def model_of(source):
    if not isinstance(source, str):
        traced = trace(source)
        return GraphModel(traced.graph, dict(traced.parameters))
    model = graph_model_of(source, {"initial": 0.1})
    laws = {name: HALVES for name in ("latent_law", "infectious_law", "waning_law") if name in model.parameters}
    return GraphModel(model.graph, {**model.parameters, **laws})


def own_chain(model, *, geometric, names=(), steps=STEPS):
    least = {name: field.low for name, field in model.graph.fields.items()}
    entries = entries_of(model, names)
    return chain_of(model, entries, least, dict.fromkeys(least, False), steps=steps, geometric=geometric)


def totals(chain, model):
    """Return what an agent is expected to count for by step, and derivatives, float64[T + 1, q, 1 + p]."""
    nothing = [[0.0]] * len(chain.weight.tangent)
    heard = {name: np.array([[float(each)], *nothing]) for name, each in growth_of(model).items()}
    return np.array(list(followed(chain, heard, STEPS + 1)))


@pytest.mark.parametrize(("source", "states"), [("seir", 4), ("seirs", 4), ("strains", 6), (Guest, None)])
def test_stays_without_a_memory_are_those_of_a_law_that_has_none(source, states):
    model = model_of(source)
    chains = [own_chain(model, geometric=geometric) for geometric in (True, False)]
    found, expected = (totals(chain, model) for chain in chains)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)
    assert np.ptp(found[:, 0, 0]) > 0.1
    assert states is None or len(chains[0].states) == states < len(chains[1].states)
    assert len(chains[0].states) == len(own_chain(model, geometric=True, steps=2 * STEPS).states)


@pytest.mark.parametrize("name", ["latent_law", "infectious_law", "waning_law"])
def test_they_move_with_the_means_of_their_laws(name):
    model, width = model_of("seirs"), 2**22
    found = totals(own_chain(model, geometric=True, names=(name,)), model)[..., 1]
    ends = []
    for sign in (1, -1):
        law = (HALVES[0] - sign * width, HALVES[1] + sign * width, *HALVES[2:])
        moved = GraphModel(model.graph, {**model.parameters, name: law})
        ends.append(totals(own_chain(moved, geometric=True), moved)[..., 0])
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / (2 * width / LAW_TOTAL), rtol=1e-4, atol=1e-6)
    assert np.abs(found).max() > 0.01


def test_a_law_of_one_length_has_a_mean_too():
    model = model_of("seir")
    model = GraphModel(model.graph, {**model.parameters, "latent_law": (0, 0, LAW_TOTAL)})
    assert "latent_law" in chain_parameters(model, geometric=True).known
    assert "latent_law" not in chain_parameters(model).known
    ends = own_chain(model, geometric=True).weight.value
    assert np.isclose(ends, 1 / 3).any()


def test_a_model_that_makes_a_number_of_a_stay_is_refused_in_one_line():
    assert own_chain(model_of(Counted), geometric=False).states
    with pytest.raises(ModelError, match='take stays = "exact"') as caught:
        own_chain(model_of(Counted), geometric=True)
    assert "\n" not in str(caught.value)
