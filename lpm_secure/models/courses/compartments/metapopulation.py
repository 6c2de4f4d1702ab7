"""People by place and group, and who meets whom: what an expected course knows of a population."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from client_sdk.private.table import F64
from lpm_secure.data.place_table import PlaceTable
from protocols.errors import ConfigError


@final
@dataclass(frozen=True, slots=True, eq=False)
class Metapopulation:
    """Places and groups; B places, A groups.

    Attributes:
        places: their names.
        people: float64[B, A].
        mixing: float64[B * A, B * A]; with everyone infectious its rows would be the relative contacts of a group,
            scaled so that the largest eigenvalue of the next-generation matrix is 1.
        severity: float64[A], relative rate of events once infected, with mean 1 over the people.
    """

    places: tuple[str, ...]
    people: F64 = field(repr=False)
    mixing: F64 = field(repr=False)
    severity: F64 = field(repr=False)

    @property
    def identity(self) -> str:
        """Return a digest of all of it."""
        digest = hashlib.sha256(repr(self.places).encode())
        for array in (self.people, self.mixing, self.severity):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def compose(table: PlaceTable, severity: Sequence[float] = ()) -> Metapopulation:
    """Put a population together.

    Args:
        table: people by place and group, contacts by group, and where people of each place are.
        severity: relative rate of events by group; all alike where it is empty.

    Raises:
        ConfigError: another number of rates than of groups.
    """
    people, contacts, presence = table.people, table.contacts, table.presence
    n_places, n_groups = people.shape
    if severity and len(severity) != n_groups:
        groups = ", ".join(table.groups) or "one group"
        raise ConfigError(f"model.severity has {len(severity)} rates; there are {n_groups} groups: {groups}")
    there = presence.T @ people.sum(axis=1)  # people present in each place
    meet = presence @ (presence * people.sum(axis=1)[:, None] / there[None, :]).T  # of place b with those of b'
    share = people / people.sum(axis=1, keepdims=True)
    total_share = people.sum(axis=0) / people.sum()
    rate = contacts[None, :, None, :] * meet[:, None, :, None] * (share / total_share)[None, None, :, :]
    mixing = (rate / people[None, None, :, :]).reshape(n_places * n_groups, n_places * n_groups)
    next_generation = mixing * people.reshape(-1)[:, None]
    mixing /= np.abs(np.linalg.eigvals(next_generation)).max()
    relative = np.array(severity or np.ones(n_groups))
    return Metapopulation(table.places, people, mixing, relative / (relative @ total_share))
