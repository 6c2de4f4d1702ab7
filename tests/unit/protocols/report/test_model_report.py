"""What a model's report says of its derivatives."""

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


def test_parameters_are_told_in_their_authors_units():
    model = graph_model_of("seir", {"contact_rate": 0.25, "initial": 0.5})
    rows = {name: (value, unit) for name, value, unit in parameters_in_words(model.graph, model.parameters)}
    assert rows["contact_rate"] == ("0.25", "a hazard per step and unit of exposure")
    assert rows["initial"] == ("0.5", "a probability")
    laws = [value for value, unit in rows.values() if unit.startswith("steps until")]
    assert laws
    assert all(value.endswith(" on average") for value in laws)
    staged = graph_model_of("staged", {})
    assert len(parameters_in_words(staged.graph, staged.parameters)) == len(staged.parameters)
