"""An aggregator that is asked by messages: it opens the shares of a round, adds them up, and answers once."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np
from cryptography import x509

from aggregator.mpc.keystream import subkey
from aggregator.release.sum_noise import release_gradient
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import U64
from protocols.atomic_file import PRIVATE_MODE, sync_folder
from protocols.errors import (
    CohortTooSmall,
    ConflictingReplay,
    LpmError,
    ManifestMismatch,
    NotEnrolled,
    NotSealed,
    RoundAhead,
    WrongLength,
)
from protocols.identity.sealing_key import SealingKey
from protocols.releases.query import GRADIENT
from protocols.sealing.handshake import accept
from protocols.sealing.messages import SealedRequest
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest
from protocols.task.release_plan import releases_of
from protocols.task.secure_sum.spec import answers
from protocols.wire import codec
from protocols.wire.messages import Join, Share
from protocols.wire.sealed_transport import unpack

PURPOSE: Final = b"lpm sum asked for by messages"  # of noise, beside that of the same run over gRPC


@final
@dataclass(frozen=True, slots=True, eq=False)
class SumShare:
    """What an aggregator answers: its share of a sum, uint64[d], or none where shares did not open, and whose."""

    total: U64 | None = field(repr=False)
    refused: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class SummedOnce:
    """One aggregator of a calibration, without a process of its own: what counts is in its folder.

    Attributes:
        manifest: of the run; name: of this aggregator in it.
        key: its sealing key, which the manifest pins.
        authorities: whose certificates clients show.
        noise_key: of its noise in this run.
        folder: where it writes down what it has answered.

    Security: whoever asks chooses whose shares are added up, and could take the sum over some from the sum over others.
        So a round is answered once, over at least `min_cohort` clients that have signed their shares; asked again with
        the same shares, the answer is the same, and with others there is none. The noise is another one than that of
        the same run over gRPC, so that it does not cancel between two sums.
    """

    manifest: Manifest
    name: str
    key: SealingKey = field(repr=False)
    authorities: Sequence[x509.Certificate] = field(repr=False)
    noise_key: bytes = field(repr=False)
    folder: Path

    def add_up(self, number: RoundNumber, sealed: Mapping[str, bytes]) -> SumShare:
        """Return this aggregator's share of the sum over clients, with its noise; nothing, if a share does not open.

        Args:
            number: of the round.
            sealed: by client, what it sealed to this aggregator.

        Raises:
            ConflictingReplay: the round was answered over other shares.
            CohortTooSmall, RoundAhead, BudgetSpent: the manifest does not allow it.
        """
        if not answers(number) or number > self.manifest.steps:
            raise RoundAhead(f"got step {number}; gradients are summed in odd steps up to {self.manifest.steps}")
        if len(sealed) < self.manifest.min_cohort:
            raise CohortTooSmall(
                f"cannot release a sum of {len(sealed)} clients: the manifest promises {self.manifest.min_cohort}; "
                "wait for more"
            )
        releases_of(self.manifest).require({GRADIENT: (number + 1) // 2})
        total = np.zeros(Layout.of(self.manifest).d, dtype=np.uint64)
        refused = [
            client for client, content in sorted(sealed.items()) if not self._add(client, content, number, total)
        ]
        if refused:
            return SumShare(None, tuple(refused))
        self._once(number, sealed)
        return SumShare(release_gradient(self.manifest, subkey(self.noise_key, PURPOSE), number, total))

    def _add(self, client: str, content: bytes, number: RoundNumber, total: U64) -> bool:
        """Add a client's share; return whether there was one."""
        try:
            inner = self._opened(client, codec.decode(SealedRequest, content), number)
            if isinstance(inner, Share):
                total += self._checked(inner, number, total.size)
            else:
                self.manifest.share().expand(inner.key, round_number=number, out=total)
        except LpmError:
            return False
        return True

    def _opened(self, client: str, request: SealedRequest, number: RoundNumber) -> Join | Share:
        run = manifests.run_id(self.manifest)
        if client not in {each.name for each in self.manifest.clients}:
            raise NotEnrolled(f"the manifest lists no client {client}; ask the run's operator to enrol it")
        route = Route(run, client, self.name)
        if (request.run_id, request.to, request.client, request.counter) != (run, self.name, client, number):
            raise ManifestMismatch("what was sealed is for another run, aggregator, client or step")
        if request.handshake is None:
            raise NotSealed("a sealed share came without its opening")
        secret = accept(route, request.handshake, key=self.key, authorities=self.authorities)
        inner = unpack(SealedSession.of(route, secret).open_request(request.body, counter=number))
        last = self.name == self.manifest.aggregators[-1].name
        if inner.run_id != run or isinstance(inner, Share) != last:
            raise ManifestMismatch("what was sealed is no share of this run for this aggregator")
        found: Join | Share = inner
        return found

    def _checked(self, share: Share, number: RoundNumber, d: int) -> U64:
        if (share.step, share.share.size) != (Step(number), d):
            raise WrongLength(f"got a share of {share.share.size} words for step {share.step}; {d} are needed")
        return share.share

    def _once(self, number: RoundNumber, sealed: Mapping[str, bytes]) -> None:
        """Write down, before it is told, over which shares a round is answered."""
        mark = hashlib.sha256()
        for client, content in sorted(sealed.items()):
            mark.update(client.encode() + b"\0" + hashlib.sha256(content).digest())
        path = self.folder / f"answered-{manifests.run_id(self.manifest).hex()[:16]}-{number}"
        new = self.folder / f"{path.name}.{os.getpid()}"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_MODE)
        with open(descriptor, "wb") as file:
            file.write(mark.digest())
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(new, path)  # fails where there is one, and is never seen half written
            sync_folder(self.folder)
        except FileExistsError:
            if path.read_bytes() != mark.digest():
                raise ConflictingReplay(
                    f"step {number} was answered over other shares; the first ones counted"
                ) from None
        finally:
            new.unlink()
