"""Where everything stands in the vector that a client shares in each step."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

import numpy as np

from protocols.fixed import I64, U64
from protocols.manifest import Manifest
from protocols.schedule import Phase
from protocols.substeps import Stage

WORD_BYTES: Final = 8


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """`[exposures: n x c | cell totals | tally of stages]`, one word of 64 bits each, agents in the manifest's order.

    Attributes:
        n: private agents of all clients.
        c: contact channels.
        cells: number of cells.
        q: number of stages in the tally.
        own: for each client, the first of its agents' slots and the one past the last.
    """

    n: int
    c: int
    cells: int
    q: int
    own: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, manifest: Manifest) -> "Layout":
        """Return the layout that every party of a run derives from its manifest."""
        ends = np.cumsum([len(client.agents) for client in manifest.clients]).tolist()
        own = {client.name: (end - len(client.agents), end) for client, end in zip(manifest.clients, ends, strict=True)}
        return cls(ends[-1], len(manifest.channels), len(manifest.cells), len(Stage), MappingProxyType(own))

    @property
    def d(self) -> int:
        """Length of the vector."""
        return self.n * self.c + self.released

    @property
    def released(self) -> int:
        """Length of the part that is opened to all: cell totals and tally."""
        return self.cells + self.q

    def words(self, phase: Phase, client: str) -> int:
        """Return how many words a client shares in a round of this phase."""
        return self.d if phase == Phase.SPEAK else self.size(client)

    def size(self, client: str) -> int:
        """Return how many agents a client has."""
        first, end = self.own[client]
        return end - first

    def pack(self, exposure: I64, cells: I64, tally: I64) -> U64:
        """Return uint64[d] from int64[n, c], int64[cells] and int64[q]."""
        return np.concatenate([exposure.reshape(-1), cells, tally]).view(np.uint64)

    def exposure_of(self, vector: U64, client: str) -> U64:
        """Return the part of a total that is one client's own, uint64[n_own * c]; a view."""
        first, end = self.own[client]
        return vector[first * self.c : end * self.c]

    def release_of(self, vector: U64) -> U64:
        """Return the part of a total that is opened to all, uint64[cells + q]; a view."""
        return vector[self.n * self.c :]
