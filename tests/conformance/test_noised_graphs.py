"""Departures with noise, of runs of a model's graph: the clear run with the same noise, and nothing else is opened."""

import numpy as np
import pytest

from aggregator.release.noise import ReleaseNoise
from client_sdk import ContactTable
from lpm_secure.testbed.synthetic import draw_columns
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import ParameterError
from protocols.releases.query import Release, Releases
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan
from tests.conformance.parity.conftest import RANGES, graph_model
from tests.conformance.test_noised_runs import fixed_keys, noised  # noqa: F401, the fixture

STEPS, CLIENTS, EACH, SYNTHETIC = 6, 3, 10, 200


@pytest.fixture
def testbed_of(manifest_of):
    def build(name, releases, **changes):
        model, draw = graph_model(name), np.random.default_rng(3)
        manifest = manifest_of(
            [tuple(range(c * EACH, (c + 1) * EACH)) for c in range(CLIENTS)],
            model=model,
            model_hash=model.digest,
            channels=model.contact_channels,
            steps=STEPS,
            engine=True,
            max_message=9,
            releases=Releases(each=releases, rho=1000.0),
            testbed_seed=5,
            **{"mode": "outcome"} | changes,
        )
        n = CLIENTS * EACH
        a, b = draw.integers(0, n, (2, 80))
        kept, zeros = a < b, np.zeros((a < b).sum(), dtype=np.int64)
        table = ContactTable(zeros, a[kept], b[kept], zeros, np.full(kept.sum(), 3))
        agents = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.uint64)
        cell = draw.integers(0, len(manifest.cells), n) if manifest.cells else np.zeros(0, dtype=np.int64)
        columns = draw_columns(manifest, agents, RANGES)
        return Testbed(manifest, table, cell, SYNTHETIC if manifest.cells else 0, "drawn", True, columns=columns)

    return build


def noise_of(manifest, keys, name):
    rule = next(each for each in manifest.releases.each if each.name == name)
    each = [ReleaseNoise(ReleasePlan.of(manifest), Layout.of(manifest), index, key) for index, key in enumerate(keys)]
    return [sum(int(one.of(rule, step, 1)[0]) for one in each) for step in range(STEPS + 1)]


@pytest.mark.parametrize("mode", ["outcome", "sum"])
@pytest.mark.parametrize("series", ["incidence", "running"])
@pytest.mark.parametrize("name", ["library-banks", "library-strains"])
def test_departures_have_the_noise_and_nothing_else_is_told(
    testbed_of,
    run_private,
    run_clear,
    fixed_keys,  # noqa: F811
    name,
    series,
    mode,
):
    testbed = testbed_of(name, (noised(series),), mode=mode)
    private, clear = run_private(testbed).series, run_clear(testbed).series
    first = clear.names[0]
    assert private.names == clear.names == (first, f"not_{first}")
    noise = np.array(noise_of(testbed.manifest, fixed_keys, series))
    added = noise if series == "running" else np.cumsum(noise)
    assert (private.of("private", 1) - clear.of("private", 1)).tolist() == added.tolist()
    assert (private.of("private", 0) + private.of("private", 1) == CLIENTS * EACH).all()
    assert clear.of("private", 1)[-1] > 0, "nobody leaves the first stage, so nothing is tested"


def test_synthetic_agents_keep_their_place_beside_departures(testbed_of, run_private, fixed_keys):  # noqa: F811
    testbed = testbed_of("library-seir", (noised("incidence"), Release(name="cells")), cells=(150, 150))
    series = run_private(testbed).series
    assert series.names == ("S", "not_S")
    assert (series.counts[:, 1].sum(axis=1) == SYNTHETIC).all()
    assert series.of("synthetic", 1)[-1] > series.of("synthetic", 1)[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [("library-seirs", "come back to S"), ("crowds", "2 fields of stages"), ("library-opinion", "come back to")],
)
def test_departures_of_agents_that_may_come_back_are_refused(testbed_of, name, said):
    with pytest.raises(ParameterError, match=said):
        testbed_of(name, (noised("incidence"),))
