"""Private agents of an active run, as the engine meets them, and the choice of that part by the manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from client_sdk.masking.channel import ServerChannel
from client_sdk.masking.masking_client import Reading, read_release
from lpm_secure.engine.announcement import AggregateRelease
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.engine.loop import PrivatePart, RemotePart, StepRelease
from lpm_secure.engine.tally import ReplicateTallies
from protocols.arithmetic.counters import Step
from protocols.arithmetic.fixed_point import I64
from protocols.errors import LpmError, RecordsDiffer
from protocols.identity.server_keys import IDENTITY
from protocols.identity.signing import read_key
from protocols.masking.envelope import NONCE_BYTES, Signer
from protocols.masking.messages import StepNotice, Stop, to_bytes
from protocols.masking.plan import plan_of
from protocols.masking.plans.run_plan import RunPlan
from protocols.task.manifest import Manifest, Simulation, is_active, require_simulation
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase
from protocols.task.signature import trust_of
from protocols.wire.transport import Transport


@final
class MaskedAnnouncer:
    """Announces to both aggregators of a masked run, and reads what they release.

    Security: the engine sees releases only. It signs what it announces; that both aggregators told it the same, it
        checks, and stops the run for all if they did not.
    """

    def __init__(
        self, plan: RunPlan, transports: Sequence[Transport], signer: Signer, keys: Mapping[str, bytes]
    ) -> None:
        """Reach both aggregators.

        Args:
            plan: of the run.
            transports: to both, in the manifest's order.
            signer: the engine's.
            keys: every party's public key, by name.
        """
        self.plan, self._signer, self._keys = plan, signer, keys
        self._channel = ServerChannel(plan.run, plan.manifest, transports)

    async def advance(self, step: int, announced: I64) -> Reading:
        """Announce a step to both aggregators, and return what they tell of it.

        Raises:
            PartiesDisagree: the aggregators told different things.
            RunEnded: the run is over.
            RecordsDiffer: the step is over, and this engine's key had announced something else.
        """
        plan = self.plan
        number = plan.manifest.schedule.number(Step(step), Phase.SPEAK)
        notice = StepNotice(run=plan.run, number=number, words=to_bytes(announced.view(np.uint64)))
        try:
            replies = await self._channel.exchange(self._signer.send(notice), step=Step(step))
            reading = read_release(plan, replies, keys=self._keys)
            if announced.size and not np.array_equal(reading.announcement, announced):
                raise RecordsDiffer(f"step {step} was announced with other numbers before; the run stops here")
            return reading
        except LpmError as error:
            await self._channel.stop(self._signer.send(Stop(run=plan.run, number=0, reason=str(error))))
            raise


@final
class MaskedPart(PrivatePart):
    """Private agents on their clients, behind the masked backend."""

    def __init__(self, announcer: MaskedAnnouncer, journal: ReleaseJournal | None = None) -> None:
        """Meet them over the engine's way to both aggregators; what is in the journal is over."""
        self._announcer, self._journal, self._cells = announcer, journal, announcer.plan.layout.cells
        plan, model = announcer.plan, require_simulation(announcer.plan.manifest).model
        self._reading = ReplicateTallies(plan.release_plan, model, plan.layout)

    async def advance(self, step: int, announced: I64) -> StepRelease:
        """Announce a step to both aggregators, and return its release; errors are those of `MaskedAnnouncer`."""
        release = None if self._journal is None else self._journal.release(step, announced)
        if release is None:
            reading = await self._announcer.advance(step, announced)
            release = AggregateRelease(reading.release, len(reading.accepted), 0, reading.accepted, reading.refused)
            if self._journal is not None:
                self._journal.append(step, announced, release)
        cells, words = np.split(release.words, [self._cells])
        tally = self._reading.tally(words)
        return StepRelease(cells, tally, release.members, release.traffic, release.names, release.refused)


def private_part(
    manifest: Simulation, transports: Sequence[Transport], folder: Path, journal: ReleaseJournal | None = None
) -> PrivatePart:
    """Return the private agents of a run as its manifest hides them; the engine's key is in `folder`."""
    if not is_active(manifest):
        return RemotePart(manifest, transports, journal)
    return MaskedPart(announcer_of(manifest, transports, folder), journal)


def announcer_of(manifest: Manifest, transports: Sequence[Transport], folder: Path) -> MaskedAnnouncer:
    """Return the engine's way to both aggregators of an active run; the engine's key is in `folder`.

    Nonces are of that key and the run: an engine that is started again announces a step in the same bytes.
    """
    plan, key = plan_of(manifest), read_key(folder / IDENTITY)
    nonce_key = HKDF(SHA256(), NONCE_BYTES, salt=plan.run, info=b"lpm engine nonces").derive(key.private_bytes_raw())
    return MaskedAnnouncer(plan, transports, Signer(ENGINE, key, nonce_key), trust_of(manifest).signing_keys)
