"""Scores with noise: the exact score and the aggregators' noises, word by word, and nothing else of the run changes."""

import asyncio

import msgspec
import numpy as np
import pytest
import torch

from aggregator.release.noise import ReleaseNoise
from client_sdk import Client, ContactTable
from lpm_secure.audit import privacy_cost, rules
from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.score import ClearScores, simulate_scores
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import BudgetSpent, ParameterError, WouldWrap
from protocols.models.gradient import Gradient
from protocols.models.likelihood.factors.integer_score import UNIT, terms
from protocols.releases.ledger import RoundRecord
from protocols.releases.query import NOISE, Release, Releases
from protocols.task.layout import Layout
from protocols.task.parties import ENGINE
from protocols.task.release_plan import ReleasePlan, releases_of
from protocols.task.rounds import Phase
from tests.epidemics import Stage

CPU = torch.device("cpu")
STEPS = 5
SIGMA = 3.0
NAMES = {"sum": ("contact_rate", "cell_rate", "initial"), "outcome": ("initial", "scale.infection")}
WAYS = {"sum": {"clip": 64.0}, "outcome": {"clip": 64.0, "largest_hazard": 8.0}}


def noised_score(p, sigma=SIGMA, **given):
    values = {"times": p, "unit": "contribution", "epsilon": 9.0, "delta": 1e-6} | given
    return Release(name="score", mechanism=NOISE, sigma=sigma, **values)


@pytest.fixture
def testbed_of(manifest_of, seir):
    """Return a function that makes 30 people in three clients, whose run takes scores, and opens them as told."""

    def make(mode="sum", each=None, rho=100.0, **changed):
        draw = np.random.default_rng(3)
        names = NAMES[mode]
        gradient = Gradient(way="score", parameters=names, **WAYS[mode])
        given = {"min_cohort": 2, "steps": STEPS, "engine": True, "cells": (150, 150), "gradient": gradient}
        given |= {"model": seir(listed=False, cell_beta=2**39, initial=2**29, beta=(2**34,))} | changed
        manifest = manifest_of(
            [tuple(range(c * 10, c * 10 + 10)) for c in range(3)],
            mode=mode,
            releases=each and Releases(each=each, rho=rho),
            **given,
        )
        day, a, b = (draw.integers(0, high, 60) for high in (1, 30, 30))
        keep = a < b
        table = ContactTable(day[keep], a[keep], b[keep], np.zeros(keep.sum(), dtype=int), np.full(keep.sum(), 5))
        return Testbed(manifest, table, draw.integers(0, 2, 30), 20, "drawn", True)

    return make


EXACT = (Release(name="tally"), Release(name="cells"))


@pytest.fixture
def run_private(operators_of):
    """Return a function that runs a testbed over clients and aggregators, and returns series and score."""

    def run(testbed):
        manifest = testbed.manifest

        async def one(name, operators):
            await (await Client.join(manifest, testbed.private_state(name), operators.transports(name))).run()

        async def everybody():
            with operators_of(manifest) as operators:
                engine = RemotePart(manifest, operators.transports(ENGINE))
                parts = [one(party.name, operators) for party in manifest.clients]
                synthetic = testbed.synthetic_agents(CPU)
                return (await asyncio.gather(simulate_scores(manifest, engine, synthetic), *parts))[0]

        return asyncio.run(everybody())

    return run


@pytest.fixture
def fixed_keys(monkeypatch):
    """Let every aggregator's noise have a key that the test knows."""
    keys = [bytes([index]) * 32 for index in (5, 6)]
    monkeypatch.setattr(
        ReleaseNoise,
        "load",
        classmethod(lambda cls, plan, layout, *, index, **_: cls(plan, layout, index, keys[index])),
    )
    return keys


def run_clear(testbed):
    clear = ClearScores(testbed.manifest, testbed.clear_agents(CPU))
    return asyncio.run(simulate_scores(testbed.manifest, clear, testbed.synthetic_agents(CPU)))


def real(manifest, words):
    """Return words of a score as numbers."""
    given = manifest.gradient
    units = [UNIT if name == "scale.infection" else 2.0**given.tangent_bits for name in given.parameters]
    return np.array(words, dtype=np.float64) / units


