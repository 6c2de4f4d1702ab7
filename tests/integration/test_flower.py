"""Calibration as a Flower app over Flower's own processes: its simulation engine, and a SuperLink with SuperNodes."""

import pytest
import torch

from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from lpm_secure.flower.transport import FlowerSum
from lpm_secure.secure_sum.parties import manifest_for
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.errors import ProtocolError
from tests.calibration_hospitals import COURSE, WEEKS, hospitals, in_process

DRAWS = 3
pytestmark = pytest.mark.slow


def flower_of(folder, *, rounds, simulated, aggregators=2, **changes):
    addresses = [f"127.0.0.1:{1001 + index}" for index in range(aggregators)]  # Flower carries, so nobody listens
    manifest = manifest_for(
        tuple(hospitals()), (DRAWS, 2, WEEKS), addresses, rounds=rounds, min_cohort=5, round_timeout_s=120.0, **changes
    )
    return FlowerSum(SumDeployment(folder, manifest, hospitals()), simulated=simulated)


def fitted(federation, rounds):
    fit = Fit(COURSE, federation, FitSchedule(rounds=rounds, draws=DRAWS), names=tuple(hospitals()))
    fit.run()
    return fit


def test_flwr_run_in_the_simulation_engine_has_the_draws_of_one_process_to_the_last_bit(tmp_path):
    with flower_of(tmp_path, rounds=4, simulated=True, aggregators=3) as federation:
        over = fitted(federation, 4)
        assert federation.processes.environment["FLWR_TELEMETRY_ENABLED"] == "0"
        assert len(federation.processes.ours()) > 3  # Flower's and Ray's are seen, so none seen later is none
    shared = fitted(in_process(hospitals(), draws=DRAWS), 4)
    assert torch.equal(over.draws(20, seed=3), shared.draws(20, seed=3))
    assert over.absences == {}
    assert federation.processes.ours() == []


def test_a_superlink_and_supernodes_have_the_draws_of_one_process_to_the_last_bit(tmp_path):
    with flower_of(tmp_path, rounds=2, simulated=False, join_timeout_s=120.0) as federation:
        over = fitted(federation, 2)
    shared = fitted(in_process(hospitals(), draws=DRAWS), 2)
    assert torch.equal(over.draws(20, seed=3), shared.draws(20, seed=3))
    assert over.absences == {}
    assert federation.processes.ours() == []


def test_what_keeps_a_round_from_being_played_is_told_to_the_fit(tmp_path):
    with flower_of(tmp_path, rounds=2, simulated=True) as federation:
        fit = Fit(COURSE, federation, FitSchedule(rounds=2, draws=DRAWS), names=tuple(hospitals()))
        fit.advance()
        for name in ("hospital-0", "hospital-1"):
            (federation.deployment.party(name) / "series.csv").write_text("date,value\n2000-01-01,none\n")
        with pytest.raises(ProtocolError, match="4 clients"):
            fit.advance()
