"""The table `[model]` of relaxed runs: what its holder knows of single agents is read, and refused with the reason."""

from pathlib import Path

import numpy as np
import pytest

from client_sdk.private.line_list import read_columns
from client_sdk.private.table import Table
from protocols.errors import DataError, ParameterError
from protocols.models.agent_model import UNKNOWN, AgentSource
from protocols.models.run_model import agent_model_of
from protocols.models.seir.agents import susceptibility

SOURCE = AgentSource(np.arange(2, dtype=np.uint64), (1, 2))


@pytest.fixture
def model(relaxed_seir):
    return agent_model_of(relaxed_seir())


@pytest.mark.parametrize("text", ["I", "2"])
def test_a_known_stage_is_refused_by_its_row_with_the_reason(model, text):
    columns = read_columns(Table(Path("people.csv"), {"stage": ["", text], "since": ["", "3"]}), model.columns)
    with pytest.raises(DataError, match=r"agent 2: stage is known, and derivatives of the table \[model\]") as caught:
        model.initial_state(SOURCE, columns)
    assert caught.value.row == 2


def test_where_nothing_is_known_there_is_no_state(model):
    columns = read_columns(Table(Path("people.csv"), {"stage": ["", ""], "since": ["", ""]}), model.columns)
    assert model.initial_state(SOURCE, columns) == model.draw_state(np.random.default_rng(1), 2) == {}


def test_a_susceptibility_that_is_not_known_is_one(model):
    assert susceptibility({"susceptibility": np.array([UNKNOWN, 2**15])}, 2).tolist() == [1.0, 0.5]
    for wrong in ([0, 1], [0.5, 1.0], [1]):
        with pytest.raises(DataError, match="susceptibility must be 2 positive numbers"):
            model.initial_state(SOURCE, {"susceptibility": np.array(wrong)})


@pytest.mark.parametrize("what", ["messages", "weights", "thresholds", "totals", "update"])
def test_what_is_of_single_agents_is_refused(model, what):
    with pytest.raises(ParameterError, match="single ones are of its graph"):
        getattr(model, what)({})
