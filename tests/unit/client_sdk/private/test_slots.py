"""Slots of a device: what is said stands where the token stands, and nothing else shows."""

import numpy as np
import pytest

from client_sdk import ContactTable
from client_sdk.private.slots import DeviceKeys, Slots
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import DataError, ParameterError
from protocols.task.devices import Devices
from protocols.task.manifest import run_id


@pytest.fixture
def testbed_of(manifest_of):
    """Return a function that makes devices with contacts, rows of day, a, b, channel, weight."""

    def make(rows, *, n=5, degree=3, **changes):
        table = np.array(rows, dtype=np.int64).reshape(-1, 5).T
        agents = [(10 + agent,) for agent in range(n)]
        given = {"mode": "outcome", "edges": "permuted", "devices": Devices(degree=degree), "period": 2}
        return Testbed(manifest_of(agents, **given | changes), ContactTable(*table), np.zeros(0, np.int64), 0, "", True)

    return make


def slots_of(testbed, place, here=None):
    n = len(testbed.manifest.clients)
    here = np.ones(n, dtype=bool) if here is None else here
    return Slots.of(
        run_id(testbed.manifest), testbed.manifest.devices.degree, testbed.private_state(f"client-{place}"), here
    )


def test_what_is_said_stands_where_the_token_of_the_contact_stands(testbed_of):
    """Several contacts with one person on a day share a slot; each day has its own order."""
    testbed = testbed_of([(0, 0, 1, 0, 5), (0, 0, 1, 0, 2), (0, 2, 0, 0, 9), (1, 0, 3, 0, 4)])
    mine, theirs = slots_of(testbed, 0), {other: slots_of(testbed, other) for other in (1, 2, 3)}
    said = [mine.pack(np.array([[1, 0]]), step=step) for step in range(3)]
    for day, other, weight in ((0, 1, 7), (0, 2, 9), (1, 3, 4)):
        out = mine.tokens.reshape(2, 2, 3, 2)[day, 0]
        into = theirs[other].tokens.reshape(2, 2, 3, 2)[day, 1]
        ((place, _),) = np.argwhere((out[:, None] == into[None]).all(axis=2))
        assert said[day][place] == weight
    assert [int(words.sum()) for words in said] == [16, 4, 16]


def test_nothing_is_said_to_who_does_not_take_part(testbed_of):
    testbed = testbed_of([(0, 0, 1, 0, 5), (0, 0, 2, 0, 9)])
    here = np.array([True, False, True, True, True])
    assert slots_of(testbed, 0, here).pack(np.array([[1, 0]]), step=0).sum() == 9


def test_more_contacts_than_slots_are_refused_before_the_device_joins(testbed_of):
    """Servers would see one that left between its thresholds and its tokens, and so that it has so many."""
    testbed = testbed_of([(1, 0, other, 0, 1) for other in range(1, 5)])
    with pytest.raises(DataError, match=r"4 contacts on day 1; .* slots for 3"):
        testbed.private_state("client-0")


def test_a_contact_without_a_key_is_refused(testbed_of):
    testbed = testbed_of([(0, 0, 1, 0, 5)])
    private = testbed.private_state("client-0")
    private.devices = DeviceKeys(private.devices.own, {})
    with pytest.raises(DataError, match="key is missing"):
        Slots.of(run_id(testbed.manifest), testbed.manifest.devices.degree, private, np.ones(5, dtype=bool))
    private.devices = None
    with pytest.raises(ParameterError, match="device's keys"):
        Slots.of(run_id(testbed.manifest), testbed.manifest.devices.degree, private, np.ones(5, dtype=bool))


def test_secrets_of_a_device_are_not_printed(testbed_of):
    testbed = testbed_of([(0, 0, 1, 0, 5)])
    slots, keys = slots_of(testbed, 0), testbed.private_state("client-0").devices
    assert repr(keys) == "DeviceKeys()"
    assert str(slots.tokens[0]) not in repr(slots)
    assert "weight" not in repr(slots)
