"""A hospital's process that sends garbage: it is found, the fit goes on, and all that is on paper says so."""

import base64
import dataclasses
import subprocess
import sys
import tomllib

import msgspec
import pytest
import torch

from lpm_secure.audit.audit import audit
from lpm_secure.calibration.config import FederationConfig, FitConfig
from lpm_secure.calibration.figures import figures, lines_of
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.job import calibrate
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.testbed import deployment as deployments
from protocols.releases import ledger
from protocols.task import manifest as manifests
from tests.calibration_hospitals import config_of as few
from tests.calibration_hospitals import in_process

LIAR, HONEST, ROUNDS = "institution-3", 2, 5
CHEAT = f"""
import sys
import numpy as np
from client_sdk.secure_sum.contribution import Contribution
from client_sdk.institution import main

encode, calls = Contribution.encode, []

def lie(self, gradient):
    calls.append(gradient)
    words = encode(self, gradient)
    return words if len(calls) <= {HONEST} else np.full_like(words, 2**50)

Contribution.encode = lie
sys.exit(main())
"""


def config_of(**changes):
    return few(
        institutions=8,
        fitted=6,
        ahead=2,
        fit=FitConfig(rounds=ROUNDS, draws=3, checkpoint_rounds=50),
        federation=FederationConfig(transport="native", min_cohort=4, **changes),
    )


@pytest.fixture
def cheating(monkeypatch):
    """Start another program in place of one hospital's."""
    launch = deployments.launch

    def start(program, log, **given):
        if program[0] == "client_sdk.institution" and f"/{LIAR}/" in program[-1]:
            return subprocess.Popen([sys.executable, "-c", CHEAT, *program[1:]], stdout=log, stderr=log)
        return launch(program, log, **given)

    monkeypatch.setattr(deployments, "launch", start)


@dataclasses.dataclass
class NotCounted:
    """In one round some answer, and learn by it, and are in no sum."""

    sums: InProcessSum
    round: int
    names: set

    @property
    def contribution(self):
        return self.sums.contribution

    def open(self, announced):
        if self.sums.round == self.round:
            for name in self.names:
                self.sums.institutions[name].vector(announced)
        return self.sums.open(announced)


def restart(fit):
    """End an aggregator when the liar is left out, and start it again: it must remember."""
    if fit.round == HONEST + 1:
        deployment = fit.sums.deployment
        deployment.process("aggregator-0").kill()
        deployment.process("aggregator-0").wait()
        deployment.start_party("aggregator-0")


def operator_key_of(run):
    own = tomllib.loads((run / "parties" / "aggregator-0" / "config.toml").read_text())
    return base64.b64decode(own["operator_key"])


def found_in(run):
    """Return what an aggregator's ledger says of the round in which garbage was found."""
    key = manifests.load(run / "manifest.json").trust.keys["aggregator-0"].identity
    events = ledger.load(run / "ledgers" / "aggregator-0.jsonl", key)
    (found,) = (each.agreed for each in events if isinstance(each, ledger.RoundEvent) and each.agreed.refused)
    return found


def test_a_hospital_that_begins_to_send_garbage_is_named_and_the_fit_goes_on_to_the_bits_of_the_others(
    tmp_path, cheating
):
    result, study = calibrate(config_of(), tmp_path, on_round=restart), config_of().study()
    fit = result.fit
    (run,) = (tmp_path / "parties").glob("run-*")
    found = found_in(run)
    others = {each for each in study.names if each not in (LIAR, *found.members)}
    assert fit.refusals == {LIAR: ROUNDS - HONEST}
    assert fit.absences == {LIAR: ROUNDS - HONEST} | dict.fromkeys(others, 1)
    assert len(others) <= 3
    assert figures(result)["refusals"] == {LIAR: ROUNDS - HONEST}
    lines = list(lines_of(result, []))
    assert f"left out     {LIAR}: {ROUNDS - HONEST} rounds for words out of range, 0 for no answer or a search" in lines
    for name in others:
        assert f"left out     {name}: 0 rounds for words out of range, 1 for no answer or a search" in lines

    away = {number: frozenset({LIAR}) for number in range(HONEST, ROUNDS)}
    away[HONEST] |= others
    held = study.institutions(local_steps=config_of().fit.local_steps)
    sums = in_process(held, draws=3, min_cohort=4, absent=away)
    federation = NotCounted(sums, HONEST, others)
    without = Fit(study.course, federation, config_of().schedule, names=study.names)
    without.run()
    assert torch.equal(fit.draws(20, seed=3), without.draws(20, seed=3))

    report = audit(run, operator_key=operator_key_of(run))
    assert {check: lines for check, lines in report.checks.items() if lines} == {}
    step = 2 * HONEST + 1
    for name in ("aggregator-0", "aggregator-1"):
        assert f"{name}: round {step}: shares out of range of {LIAR}" in report.notes
        assert any(note.startswith(f"{name}: round {step}: a sum was out of range") for note in report.notes)
    why = f"{LIAR} shared a number out of range in step {step}"
    assert why in (run / "parties" / LIAR / "log.jsonl").read_text()
    summaries = [msgspec.json.decode(path.read_bytes()) for path in (run / "parties").glob("*/summary.json")]
    assert sorted(each["missed_rounds"] for each in summaries) == [[]] * len(found.members) + [[HONEST]] * len(others)
