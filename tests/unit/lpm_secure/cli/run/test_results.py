"""`lpm run --seeds`, `lpm compare` and `lpm runs`, in this process."""

import json

import pytest
from typer.testing import CliRunner

from lpm_secure.cli.main import app
from protocols.errors import ParameterError


def lpm(*arguments):
    shown = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)
    assert shown.exit_code == 0
    return shown.stdout


def test_seeds_are_written_compared_and_listed(tmp_path):
    city = ("run", "examples/offices.toml", "--set", "steps=3", "--seeds", 2, "--workers", 1, "--out", tmp_path)
    lpm(*city)
    lpm(*city, "--set", "start=0.6")
    entries = json.loads(lpm("runs", tmp_path, "--json"))
    assert [(entry["name"], entry["seeds"]) for entry in entries] == [("offices", 2)] * 2
    assert lpm("runs", tmp_path).count("offices, 2 seeds") == 2
    first, second = (entry["folder"] for entry in reversed(entries))
    found = json.loads(lpm("compare", first, second, "--out", tmp_path / "both", "--json"))
    assert found["seeds"] == [1, 2]
    assert (tmp_path / "both/report.html").exists()
    assert "[" in lpm("compare", first, second)


@pytest.mark.parametrize(("asked", "said"), [(("--seeds", 2), True), (("--set", "initial=0.1,0.2"), False)])
def test_a_notice_names_private_only_where_it_is_taken(asked, said, tmp_path, caplog):
    caplog.set_level("INFO")
    lpm("run", "examples/ward.toml", *asked, "--workers", 1, "--set", "steps=1", "--out", tmp_path)
    (notice,) = [each.getMessage() for each in caplog.records if "in the clear" in each.getMessage()]
    assert ("--private" in notice) == said


def test_values_are_compared_over_the_same_seeds(tmp_path):
    shown = lpm("run", "examples/offices.toml", "--set", "steps=2", "--set", "start=0.2,0.4", "--out", tmp_path)
    assert "HOME, start=0.4" in shown


def test_a_wrong_ensemble_is_told_with_the_allowed_ones_before_any_notice(caplog):
    caplog.set_level("INFO")
    with pytest.raises(ParameterError, match="ensemble is 'batchd'; give 'exact' or 'batched'"):
        lpm("run", "examples/ward.toml", "--seeds", "2", "--ensemble", "batchd")
    with pytest.raises(ParameterError, match="ensemble is 'batchd'; give 'exact' or 'batched'"):
        lpm("run", "examples/ward.toml", "--ensemble", "batchd")
    assert not caplog.records


def test_what_does_not_go_together_is_refused(tmp_path):
    for arguments in (("--seeds", "2", "--resume"), ("--set", "seed=1,2", "--private"), ("--set", "seeed=3")):
        with pytest.raises(ParameterError):
            CliRunner().invoke(app, ["run", "examples/offices.toml", *arguments], catch_exceptions=False)
