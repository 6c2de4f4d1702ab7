"""Which contacts two clients compare."""

import msgspec
import numpy as np
import pytest

from client_sdk import ContactTable
from client_sdk.comparison.cross_contacts import cross_contacts
from lpm_secure.testbed.keys import pin_keys
from protocols.task.layout import Layout
from protocols.task.manifest import run_id

AGENTS = ((1, 2), (3, 4), (5, 6))
CLIENTS = ("client-0", "client-1", "client-2")
# day, a, b, channel, weight, by slot: contacts of client-0 with client-1, and of client-1 with client-2
MET = [(0, 0, 2, 0, 5), (1, 1, 2, 0, 7), (1, 1, 3, 0, 7), (2, 3, 4, 0, 1)]
OWN = [(0, 0, 1, 0, 9)]  # inside client-0


@pytest.fixture(scope="module")
def party(manifest_of):
    manifest, keys = pin_keys(manifest_of(AGENTS, period=3, join_timeout_s=20.0))
    return msgspec.structs.replace(manifest, compare_contacts=True), keys


def listed(client, rows):
    """Return what a client's file says: contacts with an end among its agents, every other one turned round."""
    slots = {2 * CLIENTS.index(client), 2 * CLIENTS.index(client) + 1}
    own = [row for row in rows if slots & {row[1], row[2]}]
    turned = [(day, b, a, *more) if place % 2 else (day, a, b, *more) for place, (day, a, b, *more) in enumerate(own)]
    return ContactTable(*np.array(turned, dtype=np.int64).reshape(-1, 5).T)


def test_contacts_inside_a_client_and_on_directed_channels_are_nobody_elses(party, manifest_of):
    manifest, _ = party
    items = cross_contacts(
        run_id(manifest),
        Layout.of(manifest),
        "client-0",
        listed("client-0", [*MET, *OWN]),
        directed=manifest.model.agents.directed,
    )
    assert {other: len(each) for other, each in items.items()} == {"client-1": 3, "client-2": 0}
