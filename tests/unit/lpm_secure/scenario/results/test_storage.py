"""Results are read again as they were, and listed."""

import json

import pytest

import lpm_secure as lpm
from lpm_secure.city.job import simulate_city
from protocols.errors import ParameterError


def test_a_result_is_read_again_as_it_was(result, tmp_path):
    again = lpm.open_result(result.save(tmp_path / "a"))
    assert again.table.equals(result.table)
    assert again.parameters == result.parameters != ()
    assert (again.name, again.stages, again.seeds, again.config) == (
        result.name,
        result.stages,
        result.seeds,
        json.loads(json.dumps(result.config)),
    )


def test_the_folder_of_a_single_run_is_a_result_of_one_seed(tmp_path):
    city = lpm.load("examples/offices.toml").with_(steps=3, seed=5)
    simulate_city(city.config, beside=city.beside, out=tmp_path)
    (entry,) = lpm.list_runs(tmp_path)
    found = lpm.open_result(entry.folder)
    assert (found.seeds, found.days.tolist(), entry.seeds) == ((5,), [0, 1, 2, 3], 1)
    assert (found.values("HOME") == city.run().values("HOME")).all()


def test_a_run_with_replicates_has_as_many_seeds(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/run.json").write_text(json.dumps({"config": {"name": "a"}, "replicates": [{}, {}, {}]}))
    assert [entry.seeds for entry in lpm.list_runs(tmp_path)] == [3]


def test_what_is_no_run_is_refused_and_not_listed(result, tmp_path):
    result.save(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/run.json").write_text("[")
    assert [(entry.name, entry.seeds, entry.parity) for entry in lpm.list_runs(tmp_path)] == [("rumour", 3, None)]
    with pytest.raises(ParameterError, match="holds no series"):
        lpm.open_result(tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/compare.json").write_text("{}")
    with pytest.raises(ParameterError, match="several runs and their differences; give folders of one run each"):
        lpm.open_result(tmp_path / "c")
    with pytest.raises(ParameterError, match="is no folder"):
        lpm.list_runs(tmp_path / "gone")
