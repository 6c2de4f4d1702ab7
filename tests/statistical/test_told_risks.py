"""What `lpm risk` tells at the shipped settings, held against true risks: skill, reliability, and the sign of halving.

The weeks are those of `examples/risk.toml`, among its people (without the data, among generated ones), in the clear,
with noise like the run's. A true risk is the share of 8,000 other worlds. Where an outcome has the chance p and t is
told, the Brier score is p (1 - p) + (t - p)^2 on average: telling everybody the mean risk costs the variance of p
more than telling p does, which is the attainable skill, and of it what is told loses (t - p)^2. The slope of outcomes
on what is told is that of p on it.
"""

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest

from lpm_secure.analysis.risk import replay
from lpm_secure.analysis.risk.config import load
from lpm_secure.analysis.risk.distribution import distribution, sigma_of
from lpm_secure.analysis.risk.personal import BEHAVIOURS, Personal
from lpm_secure.analysis.risk.risk_law import fit_risk_law
from lpm_secure.analysis.risk.worlds import select_departments, week
from lpm_secure.testbed.contacts import contacts_of
from protocols.task.secure_sum.range import SumRule

CONFIG = load(Path(__file__).parents[2] / "examples" / "risk.toml")
ADDRESSES = tuple(f"localhost:{port}" for port in range(1, 6))
SEEDS, TRUE = range(1, 9), 8_000


def risks(seed, worlds, *, first=None):
    """Return each device's worlds, of which the first has this seed, or the configuration's."""
    config = msgspec.structs.replace(CONFIG, seed=seed, worlds=min(worlds, 4_000))
    testbed = week(config, select_departments(contacts_of(config.week()), CONFIG.people.departments), ADDRESSES)
    days, start = [], 10_000 * seed if first is None else first
    for at in range(0, worlds, config.worlds):
        manifest = msgspec.structs.replace(testbed.manifest, testbed_seed=start + at)
        own = dataclasses.replace(testbed, manifest=manifest)
        days.append(replay.stages(own, replay.list_edges(own)))
    begun, ended = (np.concatenate(each, axis=1) for each in zip(*days, strict=True))
    slots = range(0, begun.shape[0], BEHAVIOURS)
    return [Personal.of(*(day[at : at + BEHAVIOURS].reshape(-1) for day in (begun, ended))) for at in slots]


@pytest.mark.slow
def test_told_risks_are_skilful_and_reliable_and_halving_contacts_never_looks_worse(record_property):
    true = np.array([own.before.risk for own in risks(1, TRUE, first=10**7)])
    edges = CONFIG.distribution.edges
    devices = [f"person-{at}" for at in range(true.size)]
    sigma = sigma_of(SumRule.of(distribution(CONFIG, devices, ADDRESSES[:2])))
    noise = np.random.default_rng(7)
    told, raw, held = np.zeros((3, len(SEEDS), true.size))
    for row, seed in enumerate(SEEDS):
        own = risks(seed, CONFIG.worlds)
        counts = np.bincount([each.bin(edges) for each in own], minlength=len(edges) + 1)
        released = counts + noise.normal(0, sigma, counts.size)
        law = fit_risk_law(released, edges, devices=true.size, worlds=CONFIG.worlds, sigma=sigma)
        estimates = [law.estimate(each) for each in own]
        assert all(each.halved < each.before for each in estimates)
        assert all(sum(each.halved.infected) <= sum(each.before.infected) for each in own)
        told[row], raw[row] = [each.before for each in estimates], [each.before.risk for each in own]
        held[row] = [each.low <= p <= each.high for each, p in zip(estimates, true, strict=True)]
    attainable = true.var()
    lost, lost_raw = (((each - true) ** 2).mean() / attainable for each in (told, raw))
    slopes = [np.cov(np.tile(true, len(SEEDS)), each.reshape(-1))[0, 1] / each.var(ddof=1) for each in (told, raw)]
    said = (
        f"{true.size} people, {CONFIG.worlds} worlds, {len(SEEDS)} seeds: of the attainable skill {1 - lost:.3f} is "
        f"reached (unshrunk {1 - lost_raw:.3f}), slope {slopes[0]:.3f} (unshrunk {slopes[1]:.3f}), intervals of 90 % "
        f"held {held.mean():.3f}; mean {true.mean():.4f}, sd {true.std():.4f}"
    )
    record_property("risks", said)
    print(said)
    assert lost < 0.25
    assert 0.85 < slopes[0] < 1.15
    assert 0.85 < held.mean() < 0.95
