"""A calibration goes on where hospitals drop out, cheat, or are restarted."""

import functools
import stat
from pathlib import Path

import numpy as np
import pytest
import torch

from client_sdk.likelihood.counts import Counts
from client_sdk.likelihood.institution import Hospital
from client_sdk.secure_sum import local_state
from lpm_secure.calibration.dynamics.city import small
from lpm_secure.calibration.dynamics.simulator import Simulator
from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from lpm_secure.calibration.privacy import ledger, multiplier_for, noises
from lpm_secure.calibration.study import simulate_study
from lpm_secure.secure_sum.federation import Contribution, FederationSum, SharedFederation
from lpm_secure.secure_sum.group_search import Search
from protocols.errors import BudgetSpent, CohortTooSmall, ConfigError, ParameterError

SIMULATOR = Simulator(small(), 5, lead=2)
STUDY = simulate_study(5, 2, hospitals=26, seed=3)
SCHEDULE = FitSchedule(rounds=6, draws=3)


def fit_of(shared: SharedFederation) -> Fit:
    return Fit(SIMULATOR, SIMULATOR.parameters, shared, SCHEDULE, names=tuple(shared.hospitals))


def drawn_words(words: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.integers(-(2**62), 2**62, words.size)


CHEATS = {
    "random words": drawn_words,
    "one huge word": lambda words: np.where(np.arange(words.size) == 3, 2**55, words),
    "scaled": lambda words: words * 2**22,
    "a square that wraps to 0": lambda words: np.where(np.arange(words.size) == 0, 2**62, words),
}


@functools.cache
def draws_without(away):
    """Return draws from the posterior of a fit in which some hospitals never were."""
    honest = {name: each for name, each in STUDY.hospitals(local_steps=1).items() if name not in away}
    without = fit_of(SharedFederation(honest, Contribution(clip=50.0)))
    without.run()
    return without.draws(5, seed=1)


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS)
@pytest.mark.parametrize("who", [("hospital-4",), ("hospital-1", "hospital-9")], ids=["one", "two"])
def test_who_sends_garbage_is_named_and_the_fit_is_that_of_the_others(cheat, who):
    shared = SharedFederation(STUDY.hospitals(local_steps=1), Contribution(clip=50.0), cheats=dict.fromkeys(who, cheat))
    fit = fit_of(shared)
    fit.run()
    assert fit.refusals == dict.fromkeys(who, SCHEDULE.rounds)
    assert fit.absences == dict.fromkeys(who, SCHEDULE.rounds)
    assert torch.equal(fit.draws(5, seed=1), draws_without(who))
    assert shared.openings > SCHEDULE.rounds


def test_who_was_found_to_send_garbage_is_not_searched_for_again_after_an_interruption(tmp_path):
    def shared():
        return SharedFederation(
            STUDY.hospitals(local_steps=1), Contribution(clip=50.0), cheats={"hospital-4": drawn_words}
        )

    one = fit_of(shared())
    one.advance()
    one.save(tmp_path / "fit.safetensors")
    other = fit_of(shared())
    other.load(tmp_path / "fit.safetensors")
    other.advance()
    assert other.refusals == {"hospital-4": 2}
    assert other.federation.openings == 1


def test_a_round_without_a_sum_leaves_the_posterior_as_it_was_and_nobody_absent():
    fit = fit_of(SharedFederation(STUDY.hospitals(local_steps=1), Contribution(clip=50.0)))
    gradient, before = fit.federation.gradient, fit.draws(5, seed=1)
    fit.federation.gradient = lambda draws: FederationSum(np.zeros(draws.shape), (), ("hospital-4",))
    fit.advance()
    assert torch.equal(fit.draws(5, seed=1), before)
    assert (fit.round, fit.discarded, fit.absences, fit.refusals) == (1, 1, {}, {"hospital-4": 1})
    fit.federation.gradient = gradient
    fit.advance()
    assert not torch.equal(fit.draws(5, seed=1), before)


