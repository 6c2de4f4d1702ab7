"""What a model's report says of its derivatives."""

from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.work import LabourMarket
from lpm_secure.models.report import sections
from lpm_secure.models.tracer import trace


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
