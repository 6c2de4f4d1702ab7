"""The CrypTen backend of the joint computations of one run: a thread of each aggregator's process."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, final

from aggregator.mpc import Endpoint, Identity, MpcWorker, PartyConfig, Task
from aggregator.mpc.config import endpoint
from aggregator.mpc.net.links import TRAFFIC
from aggregator.on_shares.backend import Program
from aggregator.permutation.roles import Role
from aggregator.permutation.worker import PermutationWorker, permutation_config
from protocols.arithmetic.counters import RoundNumber
from protocols.errors import ParameterError
from protocols.task import manifest as manifests
from protocols.task.manifest import Simulation

T = TypeVar("T")


def identity(folder: Path) -> Identity:
    """Return the credentials of a folder that `lpm keys` made."""
    return Identity(folder / "authority.pem", folder / "certificate.pem", folder / "private.key")


def parties_of(manifest: Simulation) -> tuple[tuple[Endpoint, ...], Endpoint]:
    """Return the aggregators and the dealer of a run in outcome mode.

    Raises:
        ParameterError: the manifest names no dealer, or no mpc address of an aggregator.
    """
    if manifest.dealer is None or any(party.mpc is None for party in manifest.aggregators):
        raise ParameterError(f"the run {manifest.name} is in sum mode: it compares nothing and needs no dealer")
    parties = tuple(endpoint(manifest.trust, party.name, party.mpc or "") for party in manifest.aggregators)
    return parties, endpoint(manifest.trust, manifest.dealer.name, manifest.dealer.address)


@final
class CryptenBackend:
    """Computes on shares with the other aggregators' backends; the first call joins them."""

    def __init__(
        self,
        manifest: Simulation,
        index: int,
        credentials: Path,
        note: Callable[[str, float], None] = lambda name, seconds: None,
    ) -> None:
        """Open this aggregator's port for the computation; `note` is told what was computed in how many seconds."""
        self._note = note
        parties, dealer = parties_of(manifest)
        config = PartyConfig(
            rank=index,
            parties=parties,
            dealer=dealer,
            identity=identity(credentials),
            run=manifests.run_id(manifest),
            timeout_s=manifest.round_timeout_s,
            join_timeout_s=manifest.round_timeout_s,
        )
        self._worker = MpcWorker(config)
        self.permuter = (
            PermutationWorker(permutation_config(manifest, Role(index), config.identity)) if manifest.devices else None
        )

    async def compute(self, program: Program[T], *, kind: bytes, round_number: RoundNumber) -> T:
        """Run a program in the MPC thread; all parties must run it, for the same round and of the same kind."""

        def call() -> T:
            from aggregator.mpc.calculator import CryptenCalculator  # noqa: PLC0415 (torch is loaded in the MPC thread)

            return program(CryptenCalculator())

        begun = time.perf_counter()
        result = await asyncio.wrap_future(self._worker.submit(Task(kind, round_number, call)))
        self._note(kind.split()[0].decode(), time.perf_counter() - begun)
        return result

    async def ready(self) -> None:
        """Wait until a program can be run."""
        await asyncio.wrap_future(self._worker.loaded)

    @staticmethod
    def traffic() -> dict[str, int]:
        """Return the bytes that this process sent to and received from each party, for its log."""
        return {f"{name} {direction}": count for (name, direction), count in sorted(TRAFFIC.items())}

    def close(self) -> None:
        """End the thread and its connections."""
        self._worker.close()
        if self.permuter is not None:
            self.permuter.close()