def clean_groups(n: int, guilty: set[str], smallest: int) -> tuple[np.ndarray, bool]:
    """Return who is in each sum in range that a search opened, its result's included, and whether it ended well."""
    members, opened = tuple(f"h{index}" for index in range(n)), []

    def open_(group):
        opened.append(frozenset(group))
        return None if guilty & set(group) else np.zeros(1)

    try:
        assert set(Search(members, smallest, open_).run()[1]) == set(members) - guilty
        found = True
    except CohortTooSmall:
        found = False
    assert min(len(group) for group in opened) >= smallest
    clean = [group for group in opened if not guilty & group]
    return np.array([[name in group for name in members] for group in clean], dtype=float).reshape(-1, n), found


def isolated(rows: np.ndarray) -> bool:
    if not rows.size:
        return False
    alone = np.eye(rows.shape[1])
    combined = rows.T @ (np.linalg.pinv(rows.T) @ alone)
    return bool((np.abs(combined - alone).max(axis=0) < 1e-3).any())


@pytest.mark.parametrize("guilty", [1, 2, 3])
def test_a_search_opens_no_small_group_and_isolates_nobody(guilty):
    for seed in range(8):
        rows, found = clean_groups(26, {f"h{(7 * seed + 5 * g) % 26}" for g in range(guilty)}, 5)
        assert found
        assert not isolated(rows)


def test_among_few_hospitals_a_search_gives_up_sooner_than_isolate_one():
    for seed in range(12):
        rows, _ = clean_groups(9, {f"h{seed % 9}"}, 3)
        assert not isolated(rows)


def test_a_search_ends_where_nobody_is_in_range():
    with pytest.raises(CohortTooSmall, match="whose clients send garbage"):
        Search(("a", "b", "c", "d", "e"), 3, lambda group: None).run()


def test_what_is_within_the_range_is_not_found():
    """The limit that the docstring names."""
    words = Contribution(clip=50.0).encode(np.full(3, 1e9))
    shared = SharedFederation(
        STUDY.hospitals(local_steps=0), Contribution(clip=50.0), cheats={"hospital-4": lambda _: other}
    )
    other = np.resize(words, SCHEDULE.draws * 2 * 5) // 8
    fit = fit_of(shared)
    fit.advance()
    assert not fit.refusals


def test_hospitals_that_learn_go_on_to_the_same_posterior_to_the_bit(tmp_path):
    whole = fit_of(SharedFederation(STUDY.hospitals(local_steps=2)))
    whole.run()
    first, hospitals = fit_of(SharedFederation(STUDY.hospitals(local_steps=2))), None
    for _ in range(3):
        first.advance()
    hospitals = first.federation.hospitals
    for name, hospital in hospitals.items():
        local_state.keep(tmp_path / f"{name}.json", hospital, round_=first.round)
    first.save(tmp_path / "fit.safetensors")
    second = fit_of(SharedFederation(STUDY.hospitals(local_steps=2)))
    second.load(tmp_path / "fit.safetensors")
    for name, hospital in second.federation.hospitals.items():
        local_state.recall(tmp_path / f"{name}.json", hospital, round_=second.round)
    second.run()
    assert torch.equal(whole.draws(5, seed=1), second.draws(5, seed=1))
    other = Fit(SIMULATOR, SIMULATOR.parameters, second.federation, FitSchedule(rounds=7, draws=3))
    with pytest.raises(ParameterError, match="another fit"):
        other.load(tmp_path / "fit.safetensors")


