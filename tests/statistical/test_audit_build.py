"""The audit's tests of the build: this one passes, and one that is broken on purpose does not."""

import numpy as np
import pytest

from aggregator.release.noise import ReleaseNoise
from client_sdk.simulation.exchange import Exchange
from lpm_secure.audit import build, replays, two_worlds
from lpm_secure.audit.audit import silent
from lpm_secure.audit.views import check
from lpm_secure.models.library.opinion import Opinion
from lpm_secure.models.tracer import trace
from lpm_secure.secure_sum.parties import build_noisy_releases, manifest_for
from protocols.arithmetic.sharing import Additive
from protocols.errors import Unavailable
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.releases.query import Release, Releases
from protocols.task.rounds import Phase
from tests.moving_models import Places

RUNS = 4_000  # noise of the system; a sound path is found unsound once in 3.5 million times (5 standard errors)


def test_steps_and_aggregators_whose_noise_is_the_same_are_found(manifest_of):
    assert two_worlds.noise_of_steps(manifest_of()) == []
    assert two_worlds.noise_of_steps(manifest_of(), two_worlds.constant_seed)


def test_a_new_key_in_every_step_costs_a_single_number_nothing(manifest_of):
    """So the mutant is one of running totals alone, and is not caught by chance."""
    assert two_worlds.audit(manifest_of(), "incidence", 4.22, two_worlds.new_keys, runs=RUNS) == []


def test_the_best_linear_test_of_a_series_finds_what_each_number_by_itself_hides():
    draw = np.random.default_rng(1)
    shared, own = draw.normal(size=(2, 4_000, 1)), draw.normal(size=(2, 4_000, 2))
    worlds = 30 * shared + 0.3 * own  # the same noise in both numbers: their difference has hardly any
    worlds[1, :, 0] += 1
    sigma, apart = two_worlds.best_linear_test(worlds, np.array([1.0, 0.0]))
    assert sigma == pytest.approx(0.3 * np.sqrt(2), rel=0.05)
    assert apart == pytest.approx(1, abs=0.1)


def test_the_sigmas_of_the_run_itself_are_replayed_too(manifest_of):
    rule = Release(name="running", mechanism="discrete-gaussian", sigma=7.5, unit="contribution", epsilon=1.0)
    given = replays.rules(manifest_of(releases=Releases(each=(rule,), rho=1.0)))
    assert ("running", 7.5) in given
    assert len(given) == 7


def test_noise_of_a_run_in_which_immunity_wanes_is_replayed_where_it_lasts(manifest_of, seir):
    manifest = manifest_of(model=seir(waning=(2**31, 2**31)), mode="outcome")
    for name, sigma in replays.rules(manifest):
        assert replays.replay_of(manifest, name, sigma).promised > 0
    assert two_worlds.noise_of_steps(manifest) == []


@pytest.mark.parametrize(
    ("mode", "word", "cells"),
    [
        pytest.param("sum", "contact_rate", (30,), marks=pytest.mark.slow),
        ("outcome", "scale.infection", ()),
    ],
)
def test_the_noise_of_a_score_is_replayed_with_the_runs_own_words(manifest_of, cells, mode, word):
    gradient = Gradient(way="score", parameters=("initial", word), clip=2.0)
    score = {"name": "score", "mechanism": "discrete-gaussian", "unit": "contribution", "epsilon": 9.0}
    each = (Release(**score, sigma=3.0, times=2), Release(name="tally"), *(Release(name="cells") for _ in cells))
    manifest = manifest_of(
        mode=mode, cells=cells, min_cohort=2, gradient=gradient, releases=Releases(each=each, rho=99.0)
    )
    assert ("score", 3.0) in replays.rules(manifest)
    assert two_worlds.audit(manifest, "score", 3.0, runs=RUNS) == []
    for mutant, make in two_worlds.MUTANTS["score"].items():
        assert two_worlds.audit(manifest, "score", 3.0, make, runs=two_worlds.FEW), mutant


def test_the_noise_of_a_models_score_is_replayed_with_the_runs_own_words(manifest_of):
    traced = trace(Opinion)
    model = GraphModel(traced.graph, traced.parameters)
    score = {"name": "score", "mechanism": "discrete-gaussian", "unit": "contribution", "epsilon": 9.0}
    each = (Release(**score, sigma=3.0, times=2), Release(name="tally"))
    manifest = manifest_of(
        model=model,
        model_hash=model.digest,
        channels=model.contact_channels,
        mode="outcome",
        min_cohort=2,
        gradient=Gradient(way="score", parameters=("leaning", "start"), clip=2.0),
        releases=Releases(each=each, rho=99.0),
    )
    replay = replays.replay_of(manifest, "score", 3.0)
    assert [word for _, word in replay.reads] == [replay.without.shape[1] - 2, replay.without.shape[1] - 1]
    assert two_worlds.audit(manifest, "score", 3.0, runs=RUNS) == []
    for mutant, make in two_worlds.MUTANTS["score"].items():
        assert two_worlds.audit(manifest, "score", 3.0, make, runs=two_worlds.FEW), mutant


def test_the_noise_of_a_score_of_who_moves_is_replayed_with_cells_of_its_own(manifest_of):
    model = GraphModel(trace(Places).graph, trace(Places).parameters)
    score = {"name": "score", "mechanism": "discrete-gaussian", "unit": "contribution", "epsilon": 9.0}
    each = (Release(**score, sigma=3.0, times=1), Release(name="tally"), Release(name="cells"))
    own = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "cells": (5,) * 3}
    gradient = Gradient(way="score", parameters=("recovery",), clip=2.0)
    releases = Releases(each=each, rho=99.0)
    manifest = manifest_of(mode="outcome", min_cohort=2, gradient=gradient, releases=releases, max_message=20, **own)
    replay = replays.replay_of(manifest, "score", 3.0)
    assert replay.manifest.cells == (2,) * 3
    assert [word for _, word in replay.reads] == [replay.without.shape[1] - 1]


