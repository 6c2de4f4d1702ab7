"""A hash over every sum that a run has opened, by which two runs are compared to the last integer."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, final

from client_sdk.secure_sum.contribution import F64
from lpm_secure.secure_sum.transport import OpenedSum, SumTransport
from protocols.task.secure_sum.spec import SecureSum


@final
@dataclass(slots=True, eq=False)
class SumDigest(SumTransport):
    """Opens sums over another transport, and hashes them.

    Attributes:
        inner: that carries them.
    """

    inner: SumTransport
    _hash: Any = field(init=False, repr=False, default_factory=hashlib.sha256)

    @property
    def manifest(self) -> SecureSum:
        """Return the run's manifest."""
        return self.inner.manifest

    def open(self, announced: F64) -> OpenedSum:
        """Play one round; see `SumTransport`."""
        opened = self.inner.open(announced)
        self._hash.update(f"{','.join(opened.members)}:".encode() + opened.total.astype("<i8").tobytes())
        return opened

    def leave_out(self, names: tuple[str, ...]) -> None:
        """Ask these no more; see `SumTransport`."""
        self.inner.leave_out(names)

    @property
    def sha256(self) -> str:
        """Return the hash over members and integers of all sums so far."""
        digest: str = self._hash.hexdigest()
        return digest
