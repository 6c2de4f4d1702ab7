"""Common factors of levels: of which outcomes there is a score by one, and that it is that of the level's parameter."""

import numpy as np
import pytest

import lpm_secure as lpm
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.model_agents import ContactMatrices, ModelAgents
from lpm_secure.models.library.banks import Banks
from lpm_secure.models.library.doses import LeakyVaccination
from lpm_secure.models.library.opinion import Opinion
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.library.strains import Strains
from lpm_secure.models.tracer import trace
from protocols.models.agent_model import AgentSource
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.stages import first_stages
from protocols.models.likelihood.factors.integer_score import UNIT
from protocols.models.likelihood.factors.level_factors import factor_titles
from protocols.models.likelihood.graph_score import GraphScore

N, STEPS = 60, 6


class Visits(lpm.Model):
    """Whoever is called may go, and hears of calls no more; who has gone may come back, if `returns`."""

    returns = False

    place = lpm.stage("HOME", "AWAY")
    tau = lpm.field(0, 37 << 20)
    pull = lpm.parameter(0.03125, unit=lpm.rate(20))
    goes = lpm.parameter(0.5, unit=lpm.PROBABILITY)
    call = lpm.message(most=1)
    called = lpm.outcome({call: pull}, above=tau)

    def begin(self, me, draw):
        return me.set(place="HOME", tau=draw.exponential(20, "tau"))

    def says(self, me):
        return {self.call: 1}

    def update(self, me, heard, draw):
        goes = (me.place == "HOME") & heard[self.called] & draw.happens(self.goes, "goes")
        back = "HOME" if self.returns else "AWAY"
        return me.set(place=lpm.where(goes, "AWAY", lpm.where(me.place == "AWAY", back, "HOME")))


class Returns(Visits):
    """The same, of those that come back."""

    returns = True


class Listens(Visits):
    """The same, of those that note calls wherever they are."""

    noted = lpm.field(0, 1)

    def begin(self, me, draw):
        return super().begin(me, draw).set(noted=0)

    def update(self, me, heard, draw):
        return super().update(me, heard, draw).set(noted=lpm.where(heard[self.called], 1, me.noted))


def model_of(author, **given):
    traced = trace(author)
    return GraphModel(traced.graph, traced.parameters | given)


@pytest.mark.parametrize(
    ("author", "reason"),
    [
        (SeirModel, ""),
        (Strains, ""),
        (Visits, ""),
        (Returns, "in more than a stage"),
        (Listens, "in more than a stage"),
        (Seirs, "may begin anew"),
        (LeakyVaccination, "private weights"),
        (Opinion, "no bit of a level above a field drawn exponential"),
        (Banks, "no bit of a level above a field drawn exponential"),
    ],
)
def test_a_level_has_a_factor_where_its_agents_are_followed_by_what_they_know(author, reason):
    titles = factor_titles(model_of(author))
    assert titles
    assert all(bool(found) == bool(reason) and reason in found for found in titles.values())


def test_a_coefficient_that_would_be_lost_on_shares_is_refused():
    assert "below 2**-15" in factor_titles(model_of(SeirModel, contact_rate=2**16))["scale.infection"]
    assert not factor_titles(model_of(SeirModel, contact_rate=0))["scale.infection"]


def test_an_outcome_is_looked_at_in_the_first_stage_alone():
    assert first_stages(trace(Strains).graph) == {"infection_a": "stage", "infection_b": "stage"}
    assert not first_stages(trace(Listens).graph)
    assert not first_stages(trace(Returns).graph)


def course(model, names):
    """Yield the score of a ring of agents after each step."""
    numbers, a = np.arange(N, dtype=np.uint64), np.arange(N)
    table = ContactTable(0 * a, a, (a + 1) % N, 0 * a, 1 + a % 3)
    agents = ModelAgents(
        NumpyBackend(model.graph),
        model.parameters,
        agents=numbers,
        key=(5, 0),
        contacts=ContactMatrices(table, model.graph.channels, n=N, period=1),
        steps=STEPS,
    )
    score = GraphScore(model, Gradient(way="score", parameters=names, clip=2.0**20), AgentSource(numbers, (5, 0)), {})
    agents.observer = score
    for _ in range(STEPS):
        agents.update()
        yield agents, score


@pytest.mark.parametrize(
    ("author", "rate", "factor"),
    [(SeirModel, "contact_rate", "scale.infection"), (Visits, "pull", "scale.called")],
)
def test_the_score_by_a_factor_is_that_of_the_parameter_times_its_value(author, rate, factor):
    model = model_of(author, **({"goes": 2**32} if author is Visits else {}))  # so that each crossing matters
    bits = model.graph.parameters[rate].bits
    *_, (_, score) = course(model, (factor, rate))
    by_factor, by_rate, check = score.encode()
    expected = by_rate * 2.0**-24 * int(model.parameters[rate]) * 2.0**-bits
    assert by_factor / UNIT == pytest.approx(expected, rel=2e-3)
    assert by_factor != 0
    assert check == 0


def test_an_agent_is_followed_until_it_crosses_and_no_longer():
    crossings = np.zeros(N, dtype=np.int64)
    state = {}
    for agents, score in course(model_of(Visits, goes=2**30), ("scale.called",)):
        z, escaped, crossed = score.hazards[:, :, 0]
        assert not (escaped & crossed).any()
        assert not escaped[crossings > 0].any()
        assert (z > 0).all()
        crossings += crossed
        state = agents.state
    assert crossings.max() == 1
    assert ((crossings > 0) & (state["place"] == 0)).any()  # the bit stays, and is no second crossing
