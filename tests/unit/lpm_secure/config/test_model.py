"""The table `[model]` as the graph, or the relaxed dynamics, that a manifest carries."""

import msgspec
import pytest

from lpm_secure.config.model import ModelConfig, model_of
from protocols.errors import ConfigError
from protocols.models import Seir
from protocols.models.graph.agents import GraphModel

DELAY = {"mean": 3.0, "sd": 1.0}
TABLE = {"beta": {"near": 0.1}, "latent": DELAY, "infectious": DELAY, "initial": 0.01}
MORE = {"waning": DELAY, "doses": {"coverage": 0.5, "efficacy": 0.5}}


def table(*names):
    return msgspec.convert(TABLE | {name: MORE[name] for name in names}, ModelConfig)


@pytest.mark.parametrize("name", MORE)
@pytest.mark.parametrize("way", ["tangents", "adjoints"])
def test_relaxed_dynamics_of_a_table_refuse_what_they_do_not_know(name, way):
    assert isinstance(model_of(table(), {}, dt=1.0, way=way), Seir)
    with pytest.raises(ConfigError, match="know neither immunity that wanes nor private doses"):
        model_of(table(name), {}, dt=1.0, way=way)


@pytest.mark.parametrize("way", [None, "score"])
def test_scores_and_plain_runs_of_a_table_are_of_its_graph_with_both(way):
    model = model_of(table(*MORE), {}, dt=1.0, way=way)
    assert isinstance(model, GraphModel)
    assert {"waning_law", "coverage"} <= set(model.parameters)
    assert ("since" in model.graph.fields) is (way is None)
