"""A calibration between kits that start as processes: the sums of the pooled series, whatever happens on the way."""

import json
import re
import time

import numpy as np
import pytest
import torch

from lpm_secure.calibration import config as configs
from lpm_secure.calibration.centre.config import load as load_centre
from lpm_secure.calibration.centre.setting import CentreSetting
from lpm_secure.calibration.job import begin_fit
from lpm_secure.calibration.transports import in_process
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.project.calibration.manifest import sums_of_project
from lpm_secure.project.calibration.project_file import load_calibration
from lpm_secure.rehearsal.job import rehearse
from lpm_secure.rehearsal.kits import KitDeployment
from lpm_secure.secure_sum.digest import SumDigest
from lpm_secure.secure_sum.remote import RemoteSum
from protocols.errors import ConfigError, DataError
from protocols.kit.kit import Kit
from protocols.task import manifest as manifests
from tests.three_hospitals import HOSPITALS, unnamed
from tests.three_series import calibration, ready_series, together


def deployed(path):
    """Return the processes of a project's kits, whose servers have signed."""
    kits = path.parent / "kits"
    manifest = None
    for folder in sorted(kits.iterdir()):
        kit = Kit.load(folder)
        kit.accept()
        manifest = kit.manifest()
        if kit.file.role in ("aggregator", "dealer"):
            signed = kit.countersign()
            for name in HOSPITALS:
                (kits / name / signed.name).write_bytes(signed.read_bytes())
    return KitDeployment(path.parent, manifest)


def results(path):
    return json.loads((path.parent / "kits" / "engine" / "results" / "calibration.json").read_text())


def fit_of_the_pooled_tables(path, tmp_path):
    """Return the hash over the sums of `lpm calibrate` of the three tables together, and its fit."""
    config = configs.load(together(tmp_path, path))
    study = config.study()
    sums = in_process(config, study.institutions(local_steps=config.fit.local_steps))
    fit = begin_fit(config, study, sums)
    fit.run()
    return fit


def of_the_journal(path):
    """Return the fit that a centre's journal makes, nobody being asked."""
    kit = Kit.load(path.parent / "kits" / "engine")
    setting = CentreSetting.read(load_centre(kit.config).calibration)
    (file,) = (kit.folder / "results").glob("sums-*.jsonl")
    head = json.loads(file.read_text().splitlines()[0])
    manifest = kit.manifest()
    with RemoteSum(
        manifest, kit.credentials, ReleaseJournal(file, run=manifests.run_id(manifest), engine=head["engine"])
    ) as sums:
        fit = setting.fit(SumDigest(sums), HOSPITALS)
        fit.run()
    return fit


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("active", [False, True], ids=["semi-honest", "active"])
def test_three_tables_in_three_kits_have_the_posterior_of_one_table(tmp_path, active):
    path = ready_series(tmp_path, active=active)
    deployment = deployed(path)
    deployment.run(lambda line: None)
    figures, pooled = results(path), fit_of_the_pooled_tables(path, tmp_path)
    assert (figures["rounds"], figures["absences"], figures["rounds_of_the_journal"]) == (6, {}, 0)
    assert torch.equal(of_the_journal(path).draws(50, seed=3), pooled.draws(50, seed=3))
    for name in HOSPITALS:
        kit = deployment.party(name)
        rows = (kit / "forecast.csv").read_text().splitlines()
        assert len(rows) == 1 + 18
        assert [row.split(",")[1] for row in rows[14:16]] == ["yes", "no"]
        assert set(unnamed(kit)) <= {"log.jsonl", "series.parquet"}  # the test's own
    assert set(unnamed(deployment.party("engine"))) == {"log.jsonl", "plotly.min.js"}
    again = deployment.party(HOSPITALS[0])
    deployment.start_party(HOSPITALS[0])  # its run is over, and its servers are gone
    assert deployment.process(HOSPITALS[0]).wait(30) == 0
    said = [line for line in (again / "log.jsonl").read_text().splitlines() if "the run is over" in line]
    assert len(said) == 2
    assert said[0] == said[1]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_centre_and_an_institution_that_are_killed_go_on_to_the_same_bits(tmp_path):
    path = ready_series(tmp_path, rounds=30, min_cohort=2)
    deployment = deployed(path)
    deployment.start()
    deployment.start_party("engine")
    journal = deployment.party("engine") / "results"
    rng, killed = np.random.default_rng(1), 0

    def rounds():
        return max((len(file.read_text().splitlines()) - 1 for file in journal.glob("sums-*.jsonl")), default=0)

    try:
        for stop in sorted(rng.choice(26, 3, replace=False).tolist()):
            while rounds() < stop + 1 and deployment.process("engine").poll() is None:
                time.sleep(0.01)
            name = ("engine", "st-john", "engine")[killed % 3]
            deployment.process(name).kill()
            deployment.process(name).wait()
            deployment.start_party(name)
            killed += 1
        for name in ("engine", *HOSPITALS):
            assert deployment.process(name).wait(400) == 0, (deployment.party(name) / "log.jsonl").read_text()
    finally:
        deployment.stop()
    figures = results(path)
    assert figures["rounds_of_the_journal"] > 0
    if not figures["absences"]:
        assert torch.equal(
            of_the_journal(path).draws(50, seed=3), fit_of_the_pooled_tables(path, tmp_path).draws(50, seed=3)
        )
    else:
        assert set(figures["absences"]) == {"st-john"}
        assert sum(figures["absences"].values()) <= 2


def lines_of(summary):
    return dict(re.split(r"  +", line, maxsplit=1) for line in summary.lines if re.match(r"\S.*?  +\S", line))


def test_a_calibration_is_rehearsed_in_one_process_and_its_sums_are_the_pooled_ones(tmp_path):
    path = calibration(tmp_path, active=True, rounds=3)
    summary = rehearse(path, tmp_path / "out", in_process=True)
    assert lines_of(summary)["parity in one process"] == "identical: private = clear"
    (folder,) = (tmp_path / "out").iterdir()
    assert {file.name for file in (folder / "consent").iterdir()} == {f"{name}.md" for name in HOSPITALS}
    with pytest.raises(ConfigError, match="a calibration has series, no people"):
        rehearse(path, tmp_path / "other", people=10)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("given", [{}, {"active": True}, {"epsilon": 4.0}], ids=["semi-honest", "active", "noise"])
def test_a_calibration_is_rehearsed_over_its_kits(tmp_path, given):
    lines = lines_of(rehearse(calibration(tmp_path, rounds=4, **given), tmp_path / "out"))
    assert lines["parity in one process"] == "identical: private = clear"
    noised = "epsilon" in given
    assert lines["parity over processes"].startswith("not compared" if noised else "identical: private = clear")


def test_a_table_of_places_that_is_wrong_is_one_line(tmp_path):
    path = calibration(tmp_path)
    (path.parent / "places.csv").write_text("place,population\nUpper Town,many\n")
    with pytest.raises(DataError, match=r"places.csv, row 2, column population") as caught:
        sums_of_project(load_calibration(path), path.parent)
    assert "\n" not in str(caught.value)
