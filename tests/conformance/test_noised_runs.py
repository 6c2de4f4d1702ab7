"""Runs whose releases have noise: the same noise in the clear gives the same run, and nothing else is opened."""

import asyncio

import msgspec
import numpy as np
import pytest
import torch

from aggregator.release.noise import ReleaseNoise
from aggregator.store import Store
from client_sdk import ContactTable
from lpm_secure.engine.loop import PrivatePart, StepRelease, simulate
from lpm_secure.engine.tally import TallyEstimator
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import BudgetSpent, ParameterError
from protocols.releases.query import Release as Rule
from protocols.releases.query import Releases
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan, releases_of
from tests.epidemics import Stage

STEPS = 6


def noised(name, sigma=3.0, **changes):
    return Rule(name=name, mechanism="discrete-gaussian", sigma=sigma, unit="contribution", epsilon=9.0, **changes)


CHOICES = {
    "incidence": (noised("incidence"), noised("cells", times=STEPS)),
    "running": (noised("running"), noised("cells", times=STEPS)),
    "cells alone": (Rule(name="tally"), noised("cells", times=STEPS)),
    "exact incidence": (Rule(name="incidence"), Rule(name="cells")),
}


@pytest.fixture
def testbed_of(manifest_of, seir):
    def _testbed(releases, mode="sum", rho=100.0):
        draw = np.random.default_rng(3)
        agents = [tuple(range(c * 10, c * 10 + 10)) for c in range(3)]
        manifest = manifest_of(
            agents,
            mode=mode,
            steps=STEPS,
            engine=True,
            cells=(150, 150),
            model=seir(cell_beta=2**39, initial=2**29, beta=(2**34,)),
            releases=releases and Releases(each=releases, rho=rho),
        )
        day, a, b = (draw.integers(0, high, 60) for high in (1, 30, 30))
        keep = a < b
        table = ContactTable(day[keep], a[keep], b[keep], np.zeros(keep.sum(), dtype=int), np.full(keep.sum(), 5))
        return Testbed(manifest, table, draw.integers(0, 2, 30), 200, "drawn", True)

    return _testbed


class Replayed(PrivatePart):
    """The clear run, whose releases get the noise that the aggregators of another run had."""

    def __init__(self, testbed, keys):
        self.agents = testbed.clear_agents(torch.device("cpu"))
        self._manifest, self._reading, self._before = (
            testbed.manifest,
            TallyEstimator(ReleasePlan.of(testbed.manifest), testbed.manifest.model, Layout.of(testbed.manifest).n),
            None,
        )
        self._noise = [
            ReleaseNoise(ReleasePlan.of(testbed.manifest), Layout.of(testbed.manifest), index, key)
            for index, key in enumerate(keys)
        ]

    def _drawn(self, name, step, d):
        rule = releases_of(self._manifest).of(name)
        return sum(each.of(rule, step, d) for each in self._noise) if rule else np.zeros(d, dtype=np.int64)

    async def advance(self, step, synthetic):
        cells = self.agents.cell_totals() + self._drawn("cells", step, 2)
        tally = self.agents.tally()
        words, n = np.zeros_like(tally), int(tally.sum())
        before = n if self._before is None else self._before
        self._before = int(tally[Stage.S])
        words[Stage.S] = before - self._before + self._drawn("incidence", step, 1)[0]
        if releases_of(self._manifest).of("running"):
            words[Stage.S] = n - self._before + self._drawn("running", step, 1)[0]
        told = self._reading.tally(tally if releases_of(self._manifest).of("tally") else words)
        if step < self._manifest.steps:
            self.agents.update(cells + synthetic, step=step)
        return StepRelease(cells, told, 3, 0)


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


@pytest.mark.parametrize("mode", ["sum", "outcome"])
@pytest.mark.parametrize("choice", CHOICES)
def test_a_noised_run_is_the_clear_run_with_the_same_noise(testbed_of, run_private, fixed_keys, choice, mode):
    testbed = testbed_of(CHOICES[choice], mode)
    private = run_private(testbed)
    clear = Replayed(testbed, fixed_keys)
    series = asyncio.run(simulate(testbed.manifest, clear, testbed.synthetic_agents(torch.device("cpu"))))
    assert private.series.counts.tolist() == series.counts.tolist()
    known = clear.agents.state if mode == "sum" else ("stage", "timer")  # a client knows no hazard in outcome mode
    for field in known:
        assert private.state[field].tolist() == clear.agents.state[field].tolist(), field


