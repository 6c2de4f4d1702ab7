"""Contacts that two clients have to list alike: undirected ones between an agent of the one and one of the other."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np

from client_sdk.private.contacts import ContactTable
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation

_WHAT: Final = b"lpm contact 1"
Items = Mapping[str, list[tuple[bytes, int]]]


def cross_contacts(manifest: Simulation, name: str, contacts: ContactTable) -> Items:
    """Return what a client has to list like each other client: bytes that mean the contact, and its row in the table.

    Two rows that are alike, as contacts with numbers of their own may be, are told apart by a count.

    Args:
        manifest: of the run, which the bytes are bound to.
        name: of the client.
        contacts: of its files, by step and slot.
    """
    own = Layout.of(manifest).own
    ends = np.array([end for _, end in own.values()])
    names, place = list(own), list(own).index(name)
    one, other = (np.searchsorted(ends, slots, side="right") for slots in (contacts.a, contacts.b))
    directed = np.array(manifest.model.agents.directed, dtype=np.bool_)
    rows = np.flatnonzero(((one == place) != (other == place)) & ~directed[contacts.channel])
    low, high = np.minimum(contacts.a, contacts.b), np.maximum(contacts.a, contacts.b)
    columns = np.stack([contacts.day, low, high, contacts.channel, contacts.weight])[:, rows].T
    theirs = np.where(one == place, other, one)[rows]
    items: dict[str, list[tuple[bytes, int]]] = {each: [] for each in names if each != name}
    count: Counter[bytes] = Counter()
    head = _WHAT + manifests.run_id(manifest)
    for row, client, numbers in zip(rows.tolist(), theirs.tolist(), columns.astype("<i8"), strict=True):
        contact = numbers.tobytes()
        items[names[client]].append((head + contact + count[contact].to_bytes(8, "little"), row))
        count[contact] += 1
    return items
