"""A calibration goes on where hospitals drop out, cheat, or are restarted."""

import dataclasses
import stat
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from client_sdk.secure_sum import local_state
from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.accounting import smooth_sigma_for
from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from lpm_secure.calibration.privacy import ledger
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.parties import NOWHERE, build_noisy_releases, manifest_for
from lpm_secure.secure_sum.transport import OpenedSum, Reason
from protocols.errors import BudgetSpent, ConfigError, ParameterError, ProtocolError
from tests.calibration_hospitals import config_of, course_of, in_process, institution_of

COURSE = course_of(5, lead=2)
STUDY = config_of(institutions=26, fitted=5, ahead=2, seed=3).study()
SCHEDULE = FitSchedule(rounds=6, draws=3)
CLIPPED = Contribution(clip=50.0)


def sums_of(*, local_steps=1, hospitals=None, contribution=CLIPPED, **changes):
    held = STUDY.institutions(local_steps=local_steps) if hospitals is None else hospitals
    return in_process(held, draws=SCHEDULE.draws, contribution=contribution, **changes)


def fit_of(sums):
    return Fit(COURSE, sums, SCHEDULE, names=STUDY.names)


def drawn_words(words: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.integers(-(2**62), 2**62, words.size)


CHEATS = {
    "random words": drawn_words,
    "one huge word": lambda words: np.where(np.arange(words.size) == 3, 2**55, words),
    "scaled": lambda words: words * 2**22,
    "a square that wraps to 0": lambda words: np.where(np.arange(words.size) == 0, 2**62, words),
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS)
@pytest.mark.parametrize("who", [("institution-4",), ("institution-1", "institution-9")], ids=["one", "two"])
def test_who_sends_garbage_is_named_and_the_fit_is_that_of_the_others(cheat, who):
    """In the round in which it is found out the largest pool in range counts, which leaves a few honest ones out."""
    members = []
    sums = sums_of(garbage=dict.fromkeys(who, cheat))
    fit = fit_of(sums)
    opening = sums.open

    def watched(announced):
        opened = opening(announced)
        members.append(opened.members)
        return opened

    fit.sums = SimpleNamespace(open=watched, contribution=sums.contribution)
    fit.run()
    assert fit.refusals == dict.fromkeys(who, SCHEDULE.rounds)
    others = set(STUDY.names) - {*who}
    assert members[1:] == [tuple(sorted(others))] * (SCHEDULE.rounds - 1)
    assert len(others) - 8 <= len(members[0]) < len(others)
    assert set(members[0]) < others
    assert sums.openings > SCHEDULE.rounds
    without = fit_of(NotCounted(sums_of(absent=dict.fromkeys(range(99), frozenset(who))), others - {*members[0]}))
    without.run()
    assert torch.equal(fit.draws(5, seed=1), without.draws(5, seed=1))


@dataclasses.dataclass
class NotCounted:
    """In the first round some answer, and learn by it, and are in no sum."""

    sums: InProcessSum
    names: set

    @property
    def contribution(self):
        return self.sums.contribution

    def open(self, announced):
        if self.sums.round == 0:
            for name in self.names:
                self.sums.institutions[name].vector(announced)
            self.sums.absent = {**self.sums.absent, 0: self.sums.absent[0] | self.names}
        return self.sums.open(announced)


def test_who_was_found_to_send_garbage_is_not_searched_for_again_after_an_interruption(tmp_path):
    def sums():
        return sums_of(garbage={"institution-4": drawn_words})

    one = fit_of(sums())
    one.advance()
    one.save(tmp_path / "fit.safetensors")
    other = fit_of(sums())
    other.load(tmp_path / "fit.safetensors")
    other.advance()
    assert other.refusals == {"institution-4": 2}
    assert other.sums.openings == 1


def test_a_round_without_a_sum_leaves_the_posterior_as_it_was_and_nobody_absent():
    fit = fit_of(sums_of())
    sums, before = fit.sums, fit.draws(5, seed=1)
    nothing = OpenedSum(
        np.zeros(30, dtype=np.int64), (), {"institution-4": Reason.GARBAGE, "institution-5": Reason.ABSENT}
    )
    fit.sums = SimpleNamespace(open=lambda announced: nothing)
    fit.advance()
    assert torch.equal(fit.draws(5, seed=1), before)
    assert (fit.round, fit.discarded, fit.absences, fit.refusals) == (1, 1, {}, {"institution-4": 1})
    fit.sums = sums
    fit.advance()
    assert not torch.equal(fit.draws(5, seed=1), before)


def test_where_too_many_send_garbage_sums_are_discarded_and_in_the_end_the_run_stops():
    """Group testing names two at most."""
    fit = fit_of(sums_of(min_cohort=20, garbage=dict.fromkeys(STUDY.names[:8], drawn_words)))
    fit.advance()
    fit.advance()
    assert (fit.discarded, fit.refusals) == (2, {})
    with pytest.raises(ProtocolError, match="3 sums one after the other are out of range"):
        fit.advance()


def test_what_is_within_the_range_is_not_found():
    """The limit that the docstring names."""
    words = CLIPPED.encode(np.full(3, 1e9))
    other = np.resize(words, SCHEDULE.draws * 2 * 5) // 8
    fit = fit_of(sums_of(local_steps=0, garbage={"institution-4": lambda _: other}))
    fit.advance()
    assert not fit.refusals


def test_hospitals_that_learn_go_on_to_the_same_posterior_to_the_bit(tmp_path):
    whole = fit_of(sums_of(local_steps=2))
    whole.run()
    first, hospitals = fit_of(sums_of(local_steps=2)), None
    for _ in range(3):
        first.advance()
    hospitals = first.sums.institutions
    for name, hospital in hospitals.items():
        local_state.write(tmp_path / f"{name}.json", hospital, round_=first.round)
    first.save(tmp_path / "fit.safetensors")
    second = fit_of(sums_of(local_steps=2))
    second.load(tmp_path / "fit.safetensors")
    for name, hospital in second.sums.institutions.items():
        local_state.resume(tmp_path / f"{name}.json", hospital, round_=second.round)
    second.run()
    assert torch.equal(whole.draws(5, seed=1), second.draws(5, seed=1))
    other = Fit(COURSE, second.sums, FitSchedule(rounds=7, draws=3))
    with pytest.raises(ParameterError, match="another fit"):
        other.load(tmp_path / "fit.safetensors")


def test_what_a_hospital_keeps_is_its_own(tmp_path):
    hospital = institution_of([3.0, 4.0], [0.2, 0.1])
    path = tmp_path / "own.json"
    local_state.write(path, hospital, round_=3)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ParameterError, match="of round 3"):
        local_state.resume(path, hospital, round_=4)
    other = institution_of([3.0, 4.0], [0.2, 0.1, 0.1])
    with pytest.raises(ParameterError, match="it has 13"):
        local_state.resume(path, other, round_=3)
    path.chmod(0o644)
    with pytest.raises(ParameterError, match="chmod 0600"):
        local_state.resume(path, hospital, round_=3)
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(ParameterError, match="start the fit anew"):
        local_state.resume(path, hospital, round_=3)


