"""What an audit tests of this build: the noise of an active run's operators among it."""

import numpy as np
import pytest

from lpm_secure.audit import build, two_worlds
from lpm_secure.secure_sum.parties import NOWHERE, build_noisy_releases, manifest_for
from protocols.releases.query import Release, Releases

RULE = {"mechanism": "discrete-gaussian", "sigma": 4.22, "unit": "contribution", "epsilon": 9.0, "delta": 1e-6}


@pytest.fixture(params=["sum", "cells"])
def active(request, manifest_of):
    """Return an active run with noise in what it releases, and what that is."""
    if request.param == "cells":
        releases = Releases(each=(Release(name="cells", times=3, **RULE), Release(name="tally")), rho=100.0)
        return manifest_of(mode="outcome", cells=(9, 9), releases=releases, security="active"), "cells"
    releases = build_noisy_releases(sigma=4.22, rounds=3, epsilon=100.0, delta=1e-6)
    names, servers = ("client-0", "client-1"), [NOWHERE] * 2
    return manifest_for(names, (2, 3), servers, rounds=3, min_cohort=2, dealer=NOWHERE, releases=releases), "sum"


@pytest.mark.slow
def test_the_noise_of_an_active_runs_operators_is_tested_and_bad_ones_are_caught(active):
    manifest, name = active
    given = build._noise(manifest, {name}, runs=2_000)
    assert {heading for heading, _, _ in given} == {build.NOISE, build.BROKEN_NOISE}
    own = [(of, test) for _, of, test in given if of.endswith(f"{name}, sigma 4.22")]
    assert len(own) == 1 + len(two_worlds.MUTANTS[name])
    for of, test in own:
        assert test() == [], of


def test_an_active_build_without_noise_is_found(active, monkeypatch):
    manifest, name = active
    monkeypatch.setattr(two_worlds, "noise_of", lambda plan, *_: np.zeros(plan.layout.release_words, np.int64))
    found = [test() for heading, _, test in build._noise(manifest, {name}, runs=400) if heading == build.NOISE]
    assert found
    assert all("hides an event as sigma 0 would" in lines[0] for lines in found)
