"""Calibration over real processes, gRPC and TLS: hospitals that read their own column, and aggregators of shares."""

import time

import msgspec
import numpy as np
import pytest
import torch

from lpm_secure.accounting import gaussian_epsilon
from lpm_secure.audit.audit import audit
from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from lpm_secure.secure_sum.native import NativeSum
from lpm_secure.secure_sum.parties import build_noisy_releases, manifest_for
from lpm_secure.testbed.deployment import free_addresses
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.errors import ProtocolError
from tests.calibration_hospitals import COURSE, WEEKS, hospitals, in_process

DRAWS = 3


def native_of(folder, *, rounds, aggregators=2, round_timeout_s=5.0, **changes):
    names = tuple(hospitals())
    manifest = manifest_for(
        names,
        (DRAWS, 2, WEEKS),
        free_addresses(aggregators),
        rounds=rounds,
        min_cohort=5,
        round_timeout_s=round_timeout_s,
        **changes,
    )
    return NativeSum(SumDeployment(folder, manifest, hospitals()))


def fit_with(federation, rounds):
    return Fit(COURSE, federation, FitSchedule(rounds=rounds, draws=DRAWS), names=tuple(hospitals()))


def test_draws_over_real_processes_are_those_of_one_process_to_the_last_bit(tmp_path):
    with native_of(tmp_path, rounds=4, aggregators=3) as federation:
        native = fit_with(federation, 4)
        native.run()
    assert federation.deployment.failures() == []
    held = hospitals()
    shared = fit_with(in_process(held, draws=DRAWS), 4)
    shared.run()
    assert torch.equal(native.draws(20, seed=3), shared.draws(20, seed=3))
    assert native.absences == {}
    for name, learnt in federation.deployment.institutions.items():
        assert np.array_equal(learnt.state, held[name].state)
    summaries = [federation.deployment.party(name) / "summary.json" for name in hospitals()]
    told = [msgspec.json.decode(summary.read_bytes()) for summary in summaries]
    assert [(each["modules"], each["missed_rounds"]) for each in told] == [([], [])] * 6


def test_a_hospital_that_is_killed_and_returns_is_named_and_the_fit_goes_on_to_the_same_bits(tmp_path):
    name, present = "hospital-2", []
    with native_of(tmp_path, rounds=12, round_timeout_s=1.0) as federation:
        deployment = federation.deployment

        def on_round(fit):
            present.append(name not in fit.absences or fit.absences[name] == on_round.before)
            on_round.before = fit.absences.get(name, 0)
            if fit.round == 3:
                deployment.process(name).kill()
                deployment.process(name).wait()
            if fit.round == 6:
                deployment.start_party(name)
                time.sleep(3.0)

        on_round.before = 0
        native = fit_with(federation, 12)
        native.run(on_round)
    away = [number for number, here in enumerate(present) if not here]
    assert away[:3] == [3, 4, 5]
    assert len(away) <= 5
    assert native.absences == {name: len(away)}
    absent = {number: frozenset({name}) for number in away}
    shared = fit_with(in_process(hospitals(), draws=DRAWS, absent=absent), 12)
    shared.run()
    assert torch.equal(native.draws(20, seed=3), shared.draws(20, seed=3))


@pytest.mark.slow
def test_with_a_dealer_servers_that_are_killed_come_back_and_the_fit_is_the_same_to_the_bit(tmp_path):
    """A hospital that is killed is out: it is named, the others go on, and started again it ends in one line."""
    name, given = "hospital-2", {"dealer": free_addresses(1)[0], "round_timeout_s": 4.0}
    with native_of(tmp_path, rounds=7, **given) as federation:
        deployment = federation.deployment

        def on_round(fit):
            restarts = {2: ("dealer",), 3: ("aggregator-0",), 4: ("aggregator-1", "dealer")}.get(fit.round, ())
            for each in (*restarts, *([name] if fit.round == 5 else [])):
                deployment.process(each).kill()
                deployment.process(each).wait()
                if each != name:
                    deployment.start_party(each)
            if fit.round == 7:
                deployment.start_party(name)

        native = fit_with(federation, 7)
        native.run(on_round)
        assert deployment.process(name).wait(30.0) == 3
        log = (deployment.party(name) / "log.jsonl").read_text()
    assert "takes nobody back" in log.splitlines()[-1]
    assert native.absences == {name: 2}
    absent = {number: frozenset({name}) for number in (5, 6)}
    shared = fit_with(in_process(hospitals(), draws=DRAWS, absent=absent), 7)
    shared.run()
    assert torch.equal(native.draws(20, seed=3), shared.draws(20, seed=3))


@pytest.mark.slow
def test_with_a_dealer_that_is_killed_for_good_the_fit_ends_in_one_line(tmp_path):
    """And so does every hospital: nobody goes on without it."""
    given = {"dealer": free_addresses(1)[0], "round_timeout_s": 1.0}
    with native_of(tmp_path, rounds=7, **given) as federation:
        deployment = federation.deployment

        def on_round(fit):
            if fit.round == 2:
                deployment.process("dealer").kill()
                deployment.process("dealer").wait()

        with pytest.raises(ProtocolError, match="dealer ended with code -9"):
            fit_with(federation, 7).run(on_round)
        codes = {each: deployment.process(each).wait(40.0) for each in hospitals()}
    assert set(codes.values()) == {3}
    for each in hospitals():
        lines = (deployment.party(each) / "log.jsonl").read_text().splitlines()
        assert len(lines) == 1, lines


def test_noise_is_added_in_full_by_every_aggregator_and_the_audit_finds_what_it_cost(tmp_path):
    sigma, rounds = 40.0, 3
    epsilon = gaussian_epsilon(sigma / rounds**0.5, 1e-6)
    releases = build_noisy_releases(sigma=sigma, rounds=rounds, epsilon=1.02 * epsilon, delta=1e-6)
    draws = np.full((DRAWS, 2, WEEKS), 3.0)
    with native_of(tmp_path, rounds=rounds, releases=releases) as federation:
        seen = [federation.open(draws).total for _ in range(rounds)]
        manifest = federation.manifest
    exact = in_process(hospitals(), draws=DRAWS)
    noise = exact.contribution.decode(np.concatenate([each - exact.open(draws).total for each in seen]))
    assert noise.std() == pytest.approx(2**0.5 * sigma * manifest.norm, rel=0.3)
    report = audit(tmp_path, operator_key=federation.deployment.operator_key)
    assert {check: lines for check, lines in report.checks.items() if lines} == {}
    assert [(each["release"], each["unit"]) for each in report.privacy] == [("sum", "contribution")]
    assert report.privacy[0]["epsilon"] == pytest.approx(epsilon, rel=0.02)


def test_draws_of_another_shape_than_the_manifests_are_refused(tmp_path):
    with native_of(tmp_path, rounds=1) as federation, pytest.raises(Exception, match="shape"):
        federation.open(torch.zeros(DRAWS + 1, 2, WEEKS).numpy())
