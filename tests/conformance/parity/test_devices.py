"""Runs over permuted edges, one device for each agent, equal the clear run bit for bit."""

import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpm_secure.config.model import graph_of
from lpm_secure.config.simulation import load
from lpm_secure.data import catalogue, look_alike, workplace
from lpm_secure.testbed.testbed import build
from protocols.task.devices import Devices
from tests.conformance.parity.test_runs import check
from tests.conformance.parity.test_workplace import EXAMPLE
from tests.epidemics import doses_of, table_of
from tests.repetitions import repetitions


def most_contacts(testbed):
    """Return the most people that anyone meets on one day."""
    table, met = testbed.contacts, {}
    for day, a, b in zip(table.day.tolist(), table.a.tolist(), table.b.tolist(), strict=True):
        met.setdefault((day, a), set()).add(b)
        met.setdefault((day, b), set()).add(a)
    return max(map(len, met.values()), default=0)


def as_devices(testbed, *, spare=0):
    """Return the same run with a client for each agent, over permuted edges."""
    manifest = testbed.manifest
    party = manifest.clients[0]
    agents = [agent for client in manifest.clients for agent in client.agents]
    clients = tuple(type(party)(f"device-{place}", (agent,)) for place, agent in enumerate(agents))
    changed = msgspec.structs.replace(
        manifest,
        clients=clients,
        min_cohort=1,
        edges="permuted",
        devices=Devices(degree=max(most_contacts(testbed), 1) + spare),
    )
    return dataclasses.replace(testbed, manifest=changed)


def drawn(data, testbeds, **changes):
    testbed = data.draw(testbeds(mode="outcome", k=2, **changes).filter(lambda found: found.contacts.a.size > 0))
    return as_devices(testbed, spare=data.draw(st.integers(0, 2)))


@settings(max_examples=repetitions(12))
@given(data=st.data())
def test_a_run_over_permuted_edges_equals_the_clear_run_bit_for_bit(data, testbeds, run_private, run_clear):
    check(drawn(data, testbeds), run_private, run_clear)


@settings(max_examples=repetitions(8))
@given(data=st.data())
def test_small_counts_are_sealed_as_in_the_clear_run(data, testbeds, run_private, run_clear):
    check(drawn(data, testbeds, min_count=3), run_private, run_clear)


@settings(max_examples=repetitions(6))
@given(data=st.data())
def test_devices_whose_agents_are_infected_again_and_vaccinated(data, testbeds, run_private, run_clear):
    testbed = drawn(data, testbeds)
    table = table_of(testbed.manifest.model)
    later = {"waning": (2**31, 2**31), "doses": doses_of(1, 4, 2**31, 64), "f": 8}
    betas = tuple(beta >> (table.f - 8) for beta in table.beta)
    model = graph_of(table._replace(beta=betas, cell_beta=2**6, **later))
    manifest = msgspec.structs.replace(testbed.manifest, model=model, model_hash=model.digest)
    check(dataclasses.replace(testbed, manifest=manifest), run_private, run_clear)


@pytest.mark.slow
@settings(max_examples=300)
@given(data=st.data())
def test_many_runs_over_permuted_edges_equal_their_clear_runs(data, testbeds, run_private, run_clear):
    check(drawn(data, testbeds), run_private, run_clear)


@pytest.mark.slow
def test_every_person_of_the_workplace_as_a_device(run_private, run_clear):
    """217 people, or a look-alike of theirs where the data are not on this machine."""
    data = workplace.load() if catalogue.where(workplace.NAME) else look_alike.look_alike(3)
    replace = msgspec.structs.replace
    config = load(EXAMPLE)
    protocol = replace(config.protocol, mode="outcome", edges="permuted", min_cohort=1)
    config = replace(config, steps=30, private=replace(config.private, clients="person"), protocol=protocol)
    testbed = build(config, data, [f"localhost:{a + 1}" for a in range(protocol.addresses)])
    check(testbed, run_private, run_clear)
    assert run_clear(testbed).series.departure_share("private") > 0.05
