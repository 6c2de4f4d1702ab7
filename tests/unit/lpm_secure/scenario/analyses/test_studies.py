"""Sensitivities of a simulation are those of its model, parameters and people."""

import pytest

import lpm_secure as lpm
from lpm_secure.monitor.runs import card_of
from protocols.errors import ParameterError
from tests.unit.lpm_secure.scenario.conftest import Rumour


def test_a_sensitivity_is_of_a_class_of_a_notebook():
    office = lpm.Simulation(model=Rumour, people="look_alike", steps=2, parameters={"start": 0.2})
    rows = lpm.sensitivity(office, parameters="start", outputs="AWARE", progress=False).to_arrow().to_pylist()
    assert [row["parameter"] for row in rows] == ["start"]
    assert rows[0]["output"].startswith("AWARE")
    assert rows[0]["at"] == pytest.approx(0.2)
    assert rows[0]["derivative"] > 0


def test_what_has_no_sensitivity_is_one_line():
    for source, message in ((3, "give a Simulation"), ("seirr", "there is no model")):
        with pytest.raises(ParameterError, match=message):
            lpm.sensitivity(source)


def test_a_folder_that_is_no_run_is_one_line(tmp_path):
    with pytest.raises(ParameterError, match=r"has no index\.json"):
        lpm.audit(tmp_path)
    with pytest.raises(ParameterError, match="cannot read"):
        lpm.calibrate(tmp_path / "gone.toml")


def test_a_verification_is_of_each_problem_and_plain(tmp_path):
    asked = {"parameters": "start", "outputs": "YES", "steps": 2}
    ((verification, missing),) = lpm.verify_gradients("opinion", **asked, progress=False, journal=tmp_path / "x")
    assert {row["parameter"] for row in verification.rows()} == {"start"}
    assert all(isinstance(why, str) for why in missing.values())
    card = card_of("x", tmp_path / "x")
    assert (card.state, card.unit) == ("ended", "run")
