"""Files of a device's keys."""

import numpy as np
import pytest

from client_sdk import ContactTable
from client_sdk.private.device_keys import read_device_keys, write_device_keys
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import DataError
from protocols.task.devices import Devices, public_key


@pytest.fixture
def testbed_of(manifest_of):
    """Return a function that makes devices with contacts, rows of day, a, b, channel, weight."""

    def make(rows, *, n=5, degree=3, **changes):
        table = np.array(rows, dtype=np.int64).reshape(-1, 5).T
        agents = [(10 + agent,) for agent in range(n)]
        given = {"mode": "outcome", "edges": "permuted", "devices": Devices(degree=degree), "period": 2}
        return Testbed(manifest_of(agents, **given | changes), ContactTable(*table), np.zeros(0, np.int64), 0, "", True)

    return make


def test_keys_are_read_as_they_were_written_and_only_if_private(tmp_path, testbed_of):
    testbed = testbed_of([(0, 0, 1, 0, 5), (0, 0, 2, 0, 9)])
    keys, agents = testbed.private_state("client-0").devices, list(range(10, 15))
    (tmp_path / "device.key").touch(mode=0o644)  # a file that is there does not lend its mode to a secret
    write_device_keys(tmp_path, keys, agents)
    slots = {agent: slot for slot, agent in enumerate(agents)}
    read = read_device_keys(tmp_path, slots)
    assert (public_key(read.own), read.contacts) == (public_key(keys.own), keys.contacts)
    for file, content, wrong in (
        ("contact_keys.csv", "agent,key\n99," + "00" * 32, "row 1"),
        ("contact_keys.csv", "agent,key\n11,zz", "hexadecimal"),
        ("contact_keys.csv", "who\n", "no columns"),
        ("contact_keys.csv", "", "no columns"),
        ("device.key", "00", "32 bytes"),
    ):
        write_device_keys(tmp_path, keys, agents)
        (tmp_path / file).write_text(content)
        with pytest.raises(DataError, match=wrong):
            read_device_keys(tmp_path, slots)
    write_device_keys(tmp_path, keys, agents)
    (tmp_path / "device.key").chmod(0o644)
    with pytest.raises(DataError, match="0600"):
        read_device_keys(tmp_path, slots)
    (tmp_path / "device.key").unlink()
    with pytest.raises(DataError, match="cannot read"):
        read_device_keys(tmp_path, slots)
