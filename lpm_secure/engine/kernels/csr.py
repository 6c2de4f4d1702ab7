"""A contact graph in compressed rows: for each agent, whom it meets. Both directions of each contact are kept."""

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


def offsets(indptr: I64, edges: int) -> Offsets:
    """Return the same numbers as int32 where that many edges allow it."""
    return indptr.astype(np.int32) if edges < 2**31 else indptr


@final
@dataclass(frozen=True, slots=True, eq=False)
class Csr:
    """Directed edges by agent; symmetric: what goes from a to b goes from b to a.

    Attributes:
        indptr: where each agent's contacts begin, [n + 1]; int32 below 2**31 edges.
        indices: the other end of each contact, int32[edges].
        weight: int64[edges], of each contact; empty where all of them are 1.
    """

    indptr: Offsets = field(repr=False)
    indices: I32 = field(repr=False)
    weight: I64 = field(repr=False, default_factory=lambda: np.zeros(0, dtype=np.int64))

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
    def of(cls, table: ContactTable, *, n: int, day: int, beta: Sequence[int] = (1,)) -> "Csr":
        """Make the rows of one day from a table of undirected contacts.

        Args:
            table: contacts of all days.
            n: agents.
            day: the one to keep.
            beta: for each channel, the hazard per unit of exposure, folded into the weights.

        Raises:
            ParameterError: a contact names an agent that is not there.
        """
        rows = np.flatnonzero(table.day == day)
        sender = np.concatenate([table.a[rows], table.b[rows]])
        target = np.concatenate([table.b[rows], table.a[rows]])
        if sender.size and (sender.min() < 0 or sender.max() >= n):
            raise ParameterError(f"a contact names agent {int(sender.max())}; there are {n}, numbered from 0")
        weight = np.tile(np.array(beta, dtype=np.int64)[table.channel[rows]] * table.weight[rows], 2)
        order = np.lexsort((target, sender))
        indptr = np.searchsorted(sender[order], np.arange(n + 1))
        return cls(offsets(indptr, sender.size), target[order].astype(np.int32), weight[order])

    def largest_exposure(self) -> int:
        """Return the exposure of an agent all of whose contacts are infectious, at most.

        Raises:
            ParameterError: it could reach 2**63.
        """
        if self.weight.size and int(self.weight.max()) * int(np.diff(self.indptr).max()) >= LIMIT:
            raise ParameterError("an exposure could reach 2**63; use smaller weights or fewer fraction bits")
        return int(_largest_exposure(self.indptr, self.weight))
