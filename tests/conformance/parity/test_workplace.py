"""Parity on measured contacts: split by department, by person, and in one piece."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from lpm_secure.config.simulation import load
from lpm_secure.data import catalogue, look_alike, workplace
from lpm_secure.testbed.testbed import build

EXAMPLE = Path(__file__).parents[3] / "examples" / "workplace.toml"
SPLITS = ("group", "person", "one")


LOOK_ALIKE = pytest.param("look-alike", marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=["measured", LOOK_ALIKE])
def contacts(request):
    """Return the measured contacts where they lie on this machine, or else generated ones that look like them."""
    if request.param == "look-alike" or catalogue.where(workplace.NAME) is None:
        return look_alike.look_alike(3)
    return workplace.load()


def split(contacts, clients, *, steps, k=2, mode="sum"):
    """Return the example's testbed, with another split, length and number of aggregators."""
    config = load(EXAMPLE)
    replace = msgspec.structs.replace
    config = replace(
        config,
        steps=steps,
        private=replace(config.private, clients=clients),
        synthetic=replace(config.synthetic, agents=5_000),
        protocol=replace(config.protocol, min_cohort=1, aggregators=k, mode=mode),
    )
    return build(config, contacts, [f"localhost:{a + 1}" for a in range(config.protocol.addresses)])


def by_person(testbed, state):
    """Return the state in the order of the agents' numbers, which no split changes."""
    order = np.argsort([agent for client in testbed.manifest.clients for agent in client.agents])
    return {field: values[order].tobytes() for field, values in state.items()}


def check(contacts, run_private, run_clear, *, steps, k=2):
    hashes, states = set(), set()
    for clients in SPLITS:
        testbed = split(contacts, clients, steps=steps, k=k)
        for ending in (run_private(testbed), run_clear(testbed)):
            hashes.add(ending.series.hash)
            states.add(tuple(sorted(by_person(testbed, ending.state).items())))
            assert ending.series.departure_share("private") > 0.03
    assert len(hashes) == 1
    assert len(states) == 1


def test_every_split_of_the_workplace_yields_the_same_series_and_states(contacts, run_private, run_clear):
    check(contacts, run_private, run_clear, steps=20)


def test_outcome_mode_yields_the_series_of_sum_mode(contacts, run_private):
    """By department, and as one client; over real processes the integration tests hold it."""
    runs = [
        split(contacts, clients, steps=20, mode=mode) for clients in ("group", "one") for mode in ("sum", "outcome")
    ]
    assert len({run_private(testbed).series.hash for testbed in runs}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 3, 4])
def test_every_split_of_the_whole_run_yields_the_same_for_every_k(contacts, run_private, run_clear, k):
    check(contacts, run_private, run_clear, steps=60, k=k)


def test_a_split_by_person_has_a_client_for_each_of_the_217_people(contacts):
    manifest = split(contacts, "person", steps=1).manifest
    assert len(manifest.clients) == 217
    assert {len(client.agents) for client in manifest.clients} == {1}
