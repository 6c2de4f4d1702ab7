"""Two worlds of a secure sum: runs that differ in the institutions' vectors, and not in the sum, which is opened."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np

from client_sdk.secure_sum.client import SumClient
from client_sdk.secure_sum.contribution import F64
from client_sdk.secure_sum.fixed_vector import FixedVector
from client_sdk.secure_sum.journal import SumJournal
from client_sdk.simulation.exchange import RoundExchange
from lpm_secure.engine.announcement import AnnouncementTerms, announce
from protocols.arithmetic.counters import Step
from protocols.task.manifest import run_id
from protocols.task.secure_sum.spec import SecureSum
from protocols.wire.messages import Announcement
from protocols.wire.transport import Transport


@final
@dataclass(frozen=True, slots=True, eq=False)
class SumWorld:
    """A secure sum of vectors that are drawn.

    Attributes:
        manifest: of the run.
        vectors: of each institution.
    """

    manifest: SecureSum
    vectors: Mapping[str, F64] = field(repr=False)

    @classmethod
    def draw(cls, manifest: SecureSum, seed: int) -> "SumWorld":
        """Return a world in which all that is private is drawn, but for the sum, which is that of every seed."""
        draw, bound = np.random.default_rng(seed), int(2**manifest.bits * manifest.norm / manifest.length)
        *others, last = (each.name for each in manifest.clients)
        most = bound // (len(others) + 1)
        words = {name: draw.integers(-most, most, manifest.shape) for name in others}
        words[last] = np.arange(manifest.length).reshape(manifest.shape) % most - sum(words.values())
        return cls(manifest, {name: np.ldexp(each.astype(np.float64), -manifest.bits) for name, each in words.items()})

    async def take_part(self, exchange: RoundExchange, name: str) -> bool:
        """Be one client of the run; return whether it missed a round."""
        with tempfile.TemporaryDirectory() as folder:
            journal = SumJournal.start(Path(folder), self.manifest)
            client = await SumClient.join_over(self.manifest, FixedVector(self.vectors[name]), exchange, journal)
            await client.run()
        return bool(client.missed)

    async def drive(self, transports: Sequence[Transport]) -> None:
        """Announce zeros in every round."""
        run, nothing = run_id(self.manifest), np.zeros(self.manifest.length, dtype=np.int64)
        terms = AnnouncementTerms(self.manifest.share(), self.manifest.length, self.manifest)
        for step in range(self.manifest.steps + 1):
            await announce(terms, transports, Announcement(run, Step(step), nothing))
