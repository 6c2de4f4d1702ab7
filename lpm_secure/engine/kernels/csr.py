"""A contact graph in compressed rows: for each agent, whom it tells; where contacts go both ways, each stands twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from client_sdk.private.contacts import ContactTable
from protocols.arithmetic.fixed_point import I64, LIMIT
from protocols.arithmetic.jit import compile_kernel
from protocols.errors import ParameterError

I32 = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int32] | npt.NDArray[np.int64]


class Rows(NamedTuple):
    """A graph as compiled functions take it; `Csr` says what is what."""

    indptr: Offsets
    indices: I32
    weight: I64


@compile_kernel
def _largest_exposure(indptr: Offsets, weight: I64) -> Any:
    """Return the largest sum of weights in a row; each contact counts 1 where there are no weights."""
    largest = np.int64(0)
    for i in range(indptr.size - 1):
        row = np.int64(indptr[i + 1] - indptr[i])
        if weight.size:
            row = weight[indptr[i] : indptr[i + 1]].sum()
        largest = max(largest, row)
    return largest


@compile_kernel
def _weights_in(indices: I32, weight: I64, total: I64) -> None:
    """Add up the weights that go to each agent; each contact counts 1 where there are no weights."""
    for e in range(indices.size):
        total[indices[e]] += weight[e] if weight.size else 1


def offsets(indptr: I64, edges: int) -> Offsets:
    """Return the same numbers as int32 where that many edges allow it."""
    return indptr.astype(np.int32) if edges < 2**31 else indptr


@final
@dataclass(frozen=True, slots=True, eq=False)
class Csr:
    """Directed edges by agent.

    Attributes:
        indptr: where each agent's contacts begin, [n + 1]; int32 below 2**31 edges.
        indices: the other end of each contact, int32[edges].
        weight: int64[edges], of each contact; empty where all of them are 1.
        symmetric: whether what goes from a to b goes from b to a.
    """

    indptr: Offsets = field(repr=False)
    indices: I32 = field(repr=False)
    weight: I64 = field(repr=False, default_factory=lambda: np.zeros(0, dtype=np.int64))
    symmetric: bool = True

    @property
    def n(self) -> int:
        """How many agents there are."""
        return self.indptr.size - 1

    @property
    def rows(self) -> Rows:
        """The arrays, as compiled functions take them."""
        return Rows(self.indptr, self.indices, self.weight)

    @property
    def edges(self) -> int:
        """How many directed edges there are."""
        return int(self.indptr[-1])

    @classmethod
    def of(cls, table: ContactTable, *, n: int, day: int, scale: Sequence[int] = (1,), directed: bool = False) -> "Csr":
        """Make the rows of one day from a table of contacts.

        Args:
            table: contacts of all days.
            n: agents.
            day: the one to keep.
            scale: for each channel, what its weights are multiplied by; contacts of a channel with 0 are left out.
            directed: whether `a` tells `b`, and not the other way round too.

        Raises:
            ParameterError: a contact names an agent that is not there.
        """
        factor = np.array(scale, dtype=np.int64)[table.channel]
        rows = np.flatnonzero((table.day == day) & (factor != 0))
        sender, target, weight = table.a[rows], table.b[rows], factor[rows] * table.weight[rows]
        if not directed:
            sender, target = np.concatenate([sender, target]), np.concatenate([target, sender])
            weight = np.tile(weight, 2)
        if sender.size and (sender.min() < 0 or sender.max() >= n):
            raise ParameterError(f"a contact names agent {int(sender.max())}; there are {n}, numbered from 0")
        order = np.lexsort((target, sender))
        indptr = np.searchsorted(sender[order], np.arange(n + 1))
        return cls(offsets(indptr, sender.size), target[order].astype(np.int32), weight[order], not directed)

    def largest_exposure(self) -> int:
        """Return the exposure of an agent all of whose contacts say 1, at most.

        Raises:
            ParameterError: it could reach 2**63.
        """
        most = int(np.diff(self.indptr).max()) if self.symmetric else self.edges
        if self.weight.size and int(self.weight.max()) * most >= LIMIT:
            raise ParameterError("an exposure could reach 2**63; use smaller weights or fewer fraction bits")
        if not self.symmetric:
            total = np.zeros(self.n, dtype=np.int64)
            _weights_in(self.indices, self.weight, total)
            return int(total.max(initial=0))
        return int(_largest_exposure(self.indptr, self.weight))