@pytest.mark.parametrize("mode", ["sum", "outcome"])
def test_a_noised_score_is_the_exact_one_and_the_sum_of_all_noises(testbed_of, run_private, fixed_keys, mode):
    testbed = testbed_of(mode, (*EXACT, noised_score(len(NAMES[mode]))))
    private, clear = run_private(testbed), run_clear(testbed)
    rule = releases_of(testbed.manifest).of("score")
    drawn = [
        ReleaseNoise(ReleasePlan.of(testbed.manifest), Layout.of(testbed.manifest), i, key).of(rule, STEPS, rule.times)
        for i, key in enumerate(fixed_keys)
    ]
    assert all((each != 0).all() for each in drawn)
    told = real(testbed.manifest, sum(drawn)) + clear.score
    np.testing.assert_allclose(private.score, told, rtol=1e-12)
    assert private.series.hash == clear.series.hash  # tally and cells are exact, and nothing of the score feeds back


@pytest.mark.parametrize("mode", ["sum", "outcome"])
@pytest.mark.parametrize("each", [None, (*EXACT, Release(name="score"))])
def test_without_noise_a_score_is_the_clear_one_to_the_bit(testbed_of, run_private, mode, each):
    testbed = testbed_of(mode, each)
    private, clear = run_private(testbed), run_clear(testbed)
    assert private.score.tobytes() == clear.score.tobytes()
    assert private.series.hash == clear.series.hash


def test_a_score_goes_with_a_noised_series(testbed_of, run_private, fixed_keys):
    series = Release(name="incidence", mechanism=NOISE, sigma=2.0, unit="contribution", epsilon=9.0)
    testbed = testbed_of("sum", (series, Release(name="cells"), noised_score(3)))
    private, clear = run_private(testbed), run_clear(testbed)
    rule = releases_of(testbed.manifest).of("score")
    drawn = sum(
        ReleaseNoise(ReleasePlan.of(testbed.manifest), Layout.of(testbed.manifest), i, key).of(rule, STEPS, 3)
        for i, key in enumerate(fixed_keys)
    )
    np.testing.assert_allclose(private.score, real(testbed.manifest, drawn) + clear.score, rtol=1e-12)
    assert private.series.hash != clear.series.hash


def test_every_word_has_the_full_sigma_of_its_own_change(testbed_of):
    testbed = testbed_of("outcome", (*EXACT, noised_score(2)))
    rule = releases_of(testbed.manifest).of("score")
    keys = (index.to_bytes(32, "big") for index in range(3_000))
    drawn = (
        np.array(
            [
                ReleaseNoise(ReleasePlan.of(testbed.manifest), Layout.of(testbed.manifest), 0, key).of(rule, STEPS, 2)
                for key in keys
            ]
        )
        / testbed.manifest.score_changes
    )
    assert drawn.std(axis=0) == pytest.approx([SIGMA, SIGMA], rel=0.06)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.08
    assert (np.abs(drawn.mean(axis=0)) < 0.25).all()