def test_a_checkpoint_that_is_cut_or_changed_is_refused(tmp_path: Path):
    fit = fit_of(sums_of(local_steps=0))
    fit.save(tmp_path / "fit.safetensors")
    content = (tmp_path / "fit.safetensors").read_bytes()
    for size in (0, 10, len(content) // 2, len(content) - 40):
        (tmp_path / "cut.safetensors").write_bytes(content[:size])
        with pytest.raises(ParameterError, match="start"):
            fit.load(tmp_path / "cut.safetensors")
    with pytest.raises(ParameterError, match="No such file"):
        fit.load(tmp_path / "none.safetensors")


def test_noise_covers_every_opening_and_ends_with_its_budget():
    noise = smooth_sigma_for(4.0, 1e-6) * 3**0.5
    fit = fit_of(
        sums_of(local_steps=0, releases=build_noisy_releases(sigma=noise, rounds=3, epsilon=4.0, delta=1e-6), rounds=3)
    )
    for _ in range(3):
        fit.advance()
    told = ledger(CLIPPED, sigma=noise, openings=3, planned=3, delta=1e-6, d=30)
    assert told["epsilon"] == pytest.approx(4.0, rel=2e-3)
    assert not fit.refusals
    with pytest.raises(ParameterError, match="over after 3 rounds"):
        fit.advance()


def test_sums_of_pools_are_paid_for_too_and_none_is_opened_beyond_the_budget():
    releases = build_noisy_releases(sigma=0.5, rounds=6, epsilon=1e6, delta=1e-6)
    sums = sums_of(local_steps=0, releases=releases, rounds=6, garbage={"institution-4": drawn_words})
    with pytest.raises(BudgetSpent, match="6 sums"):
        fit_of(sums).run()
    assert sums.openings == 6


@pytest.mark.parametrize("bits", [1, 8, 24])
def test_noise_covers_what_rounding_adds_to_a_clipped_gradient(bits):
    """Entries just above the middle between two words are all rounded up: the norm of the words is above the clip."""
    d, middle = 6_000, 0.5000001 * 2.0**-bits
    contribution = Contribution(clip=middle * d**0.5, bits=bits)
    added = float(np.linalg.norm(contribution.encode(np.full(d, middle)).astype(float)))
    assert added > 1.9 * contribution.clip * 2.0**bits
    multiplier = smooth_sigma_for(1.0, 1e-6)
    releases = build_noisy_releases(sigma=multiplier, rounds=1, epsilon=1.0, delta=1e-6)
    given = {"contribution": contribution, "rounds": 1, "min_cohort": 2, "releases": releases}
    task = manifest_for(("a", "b"), (d,), [NOWHERE] * 2, **given)
    assert task.sigma >= multiplier * added * (1 - 1e-6)
    told = ledger(contribution, sigma=multiplier, openings=1, planned=1, delta=1e-6, d=d)
    assert told["epsilon"] == pytest.approx(1.0, rel=2e-3)


def test_the_noise_in_a_sum_has_its_spread():
    multiplier = smooth_sigma_for(1.0, 1e-6)
    log_x = COURSE.log_mean(torch.zeros(60, COURSE.p, dtype=torch.float64))
    held = STUDY.institutions(local_steps=0)
    releases = build_noisy_releases(sigma=multiplier, rounds=1, epsilon=1.0, delta=1e-6)
    with_noise = in_process(held, draws=60, contribution=CLIPPED, rounds=1, releases=releases)
    totals = [each.open(log_x.numpy()).total for each in (with_noise, in_process(held, draws=60, contribution=CLIPPED))]
    ratio = float(CLIPPED.decode(totals[0] - totals[1]).std()) / (np.sqrt(2) * 50.0 * multiplier)
    assert ratio == pytest.approx(1.0, abs=0.15)


def test_a_study_keeps_weeks_to_forecast():
    with pytest.raises(ConfigError, match="keep at least 1"):
        dataclasses.replace(STUDY, course=STUDY.course.lengthen(7))
