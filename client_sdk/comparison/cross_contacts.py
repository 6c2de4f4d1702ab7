"""Contacts that two clients have to list alike: undirected ones between an agent of the one and one of the other."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from client_sdk.private.contacts import ContactTable
from protocols.task.layout import Layout

_WHAT: Final = b"lpm contact 1"
Items = Mapping[str, list[tuple[bytes, int]]]


def cross_contacts(run: bytes, layout: Layout, name: str, contacts: ContactTable, *, directed: Sequence[bool]) -> Items:
    """Return what a client has to list like each other client: bytes that mean the contact, and its row in the table.

    Two rows that are alike, as contacts with numbers of their own may be, are told apart by a count.

    Args:
        run: its id, which the bytes are bound to.
        layout: of its vectors, with the clients and their slots.
        name: of the client.
        contacts: of its files, by step and slot.
        directed: whether those of each channel are, of which the other side lists none.
    """
    own = layout.own
    ends = np.array([end for _, end in own.values()])
    names, place = list(own), list(own).index(name)
    one, other = (np.searchsorted(ends, slots, side="right") for slots in (contacts.a, contacts.b))
    is_directed = np.array(directed, dtype=np.bool_)
    rows = np.flatnonzero(((one == place) != (other == place)) & ~is_directed[contacts.channel])
    low, high = np.minimum(contacts.a, contacts.b), np.maximum(contacts.a, contacts.b)
    columns = np.stack([contacts.day, low, high, contacts.channel, contacts.weight])[:, rows].T
    theirs = np.where(one == place, other, one)[rows]
    items: dict[str, list[tuple[bytes, int]]] = {each: [] for each in names if each != name}
    count: Counter[bytes] = Counter()
    head = _WHAT + run
    for row, client, numbers in zip(rows.tolist(), theirs.tolist(), columns.astype("<i8"), strict=True):
        contact = numbers.tobytes()
        items[names[client]].append((head + contact + count[contact].to_bytes(8, "little"), row))
        count[contact] += 1
    return items
