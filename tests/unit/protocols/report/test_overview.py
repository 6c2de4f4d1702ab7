"""What a manifest asks, in sentences: of a simulation with noise, and of a secure sum."""

import datetime

from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from protocols.releases.query import Release, Releases
from protocols.report.disclosure import describe_disclosure
from protocols.report.manifest_page import rows_of, show_lines
from protocols.report.overview import WIDTH, describe_run
from protocols.task import manifest as manifests

NOISE = {"mechanism": "discrete-gaussian", "unit": "contribution", "epsilon": 1.0, "delta": 1e-6}


def said_of(manifest):
    return {title: " ".join(said) for title, said in describe_run(manifest).items()}


def test_a_simulation_is_told_in_days_and_what_noise_promises_in_words(manifest_of, tmp_path):
    each = (Release(name="incidence", sigma=4.5, **NOISE), Release(name="cells", sigma=7.0, times=9, **NOISE))
    releases = Releases(each=each, rho=1.0)
    given = {
        "cells": (30, 40),
        "steps": 4,
        "dt": 0.5,
        "start": datetime.date(2026, 1, 5),
        "engine": True,
        "mode": "outcome",
    }
    manifest = manifest_of(((1,), (2, 3)), **given, releases=releases, join_timeout_s=90.0, round_timeout_s=120.0)
    said = said_of(manifest)
    assert "2 clients with 3 private agents together (client-0, client-1)" in said["Who takes part"]
    simulated = said["What is simulated"]
    assert "4 steps of 0.5 days each, 2 days in all; the first on 2026-01-05." in simulated
    assert "2 cells, of 30 to 40 people each" in simulated
    assert "0.75 on average, from 0.5 to 1 (days until it happens" in said["Parameters"]  # of one or two steps
    told = said["What each party is told, as the run's report will say"]
    assert "In numbers: 1 bit of each agent and step at most, 12 over the whole run." in told
    assert "Opened over all clients: 3 numbers in every step." in told
    assert "epsilon 1 allows, but for a chance of 1e-06" in said["What the releases cost in privacy"]
    assert "All releases together cost an epsilon of at most" in said["What the releases cost in privacy"]
    waits = said["How long parties wait"]
    assert "90 seconds at the beginning and 2 minutes in every later one" in waits
    assert "280 seconds at the beginning and 370 seconds later" in waits
    assert said["Who must not collude"] in describe_disclosure(manifest)
    (tmp_path / "manifest.json").write_bytes(manifests.encode(manifest))
    lines = show_lines(tmp_path / "manifest.json")
    before, behind = lines[: lines.index("Every field")], lines[lines.index("Every field") + 1 :]
    assert len(behind) == len(rows_of(manifest))
    assert max(map(len, before)) <= WIDTH


def test_sums_and_bits_are_counted_in_all_replicates(manifest_of):
    told = "What each party is told, as the run's report will say"
    several = manifest_of(((1,), (2, 3)), steps=4, replicates=8, mode="outcome")
    assert "at most in each of 8 replicates, 96 over the whole run." in said_of(several)[told]
    assert "Opened over all clients: 32 numbers in every step." in said_of(several)[told]
    exact = manifest_of(((1,), (2, 3)), steps=4, mode="sum")
    assert "1 exact sum of each agent and step at most, 12 over the whole run." in said_of(exact)[told]


def test_a_secure_sum_is_told_without_a_simulation():
    given = {"rounds": 2, "min_cohort": 2}
    manifest = manifest_for(("a", "b"), (3,), [NOWHERE] * 2, **given)
    said = said_of(manifest)
    assert "2 institutions (a, b)." in said["Who takes part"]
    assert "An engine announces in every round." in said["Who takes part"]
    assert {"What is simulated", "Parameters"}.isdisjoint(said)
    assert (
        "In each of 2 rounds the engine announced 3 numbers"
        in said["What each party is told, as the run's report will say"]
    )
    assert "sum: exact. No budget bounds" in said["What the releases cost in privacy"]
    each = (Release(name="sum", sigma=4.5, times=2, **NOISE),)
    noised = manifest_for(("a", "b"), (3,), [NOWHERE] * 2, **given, releases=Releases(each=each, rho=1.0))
    cost = said_of(noised)["What the releases cost in privacy"]
    assert "what one institution adds to it at most as much as epsilon 1 allows, but for a chance of 1e-06. All" in cost
