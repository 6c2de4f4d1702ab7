"""What one field of stages decides alone: proved by intervals, never claimed where a run shows otherwise."""

import numpy as np
import pytest

from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.model_agents import CellMixing, ModelAgents
from lpm_secure.models.library.doses import LeakyVaccination
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.library.strains import Strains
from lpm_secure.models.tracer import trace
from protocols.models.graph.stages import is_left_once, speakers

SHORT = (2**30,) * 4
ILL = 2


def graph_of(model):
    return trace(model).graph


@pytest.mark.parametrize(
    ("model", "expected"), [(SeirModel, (ILL,)), (Seirs, (ILL,)), (LeakyVaccination, (ILL,)), (Strains, ())]
)
def test_whose_message_a_stage_decides(model, expected):
    assert speakers(graph_of(model), "stage") == expected


@pytest.mark.parametrize(("model", "once"), [(SeirModel, True), (Strains, True), (Seirs, False)])
def test_the_first_stage_is_left_once_where_nothing_leads_back(model, once):
    assert is_left_once(graph_of(model), "stage") == once


@pytest.mark.parametrize("model", [SeirModel, Seirs, LeakyVaccination])
def test_a_run_shows_what_is_claimed(model):
    """In a drawn run, who is infectious and nobody else speaks; who left comes back only where that is not excluded."""
    traced, n = trace(model), 400
    laws = {name: SHORT for name, parameter in traced.graph.parameters.items() if parameter.unit == "law"}
    rates = {"contact_rate": 2**29, "cell_rate": 2**31, "initial": 2**30} | {"first": 1, "days": 3}
    given = traced.parameters | laws | {name: value for name, value in rates.items() if name in traced.parameters}
    cells = CellMixing(np.zeros(n, np.int64), np.array([n]))
    agents = ModelAgents(
        NumpyBackend(traced.graph), given, agents=np.arange(n, dtype=np.uint64), key=(1, 2), cells=cells
    )
    returned = 0
    for _ in range(30):
        before = agents.state["stage"].copy()
        assert agents.cell_totals()[next(iter(agents.cell_totals()))][0] == (before == ILL).sum()
        agents.update()
        returned += int(((before != 0) & (agents.state["stage"] == 0)).sum())
    assert (returned == 0) == is_left_once(traced.graph, "stage")