def test_the_noise_of_a_secure_sum_is_replayed_with_the_runs_own_clip():
    releases = build_noisy_releases(sigma=3.0, rounds=4, epsilon=9.0, delta=1e-6)
    given = {"rounds": 4, "min_cohort": 2, "releases": releases}
    manifest = manifest_for(("a", "b"), (3, 2, 6), ["x:1", "y:1"], **given)
    assert ("sum", 3.0) in replays.rules(manifest)
    assert two_worlds.audit(manifest, "sum", 3.0, runs=RUNS) == []
    assert len(two_worlds.MUTANTS["sum"]) == 4
    for mutant, make in two_worlds.MUTANTS["sum"].items():
        assert two_worlds.audit(manifest, "sum", 3.0, make, runs=two_worlds.FEW), mutant


@pytest.mark.slow
def test_a_build_of_sums_passes_all_tests_and_one_that_does_not_mask_them_is_found(monkeypatch):
    manifest = manifest_for(("a", "b", "c"), (3, 2, 6), ["x:1", "y:1"], rounds=4, min_cohort=2)
    found = build.build(manifest, runs=2_000, on_check=silent)
    assert found == {build.VIEWS: [], build.BROKEN_VIEWS: [], build.NOISE: [], build.BROKEN_NOISE: []}
    monkeypatch.setattr(Additive, "split", lambda sharing, x, keys, *, round_number: x.copy())
    assert "words that are no fair coins" in check.audit(manifest, runs=500)[-1]


def test_a_sound_build_passes_some_rules_and_a_broken_one_is_found(manifest_of, monkeypatch):
    """As the slow test below, of one rule of noise and with fewer runs of views."""
    monkeypatch.setattr(build, "rules", lambda manifest: replays.rules(manifest)[:1])
    monkeypatch.setitem(check.audit.__kwdefaults__, "runs", 800)
    found = build.build(manifest_of(mode="outcome"), runs=1_000, on_check=silent)
    assert found == {build.VIEWS: [], build.BROKEN_VIEWS: [], build.NOISE: [], build.BROKEN_NOISE: []}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["outcome", "sum"])
def test_a_sound_build_passes_all_tests_and_the_caller_is_told_of_each(manifest_of, mode):
    told = []
    found = build.build(manifest_of(mode=mode), runs=2_000, on_check=lambda *given: told.append(given))
    assert len(told) > 30
    assert found == {build.VIEWS: [], build.BROKEN_VIEWS: [], build.NOISE: [], build.BROKEN_NOISE: []}
    assert [done for done, _, _ in told] == list(range(told[0][1]))
    assert len({name for _, _, name in told}) == len(told)


def test_a_build_that_does_not_mask_is_found(manifest_of, monkeypatch):
    monkeypatch.setattr(Additive, "split", lambda sharing, x, keys, *, round_number: x.copy())
    assert "words that are no fair coins" in check.audit(manifest_of(), runs=500)[-1]


@pytest.mark.parametrize("mode", ["sum", "outcome"])
def test_a_sound_build_shows_no_more_of_a_run_with_replicates(manifest_of, mode):
    small = check.small(manifest_of(mode=mode, replicates=64))
    assert small.copies == 2
    assert check.receives_the_same(small) == []


def test_a_build_whose_clients_call_again_where_they_have_more_to_say_is_found(manifest_of, monkeypatch):
    """All words are masked; how many calls there are tells."""
    once = Exchange.round

    async def sometimes_twice(self, vector, *, step, phase=Phase.SPEAK):
        if int(vector.sum()) % 2:
            await once(self, vector, step=step, phase=phase)
        return await once(self, vector, step=step, phase=phase)

    monkeypatch.setattr(Exchange, "round", sometimes_twice)
    found = check.receives_the_same(check.small(manifest_of()))
    assert found[0] == "aggregator-0 sees different bytes in two worlds"
    assert len(found) == 2


def test_a_build_with_weak_noise_is_found(manifest_of, monkeypatch):
    of = ReleaseNoise.of
    monkeypatch.setattr(ReleaseNoise, "of", lambda noise, release, step, d: of(noise, release, step, d) // 2)
    for name in ("incidence", "running", "cells"):
        assert two_worlds.audit(manifest_of(), name, 4.22, runs=RUNS)


def test_a_build_in_which_an_event_counts_for_more_than_the_noise_is_made_for_is_found(manifest_of, monkeypatch):
    opened = ReleaseNoise.add

    def thrice(noise, number, total, members, **given):
        return opened(noise, number, total * 3, members, **given)

    monkeypatch.setattr(ReleaseNoise, "add", thrice)
    (line,) = two_worlds.audit(manifest_of(), "cells", 4.22, runs=RUNS)
    assert "times as much as it should" in line


def test_a_test_that_cannot_be_run_is_a_finding(manifest_of, monkeypatch):
    def fails(*given, **more):
        raise Unavailable("an aggregator did not answer")

    monkeypatch.setattr(check, "record", fails)
    monkeypatch.setattr(build, "rules", lambda manifest: [])
    found = build.build(manifest_of(), runs=2_000, on_check=silent)
    assert found[build.VIEWS] == ["views in two worlds could not be tested: an aggregator did not answer"]
