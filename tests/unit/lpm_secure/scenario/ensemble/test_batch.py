"""Seeds of a city at once: who asks is told which way was taken, and gets the same columns."""

import json
import logging

import numpy as np
import pytest
from typer.testing import CliRunner

import lpm_secure as lpm
from lpm_secure.cli.main import app
from lpm_secure.monitor.runs import cards
from lpm_secure.scenario.ensemble import batch
from protocols.errors import ParameterError

CITY = {
    "model": "lpm_secure.models.library.seir:SeirModel",
    "population": "look_alike",
    "agents": 2_000,
    "channels": {"contact": "household", "mixing": "school"},
    "parameters": {"contact_rate": 0.3, "initial": 0.05},
    "steps": 8,
}


@pytest.fixture(scope="module")
def city():
    return lpm.Simulation(**CITY)


def test_a_batch_has_the_columns_of_single_runs_and_says_what_it_is(city, tmp_path):
    many, single = city.run(seeds=[5, 9, 11], ensemble="batched"), city.run(seeds=2, workers=1)
    assert (many.ensemble, single.ensemble) == ("batched", "exact")
    assert many.seeds == (5, 9, 11)
    assert many.table.column_names == single.table.column_names
    assert many.hashes == ()
    assert (sum(many.values(name) for name in ("S", "E", "I", "R")) == 2_000).all()
    assert lpm.open_result(many.save(tmp_path / "many")).ensemble == "batched"
    assert city.run(seeds=[5, 9, 11], ensemble="batched").table.equals(many.table)


def test_runs_at_once_say_so_wherever_they_are_shown(city, tmp_path):
    one, other = (city.with_({"parameters.initial": value}).run(seeds=3, ensemble="batched") for value in (0.05, 0.1))
    assert "batched" in one._repr_html_()
    both = lpm.ScenarioComparison({"few": one, "many": other})
    folder = both.save(tmp_path / "both")
    for text in ((folder / "report.html").read_text(), both._repr_html_(), "\n".join(both.summary().lines)):
        assert "batched, with draws of its own: few, many" in text
    assert json.loads((folder / "compare.json").read_text())["ensemble"] == {"few": "batched", "many": "batched"}


def test_runs_at_once_do_not_take_the_folder_of_the_same_seeds_one_by_one(tmp_path):
    (tmp_path / "city.toml").write_text(
        'name = "city"\ndays = 3\nseed = 1\nmodel = "lpm_secure.models.library.seir:SeirModel"\n'
        'channels = { contact = [{ setting = "household" }], mixing = [{ setting = "school" }] }\n'
        '[population]\nagents = 500\nkind = "look_alike"\nseed = 1\n'
    )
    for way in ("exact", "batched"):
        given = ["run", str(tmp_path / "city.toml"), "--seeds", "2", "--ensemble", way, "--out", str(tmp_path / "runs")]
        done = CliRunner().invoke(app, given)
        assert done.exit_code == 0, done.output
    found = [lpm.open_result(each.folder).ensemble for each in lpm.list_runs(tmp_path / "runs")]
    assert sorted(found) == ["batched", "exact"]
    shown = cards(tmp_path / "runs")  # as a page has them, from their journals
    assert [(card.kind, card.state, card.step, card.total) for card in shown] == [("ensemble", "ended", 2, 2)] * 2


def test_fewer_seeds_go_at_once_where_they_would_not_fit_into_memory(city, monkeypatch):
    monkeypatch.setattr(batch, "MEMORY", 400_000)
    widths = []
    single = batch.LaneAgents
    monkeypatch.setattr(
        batch, "LaneAgents", lambda *given, **more: widths.append(more["lanes"]) or single(*given, **more)
    )
    result = city.run(seeds=70, ensemble="batched")
    assert widths == [64, 6]
    courses = np.concatenate([result.values(name) for name in ("S", "E", "I")], axis=1)
    assert len(np.unique(courses, axis=0)) == 70  # of the last six none is one of the first


def test_where_it_cannot_be_a_notice_says_why_and_seeds_have_their_own_bits(rumour, result, caplog):
    caplog.set_level(logging.WARNING, logger="lpm")
    exact = rumour.run(seeds=3, ensemble="batched")
    assert exact.ensemble == "exact"
    assert exact.table.equals(result.table)
    assert any("computed one by one: its agents are private ones" in record.message for record in caplog.records)


def test_numbers_of_an_environment_are_each_runs_own():
    city = lpm.load("examples/offices.toml").with_({"population.agents": 2_000})
    asked = city.with_({"model": "tests.unit.lpm_secure.scenario.ensemble.test_batch:Offices", "columns": {}})
    result = asked.run(seeds=4, ensemble="batched")
    assert result.ensemble == "batched"
    assert result.values("public_closed")[:, [9, 10, 20]].tolist() == [[0, 1, 0]] * 4
    assert (result.values("HOME")[:, 19] > result.values("HOME")[:, 9]).all()


@pytest.mark.parametrize("given", [{"ensemble": "quick"}, {"ensemble": "batched", "private": True}])
def test_another_word_and_private_runs_are_refused(rumour, given):
    with pytest.raises(ParameterError, match="ensemble is"):
        rumour.run(seeds=2, **given)


class Offices(lpm.Model):
    """Who works at home, because colleagues do or offices are closed."""

    work = lpm.stage("OFFICE", "HOME")
    age = lpm.private(0, 120)
    start = lpm.parameter(0.2, unit=lpm.PROBABILITY)
    attention = lpm.parameter(0.3, unit=lpm.PROBABILITY)
    closed = lpm.public(0, 1)
    colleagues, family = lpm.message(most=1), lpm.message(most=1)
    enough = lpm.outcome({colleagues: 1, family: 25}, keep=False)

    def begin(self, me, draw):
        return me.set(work=lpm.where(draw.happens(self.start, "start"), "HOME", "OFFICE"))

    def says(self, me):
        home = me.work == "HOME"
        return {self.colleagues: home, self.family: home}

    def threshold(self, me):
        return {self.enough: me.age}

    def update(self, me, heard, draw):
        home = lpm.where(heard[self.enough] | (heard[self.closed] == 1), "HOME", "OFFICE")
        thinks = (me.age >= 18) & draw.happens(self.attention, "attention")
        return me.set(work=lpm.where(thinks, home, me.work))