def test_without_noise_the_run_is_the_clear_one(testbed_of, run_private, run_clear):
    assert run_private(testbed_of(None)).series.hash == run_clear(testbed_of(None)).series.hash


def test_exact_incidence_gives_the_exact_first_stage(testbed_of, run_private, run_clear):
    testbed = testbed_of(CHOICES["exact incidence"])
    private, clear = run_private(testbed).series, run_clear(testbed).series
    assert private.of("private", Stage.S).tolist() == clear.of("private", Stage.S).tolist()


def test_noise_changes_what_is_told_and_is_other_noise_in_every_run(testbed_of, run_private):
    testbed = testbed_of(CHOICES["incidence"])
    assert len({run_private(testbed).series.hash for _ in range(3)}) == 3


def test_a_run_that_would_overspend_stops_before_and_says_what_is_left(testbed_of, run_private):
    step = 1 / (2 * 3.0**2)
    with pytest.raises(BudgetSpent, match=r"is left, too little for it, so the run stops here"):
        run_private(testbed_of(CHOICES["cells alone"], rho=3.5 * step))
    run_private(testbed_of(CHOICES["cells alone"], rho=STEPS * step))


def test_a_noise_key_survives_restarts_and_is_drawn_once(tmp_path, manifest_of):
    url, run = f"sqlite:///{tmp_path / 'store.db'}", bytes(32)
    rule, drawn = noised("incidence"), []
    for _ in range(3):
        store, manifest = Store(url), manifest_of()
        given = {"run": run, "index": 0, "store": store}
        noise = ReleaseNoise.load(ReleasePlan.of(manifest), Layout.of(manifest), **given)
        drawn += [noise.of(rule, step, 5).tolist() for step in (0, 1)]
        store.close()
    assert drawn[0] == drawn[2] == drawn[4] != drawn[1] == drawn[3]


def test_nothing_of_the_noise_is_printed(manifest_of):
    noise = ReleaseNoise(ReleasePlan.of(manifest_of()), Layout.of(manifest_of()), 0, b"secret" * 6)
    assert "secret" not in repr(noise)


@pytest.mark.parametrize(
    ("releases", "said"),
    [
        ((noised("incidence"),), "cannot do without it"),
        ((noised("incidence"), Rule(name="tally"), Rule(name="cells")), "tell the same"),
        ((Rule(name="cells"), Rule(name="cells")), "name each once"),
        ((Rule(name="tally"), noised("cells", times=1)), "set times of cells"),
    ],
)
def test_releases_that_contradict_the_run_are_refused(testbed_of, releases, said):
    with pytest.raises(ParameterError, match=said):
        testbed_of(releases)


def test_a_release_says_all_of_its_noise_or_none():
    for wrong in ({"sigma": 1.0}, {"mechanism": "discrete-gaussian"}, {"epsilon": 1.0}):
        with pytest.raises(ParameterError, match="noise needs a sigma"):
            Rule(name="cells", **wrong)
    with pytest.raises(ParameterError, match="opened exact or not at all"):
        noised("tally")


def test_a_client_that_was_away_counts_each_agent_once(manifest_of):
    from aggregator.rounds.vectors import Vectors

    manifest = manifest_of([(1, 2, 3), (4, 5)], releases=Releases(each=(Rule(name="incidence"),)), cells=())
    noise, layout_at = ReleaseNoise(ReleasePlan.of(manifest), Layout.of(manifest), 0, bytes(32)), 5
    first = {0: {"client-0": 3, "client-1": 2}, 1: {"client-0": 2}, 2: {"client-0": 1, "client-1": 0}}
    kept, told = b"", []
    for number, there in first.items():

        def share(client, there=there):
            vector = np.zeros(9, dtype=np.uint64)
            vector[layout_at] = there[client]
            return vector

        total = sum(share(client) for client in there)
        opened, kept = noise.add(number, total, tuple(there), shares=Vectors(share, None), before=kept)
        told.append(opened[layout_at:].tolist())
    assert told == [[0, 0, 0, 0], [1, 0, 0, 0], [3, 0, 0, 0]]


def test_a_manifest_keeps_its_releases_in_canonical_form(testbed_of):
    from protocols.task import manifest as manifests

    manifest = testbed_of(CHOICES["running"]).manifest
    assert manifests.decode(manifests.encode(manifest)) == manifest
    assert msgspec.json.decode(manifests.encode(manifest))["releases"]["rho"] == 100.0
