"""Forecasts are evaluated, followed and asked for from a program as by commands; what they are is tested elsewhere."""

import asyncio

import pytest

import lpm_secure as lpm
from protocols.errors import ParameterError
from tests.few_hospitals import FEW

EVALUATION = """
name = "few-evaluation"
calibration = "few.toml"
horizons = [1]
[origins]
tuning = [4, 5]
judged = [6, 7]
"""
TRAINING = """
[amortised]
rounds = 2
simulations = 4
first_period = 3
hidden = 4
embedding = 2
context = 2
check_rounds = 1
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "few.toml").write_text(FEW.replace("rounds = 8", "rounds = 2") + TRAINING)
    (tmp_path / "evaluation.toml").write_text(EVALUATION)
    return tmp_path


def test_they_are_asked_for_where_a_loop_runs_and_leave_what_commands_leave(folder):
    async def cell():
        given = {"out": folder / "runs", "progress": False}
        baselines = lpm.evaluate(folder / "evaluation.toml", half="tuning", model=False, **given)
        return baselines, lpm.amortise(folder / "few.toml", **given)

    baselines, conditional = asyncio.run(cell())
    assert set(baselines.to_arrow()["half"].to_pylist()) == {"tuning"}
    assert baselines.to_arrow("evaluation_summary").num_rows > 0
    assert len(baselines.plot().data) > 0
    assert conditional.names == ("amortised_posterior",)
    assert conditional.result.z.shape[0] == 1000
    for each, file in ((baselines, "evaluation.json"), (conditional, "calibration.json")):
        assert (each.folder / file).is_file()
        assert "<pre>" in each._repr_html_()


def test_what_they_do_not_take_is_one_line(folder):
    with pytest.raises(ParameterError, match="half is 'first'; give tuning or judged"):
        lpm.evaluate(folder / "evaluation.toml", half="first")
    with pytest.raises(ParameterError, match="got ahead = 0, refit_every = None; give 1 to 104 periods"):
        lpm.assimilate(folder / "few.toml", ahead=0)
    with pytest.raises(ParameterError, match="the fit reads 6 periods: ask for as many"):
        lpm.amortise(folder / "few.toml", periods=7, compare=True)
    with pytest.raises(ParameterError, match="transport is 'post'; give in-process"):
        lpm.calibrate(folder / "few.toml", transport="post")