def test_the_bound_by_scale_holds_for_every_agent(testbed_of):
    """The worst agents: one that escapes all of its threshold and is infected at once or at the largest hazard."""
    manifest = testbed_of("outcome").manifest
    per_unit, bound = 2**14, manifest.score_changes[1]
    for last in (0, manifest.gradient.largest_hazard * per_unit, 3 * per_unit):
        z = np.array([37 * per_unit // 4] * 4 + [int(last)])
        escaped = terms(z[:4], np.ones(4, dtype=np.int64), np.zeros(4, dtype=np.int64)).sum()
        infected = terms(z[4:], np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)).sum()
        assert infected - escaped <= bound
    assert bound < 45 * UNIT


def test_a_beta_that_rounding_makes_larger_makes_the_bound_larger(testbed_of, seir):
    model = seir(listed=False, cell_beta=2**39, initial=2**29, beta=(3 * 2**24,))  # 0.75 of the coarse unit
    coarse = msgspec.structs.replace(testbed_of("outcome").manifest, model=model)
    assert coarse.score_changes[1] > 37 * UNIT * 4 // 3


def rounds(manifest):
    return [
        RoundRecord(
            number=number,
            step=manifest.schedule.step(number),
            phase=int(manifest.schedule.phase(number)),
            members=tuple(client.name for client in manifest.clients),
            refused=(),
            releases=ReleasePlan.of(manifest).records(manifest.schedule.step(number))
            if manifest.schedule.phase(number) == Phase.SPEAK
            else (),
        )
        for number in range(manifest.schedule.number(manifest.steps, Phase.SPEAK) + 1)
    ]


def test_the_audit_counts_a_score_once_and_holds_it_to_its_promise(testbed_of):
    manifest = testbed_of("outcome", (*EXACT, noised_score(2))).manifest
    told = rounds(manifest)
    assert rules.breaches(manifest, told) == []
    assert [each.name for each in told[-1].releases] == ["tally", "cells", "score"]
    lines, table = rules.overspending(manifest, told)
    assert lines == []
    [score] = [row for row in table if row["release"] == "score by initial, scale.infection"]
    assert 2.0 < score["epsilon"] < 3.0  # sqrt(2) / 3 of a standard Gaussian, at 1e-6
    assert privacy_cost.costs(told[:-1]) == {}
    cheap = testbed_of("outcome", (*EXACT, noised_score(2, epsilon=1.0))).manifest
    assert "score: costs epsilon" in rules.overspending(cheap, rounds(cheap))[0][0]
    early = msgspec.structs.replace(told[-3], releases=told[-1].releases)
    assert "does not allow" in rules.breaches(manifest, [early])[0]


def test_a_score_beyond_the_budget_is_not_opened(testbed_of, run_private):
    cost = 3 / (2 * SIGMA**2)
    with pytest.raises(BudgetSpent, match="too little for it"):
        run_private(testbed_of("sum", (*EXACT, noised_score(3)), rho=0.99 * cost))
    run_private(testbed_of("sum", (*EXACT, noised_score(3)), rho=cost))


@pytest.mark.parametrize(
    ("each", "said"),
    [
        (EXACT, "cannot do without it"),
        ((*EXACT, noised_score(2)), "set times of score to 3"),
        ((*EXACT, noised_score(3, sensitivity=2)), "its sensitivity to 1"),
        ((*EXACT, noised_score(3, sigma=2.0**40)), "noise needs 0.1 to"),
        ((*EXACT, noised_score(3, sigma=2.0**25)), "most of it is noise"),
    ],
)
def test_releases_that_do_not_fit_a_score_are_refused(testbed_of, each, said):
    with pytest.raises((ParameterError, WouldWrap), match=said):
        testbed_of("sum", each)


@pytest.mark.parametrize("way", ["tangents", "adjoints"])
def test_noise_beside_tangents_and_adjoints_is_refused_with_the_reason(testbed_of, seir, way):
    given = {"gradient": Gradient(way=way, parameters=("initial",)), "model": seir(cell_beta=2**39, listed=False)}
    cells = Release(name="cells", mechanism=NOISE, sigma=3.0, times=STEPS, unit="contribution", epsilon=9.0)
    with pytest.raises(ParameterError, match="noise beside them covers departures of tangents alone"):
        testbed_of("sum", (Release(name="tally"), cells), **given)
    with pytest.raises(ParameterError, match="release score is for gradients"):
        testbed_of("sum", (*EXACT, Release(name="score")), **given)


def test_the_words_of_a_tally_stay_where_they_are(testbed_of):
    manifest = testbed_of("sum", (*EXACT, noised_score(3))).manifest
    noise = ReleaseNoise(ReleasePlan.of(manifest), Layout.of(manifest), 0, bytes(32))
    total = np.zeros(30 + 2 + len(Stage) + 3, dtype=np.uint64)
    before = noise.add(STEPS - 1, total, (), shares=None, before=b"")
    assert before[0].tolist() == total.tolist()
    told = noise.add(STEPS, total, (), shares=None, before=before[1])[0]
    assert told[: 32 + len(Stage)].tolist() == [0] * (32 + len(Stage))
    assert (told[32 + len(Stage) :] != 0).all()
