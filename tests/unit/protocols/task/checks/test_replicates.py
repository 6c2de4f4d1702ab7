"""What replicates do not go with is refused in one line; what goes with them is counted for each."""

import msgspec
import numpy as np
import pytest

from protocols.errors import BudgetSpent, ParameterError
from protocols.models.gradient import Gradient
from protocols.releases.query import Release, Releases
from protocols.task import manifest as manifests
from protocols.task.devices import Devices
from protocols.task.layout import Layout
from protocols.task.policy import epsilon_of, rho_of
from protocols.task.release_plan import ReleasePlan
from protocols.wire.methods import largest_call_of
from tests.conformance.parity.conftest import graph_model

COPIES = 3


@pytest.fixture
def manifest(manifest_of):
    """Return a manifest of five agents, two cells and three replicates."""
    return manifest_of(cells=(9, 8), engine=True, replicates=COPIES)


def test_a_manifest_with_replicates_is_read_as_it_was_written_and_without_them_it_is_as_before(manifest):
    assert manifests.decode(manifests.encode(manifest)) == manifest
    own = manifest.replicate(2)
    assert b"replicates" not in manifests.encode(own)
    assert (own.copies, own.testbed_seed) == (1, manifest.testbed_seed + 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"twins": {"client-0": (2, 0), "client-1": (0, 1), "client-2": (1, 1)}}, "3 replicates and twins"),
        ({"gradient": Gradient(way="tangents", parameters=("cell_beta",))}, "3 replicates and a gradient"),
        ({"devices": Devices(degree=2), "edges": "permuted"}, "3 replicates and permuted edges"),
        ({"testbed_seed": 2**63 - 2}, "would have the seed 9223372036854775808"),
    ],
)
def test_replicates_that_cannot_be_are_refused_in_one_line(manifest, changes, said):
    with pytest.raises(ParameterError) as error:
        msgspec.structs.replace(manifest, **changes)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_common_draws_and_a_gradient_are_refused(manifest):
    single = msgspec.structs.replace(manifest, replicates=msgspec.UNSET, common_draws=2)
    with pytest.raises(ParameterError, match="common_draws and a gradient"):
        msgspec.structs.replace(single, gradient=Gradient(way="tangents", parameters=("cell_beta",)))


def test_more_public_numbers_than_a_late_client_can_be_told_at_once_are_refused(manifest_of):
    model = graph_model("closures")
    count = len(model.agents.public)
    given = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "engine": True}
    assert manifest_of(**given, replicates=2**12 // count).copies == 2**12 // count
    with pytest.raises(ParameterError, match="public numbers in a step; 4,096 are allowed: make fewer at once"):
        manifest_of(**given, replicates=2**12 // count + 1)


def test_a_small_manifest_of_many_replicates_asks_nobody_for_more_memory_than_a_vector_has(manifest_of):
    """Four thousand copies of a few thousand agents would have every party that reads it allocate gigabytes."""
    agents, least = 2**15 // len(manifest_of().channels), {"max_message": 1, "replicates": 4096}
    assert manifest_of([range(agents)], **least).copies == 4096
    cells = {"cells": (1,) * (2**15 + 1), "engine": True}
    for given in ({"agents": [range(agents + 1)]}, cells):
        with pytest.raises(ParameterError, match="words, and 134,217,728 are allowed: make fewer at once"):
            manifest_of(**given, **least)


def test_a_run_whose_calls_no_connection_takes_is_refused_in_one_line(manifest_of):
    """Keys of small counts take far more than what clients share."""
    given = {"mode": "outcome", "security": "active", "validity": "bits", "min_count": 2, "cells": (2, 2, 2, 2)}
    assert largest_call_of(manifest_of(**given, engine=True, replicates=64)) < 2**31
    with pytest.raises(ParameterError, match="2,147,483,647 are allowed: have fewer replicates") as error:
        largest_call_of(manifest_of(**given, engine=True, replicates=4096))
    assert "\n" not in str(error.value)


def test_every_word_of_a_vector_stands_there_once_for_each_replicate(manifest):
    layout, one = Layout.of(manifest), Layout.of(manifest.replicate(0))
    assert (layout.n, layout.cells, layout.q) == (COPIES * one.n, COPIES * one.cells, COPIES * one.q)
    assert layout.mixing == (9, 9, 9, 8, 8, 8)
    assert [layout.people(name) for name in layout.own] == [slice(*own) for own in one.own.values()]
    assert layout.split(np.arange(6)).tolist() == [[0, 3], [1, 4], [2, 5]]


def test_noise_is_accounted_for_every_replicate(manifest):
    noised = {"mechanism": "discrete-gaussian", "sigma": 4.0, "unit": "contribution", "epsilon": 1.0}
    releases = Releases(each=(Release(name="incidence", **noised), Release(name="cells", times=5, **noised)), rho=0.5)
    asked = msgspec.structs.replace(manifest, releases=releases)
    one = asked.replicate(0)
    assert rho_of(asked) == pytest.approx(COPIES * rho_of(one))
    assert epsilon_of(rho_of(asked), 1e-6) > epsilon_of(rho_of(one), 1e-6)
    for of_all, of_one in zip(ReleasePlan.of(asked).records(1), ReleasePlan.of(one).records(1), strict=True):
        assert (of_all.each, of_all.times) == (COPIES * of_one.each, COPIES * of_one.times)
    made = {"incidence": 5, "cells": 5}
    assert releases.require(made) < 0.5
    with pytest.raises(BudgetSpent):
        releases.require(made, copies=COPIES)
