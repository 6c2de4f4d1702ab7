"""The table `[model]` as the graph that a manifest carries."""

import msgspec
import pytest

from lpm_secure.config.model import ModelConfig, model_of
from protocols.models.graph.agents import GraphModel

DELAY = {"mean": 3.0, "sd": 1.0}
TABLE = {"beta": {"near": 0.1}, "latent": DELAY, "infectious": DELAY, "initial": 0.01}
MORE = {"waning": DELAY, "doses": {"coverage": 0.5, "efficacy": 0.5}}


def table(*names):
    return msgspec.convert(TABLE | {name: MORE[name] for name in names}, ModelConfig)


@pytest.mark.parametrize("way", [None, "score", "tangents", "adjoints"])
def test_every_run_of_a_table_is_of_its_graph(way):
    model = model_of(table(*MORE), {}, dt=1.0, way=way)
    assert isinstance(model, GraphModel)
    assert {"waning_law", "coverage"} <= set(model.parameters)
    assert ("since" in model.graph.fields) is (way != "score")
