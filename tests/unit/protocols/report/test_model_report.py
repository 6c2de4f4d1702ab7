"""What a model's report says of its derivatives."""

import lpm_secure as lpm
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.work import LabourMarket
from lpm_secure.models.tracer import trace
from protocols.report.model_report import parameters_in_words, sections


def scores(model):
    (section,) = (each for each in sections(trace(model).graph) if each.title == "What has a score")
    return {name: (clear, private) for name, clear, private in section.rows}


def test_each_parameter_has_a_score_or_a_reason():
    work = scores(LabourMarket)
    assert {name for name, (_, private) in work.items() if private == "yes"} == {
        *("dismissal", "hiring", "layoff", "recall", "spending", "spending_idle", "unemployment")
    }
    assert work["price"] == ("acts through a comparison (less_equal)",) * 2
    assert scores(SeirModel)["contact_rate"] == ("yes", "in mode sum")
    assert scores(SeirModel)["latent_law"] == ("yes", "yes")
    assert scores(SeirModel)["scale.infection"] == ("by each parameter", "in mode outcome")
    assert not any(name.startswith("scale.") for name in work)


class Levied(lpm.Model):
    """Who works pays a levy, of which everybody hears."""

    job = lpm.stage("OUT", "AT_WORK")
    levy = lpm.parameter(3, bounds=(0, 9))
    works = lpm.parameter(0.5, unit=lpm.PROBABILITY)
    paid = lpm.observable(0, 9)
    fund = lpm.public(0, 100)

    def begin(self, me, draw):
        return me.set(job="OUT")

    def totals(self, me):
        return {self.paid: lpm.where(me.job == "AT_WORK", self.levy, 0)}

    def update(self, me, heard, draw):
        return me.set(job=lpm.where(draw.happens(self.works, "works") & (heard[self.fund] < 50), "AT_WORK", "OUT"))


def test_a_number_that_an_environment_may_react_to_has_a_score_on_a_schedule_alone():
    levied = scores(Levied)
    assert levied["works"] == ("yes", "yes")
    schedule = (
        "where public numbers are a schedule's; else it acts through a comparison (an environment that hears paid)"
    )
    assert levied["levy"] == (schedule, "moves no law that anything is drawn by")


def test_parameters_are_told_in_their_authors_units():
    model = graph_model_of("seir", {"contact_rate": 0.25, "initial": 0.5})
    rows = {name: (value, unit) for name, value, unit in parameters_in_words(model.graph, model.parameters)}
    assert rows["contact_rate"] == ("0.25", "a hazard per step and unit of exposure")
    assert rows["initial"] == ("50 %", "a probability")
    laws = [value for value, unit in rows.values() if unit.startswith("steps until")]
    assert laws
    assert all(" on average, from 1 to " in each for each in laws)
    half = {name: (value, unit) for name, value, unit in parameters_in_words(model.graph, model.parameters, dt=0.5)}
    assert half["contact_rate"] == ("0.25", "a hazard per step and unit of exposure")
    daily = parameters_in_words(model.graph, model.parameters, dt=1.0)
    assert ("contact_rate", "0.25", "a hazard per day and unit of exposure") in daily
    assert half["latent_law"][1] == "days until it happens, drawn for each agent"
    staged = graph_model_of("staged", {})
    assert len(parameters_in_words(staged.graph, staged.parameters)) == len(staged.parameters)
