"""The oracle of secure sums: all data in one place, added up as integers, without shares, masks or protection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np

from client_sdk.secure_sum.contribution import F64
from client_sdk.secure_sum.institution import Institution
from lpm_secure.secure_sum.transport import OpenedSum, RoundCounter, SumTransport
from protocols.task.secure_sum.spec import SecureSum


@final
@dataclass(slots=True, eq=False)
class PooledSum(SumTransport):
    """What a secure sum of a manifest opens where nothing is secret and nobody is away, to the last integer.

    Attributes:
        task: its manifest, of which noise has no part here.
        institutions: by name.
    """

    task: SecureSum
    institutions: Mapping[str, Institution] = field(repr=False)
    _counter: RoundCounter = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin before the first round."""
        self._counter = RoundCounter(self.task)

    @property
    def manifest(self) -> SecureSum:
        """Return the manifest."""
        return self.task

    def open(self, announced: F64) -> OpenedSum:
        """Add up all institutions' encoded vectors."""
        self._counter.require(announced)
        total = np.zeros(self.task.length, dtype=np.int64)
        for institution in self.institutions.values():
            total += self.contribution.encode(institution.vector(announced))
        return self._counter.count(total, tuple(sorted(self.institutions)), {})