def test_what_a_hospital_keeps_is_its_own(tmp_path):
    hospital = Hospital(Counts(np.array([3.0, 4.0])), np.array([0.2, 0.1]))
    path = tmp_path / "own.json"
    local_state.keep(path, hospital, round_=3)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ParameterError, match="of round 3"):
        local_state.recall(path, hospital, round_=4)
    other = Hospital(Counts(np.array([3.0, 4.0])), np.array([0.2, 0.1, 0.1]))
    with pytest.raises(ParameterError, match="it has 13"):
        local_state.recall(path, other, round_=3)
    path.chmod(0o644)
    with pytest.raises(ParameterError, match="chmod 0600"):
        local_state.recall(path, hospital, round_=3)
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(ParameterError, match="start the fit anew"):
        local_state.recall(path, hospital, round_=3)


def test_a_checkpoint_that_is_cut_or_changed_is_refused(tmp_path: Path):
    fit = fit_of(SharedFederation(STUDY.hospitals(local_steps=0)))
    fit.save(tmp_path / "fit.safetensors")
    content = (tmp_path / "fit.safetensors").read_bytes()
    for size in (0, 10, len(content) // 2, len(content) - 40):
        (tmp_path / "cut.safetensors").write_bytes(content[:size])
        with pytest.raises(ParameterError, match="start"):
            fit.load(tmp_path / "cut.safetensors")
    with pytest.raises(ParameterError, match="No such file"):
        fit.load(tmp_path / "none.safetensors")


def test_noise_covers_every_opening_and_ends_with_its_budget():
    contribution = Contribution(clip=50.0)
    noise = noises(contribution, d=30, aggregators=2, openings=3, epsilon=4.0, delta=1e-6)
    shared = SharedFederation(STUDY.hospitals(local_steps=0), contribution, noise=noise, most_openings=3)
    fit = fit_of(shared)
    for _ in range(3):
        fit.advance()
    told = ledger(contribution, sigma=noise[0].sigma, openings=3, planned=3, delta=1e-6, d=30)
    assert told["epsilon"] == pytest.approx(4.0, rel=1e-6)
    assert not fit.refusals
    with pytest.raises(BudgetSpent, match="3 sums"):
        fit.advance()


@pytest.mark.parametrize("bits", [1, 8, 24])
def test_noise_covers_what_rounding_adds_to_a_clipped_gradient(bits):
    """Entries just above the middle between two words are all rounded up: the norm of the words is above the clip."""
    d, middle = 6_000, 0.5000001 * 2.0**-bits
    contribution = Contribution(clip=middle * d**0.5, bits=bits)
    added = float(np.linalg.norm(contribution.encode(np.full(d, middle)).astype(float)))
    assert added > 1.9 * contribution.clip * 2.0**bits
    (noise,) = noises(contribution, d=d, aggregators=1, openings=1, epsilon=1.0, delta=1e-6)
    assert noise.sigma >= multiplier_for(1.0, 1e-6) * added * (1 - 1e-6)
    told = ledger(contribution, sigma=noise.sigma, openings=1, planned=1, delta=1e-6, d=d)
    assert told["epsilon"] == pytest.approx(1.0, rel=1e-6)


def test_the_noise_in_a_sum_has_its_spread():
    contribution = Contribution(clip=50.0)
    noise = noises(contribution, d=30, aggregators=2, openings=1, epsilon=1.0, delta=1e-6)
    log_x = SIMULATOR.log_inpatients(torch.zeros(60, SIMULATOR.parameters.p, dtype=torch.float64), SIMULATOR.parameters)
    hospitals = STUDY.hospitals(local_steps=0)
    noised = SharedFederation(hospitals, contribution, noise=noise).gradient(log_x.numpy()).gradient
    clear = SharedFederation(hospitals, contribution).gradient(log_x.numpy()).gradient
    ratio = float((noised - clear).std()) / (np.sqrt(2) * 50.0 * multiplier_for(1.0, 1e-6))
    assert ratio == pytest.approx(1.0, abs=0.15)


def test_a_study_keeps_weeks_to_forecast():
    with pytest.raises(ConfigError, match="keep at least 1"):
        simulate_study(5, 0, hospitals=5, seed=1)
