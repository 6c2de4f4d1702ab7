"""What all parties of a masked run have in common: a name and keys, a journal, and one end for all."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

import msgspec

from protocols.arithmetic.counters import RoundNumber
from protocols.errors import LpmError, RunEnded
from protocols.foreign_text import line_of
from protocols.identity.attachment import PartHashes
from protocols.masking.envelope import SignedMessage, Signer, read
from protocols.masking.journal import BEGIN, END, Journal
from protocols.masking.messages import RunMessage, Stop
from protocols.masking.plans.run_plan import RunPlan

M = TypeVar("M", bound=msgspec.Struct)


@dataclass(slots=True, eq=False)
class MaskingParty:
    """One server or client of a masked run.

    Attributes:
        plan: of the run.
        signer: its name and keys.
        keys: every party's public key, by name.
        journal: written before anything is sent.
        ending: why the run is over, or nothing.
        is_back: whether it goes on with what it had begun.

    Security: any disagreement ends the run for good, whoever lied: there is one way to stop, the same in every world.
        The end stands in the journal: a party that is started again does not forget that it stopped. What a server
        sends follows from what stands there by then: its random numbers, what others sent, and in which order it took
        that in. So one that comes back says what it would have said, later, and looks like one that was slow.
    """

    plan: RunPlan
    signer: Signer
    keys: Mapping[str, bytes] = field(repr=False)
    journal: Journal = field(repr=False)
    ending: str = field(init=False, default="")
    is_back: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Begin the run, or go on with it."""
        self.is_back = self.journal.entry(BEGIN) is not None
        if not self.is_back:
            self.journal.begin(self.plan.run)
        self.ending = (self.journal.entry(END) or b"").decode()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Do a step of the protocol, unless the run is over; whatever goes wrong in it ends the run.

        Raises:
            RunEnded: the run is over, or the disk takes no more.
            RunExpired: the time for which its manifest is valid is.
        """
        self.require_running()
        try:
            self.require_current()
            yield
        except LpmError as error:
            self._end(str(error))
            raise
        except OSError as error:  # what does not stand in the journal is not told, neither now nor when asked again
            why = error.strerror or "it failed"
            self._end(f"the disk of {self.signer.name} does not take what is to be told ({why}); the run stops here")
            raise RunEnded(self.ending) from error

    def require_running(self) -> None:
        """Refuse to go on with a run that is over.

        Raises:
            RunEnded: it is.
        """
        if self.ending:
            raise RunEnded(f"the run is over: {self.ending}")

    def require_current(self) -> None:
        """Refuse to go on with a run whose time is over: that is looked at in each step of the protocol.

        Raises:
            RunExpired: it is.
        """
        if self.plan.manifest.trust is not None:
            self.plan.manifest.trust.require_current()

    def read(self, envelope: SignedMessage, *kinds: type[M], sender: str | None = None) -> M:
        """Return a message, which must come from `sender` where one is given.

        Raises:
            ProtocolError, BadSignature: it is not this message.
        """
        if sender is not None and envelope.sender != sender:
            raise RunEnded(f"a message came from {envelope.sender} in place of {sender}; the run stops here")
        return read(envelope, *kinds, keys=self.keys, run=self.plan.run)

    def send(
        self,
        message: RunMessage,
        *,
        name: str,
        nonce: bytes | None = None,
        sync: bool = True,
        before: Mapping[str, bytes] = MappingProxyType({}),
        hashes: PartHashes | None = None,
    ) -> SignedMessage:
        """Write down that a message is sent under this name, and return it signed.

        Args:
            message: of a round.
            name: of what is sent once a round.
            nonce: of the message; drawn from its content where none is given.
            sync: whether to wait for the disk: once a round is enough, before what it tells.
            before: what is written down with it, and before it.
            hashes: of its parts, as far as they were computed.

        Raises:
            ConflictingReplay: another content was sent under the name.
        """
        envelope = self.signer.send(message, nonce=nonce, hashes=hashes)
        self.journal.record_all({**before, f"{name} {message.number}": envelope.digest}, sync=sync)
        return envelope

    def send_all(self, messages: Mapping[str, RunMessage], *, sync: bool = True) -> dict[str, SignedMessage]:
        """Write down together what is sent under these names, and return each message signed, as `send` does."""
        hashes = PartHashes()
        envelopes = {name: self.signer.send(message, hashes=hashes) for name, message in messages.items()}
        entries = {f"{name} {messages[name].number}": each.digest for name, each in envelopes.items()}
        self.journal.record_all(entries, sync=sync)
        return envelopes

    def stop(self) -> SignedMessage:
        """Return the signed end of the run, for everybody."""
        return self.signer.send(Stop(run=self.plan.run, number=RoundNumber(0), reason=self.ending))

    def abandon(self, reason: str) -> None:
        """End the run because an answer did not come, or was refused."""
        self._end(reason)

    def forget(self) -> None:
        """Let a run that is over leave no key and no number on disk; a restart finds that it is over, and why."""
        self.ending = self.ending or "it has come to its end"
        self.journal.forget(self.ending)

    def end(self, envelope: SignedMessage) -> None:
        """Take in that another party has stopped; nothing more is computed or told."""
        reason = self.read(envelope, Stop).reason
        self._end(f"{envelope.sender} has stopped: {reason}")

    def _end(self, reason: str) -> None:
        """End the run, once; where the disk takes no more, for this process alone."""
        if not self.ending:
            self.ending = line_of(reason)
            with suppress(OSError):  # everybody else is told all the same
                self.journal.record(END, self.ending.encode())


def digest_of(*parts: bytes) -> bytes:
    """Return the hash of parts, of which the last one alone may have any length."""
    return hashlib.sha256(b"".join(parts)).digest()
