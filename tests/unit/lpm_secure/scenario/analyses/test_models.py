"""A model is checked from a program as by a command."""

import pytest

import lpm_secure as lpm
from protocols.errors import ParameterError
from tests.unit.lpm_secure.scenario.conftest import Rumour


def test_a_class_of_a_notebook_is_checked_as_a_model_by_its_name_is():
    found = lpm.check_model(Rumour, agents=20, steps=2)
    assert found.passed
    assert found.figures["world"] == {"agents": 20, "steps": 2, "seed": 1}
    assert "relaxed runs" in found._repr_html_()
    assert lpm.check_model("opinion", agents=20, steps=2).result.differences == {}


def test_a_world_that_is_none_is_one_line():
    for wrong in ({"agents": 1}, {"steps": 0}, {"seed": -1}):
        with pytest.raises(ParameterError, match="give 2, 1 and 0, or more"):
            lpm.check_model(Rumour, **wrong)
