"""Keys of simulated devices: one for each, however often it is asked for, and of contacts the public ones."""

import numpy as np
import pytest

from client_sdk.private.contacts import ContactTable
from lpm_secure.data.look_alike import look_alike
from lpm_secure.testbed.keyring import Keyring, most_contacts
from protocols.task.devices import public_key


@pytest.fixture
def devices(manifest_of):
    table = ContactTable(*np.array([[0, 0, 1, 0, 1], [0, 1, 2, 0, 1]]).T)
    manifest, ring = manifest_of([(1,), (2,), (3,)]), Keyring()
    return [ring.of(f"client-{place}", manifest, table) for place in range(3)]


def test_two_devices_have_each_others_public_keys(devices):
    first, second, third = devices
    assert set(second.contacts) == {0, 2}
    assert second.contacts[0] == public_key(first.own)
    assert third.contacts[1] == first.contacts[1] == public_key(second.own)


def test_two_testbeds_have_other_keys(devices, manifest_of):
    table = ContactTable(*np.zeros((5, 0), dtype=np.int64))
    again = Keyring().of("client-0", manifest_of([(1,), (2,), (3,)]), table)
    assert public_key(again.own) != public_key(devices[0].own)


def test_as_many_slots_as_anyone_meets_people_on_a_day():
    data = look_alike(1)
    met = {}
    for day, a, b in zip(data.day.tolist(), data.a.tolist(), data.b.tolist(), strict=True):
        met.setdefault((day, a), set()).add(b)
        met.setdefault((day, b), set()).add(a)
    assert most_contacts(data) == max(map(len, met.values()))
