"""One aggregator's ledger of a run: written and on disk before anybody is told."""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Final, final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.arithmetic.counters import RoundNumber, Step
from protocols.errors import BadSignature, RecordsDiffer
from protocols.identity import signing
from protocols.releases import deliveries, ledger
from protocols.releases.ledger import (
    DeliveryRecord,
    Event,
    JoinEvent,
    RefusalEvent,
    RepeatEvent,
    RoundEvent,
    RoundRecord,
    StartEvent,
)

_INFO: Final = b"lpm ledger salt"


@final
class Ledger:
    """Appends lines to a run's ledger, and to the deliveries beside it, for which nobody waits.

    A line that a crash cut off was never told of, for telling waits for the disk: it is taken away when the aggregator
    is back. Anything else that is wrong with the file is an error, and the run does not go on.

    Attributes:
        heads: the head of the chain of agreed rounds after the last two of them, by number.
        released: over whom rounds were in which anything was released.

    Security: says which client took part when, and the root of salted hashes and sizes of what each was told; these
        are the deliveries. No shares, nor any that a reader could find by hashing what a short one may be. The ledger
        is signed by the aggregator's identity key, so that it cannot deny it; both are of mode 0600. Salts are of that
        key and the run: the same after a restart, in no file, and known to nobody else until the aggregator opens one.
    """

    def __init__(self, path: Path, *, run: bytes, name: str, key: Ed25519PrivateKey) -> None:
        """Begin, or go on with what is there.

        Raises:
            BadSignature: the file was changed, or is of another run.
        """
        self._path, self._key = path, key
        self._salt = HKDF(algorithm=SHA256(), length=32, salt=run, info=_INFO).derive(key.private_bytes_raw())
        self._index, self._previous = 0, ledger.START
        self.heads: dict[int, bytes] = {-1: ledger.START}
        self._last: RoundEvent | None = None
        self._newest: Event | None = None
        self.released: set[tuple[str, ...]] = set()
        _whole(deliveries.path_beside(path))
        lines = _whole(path).splitlines(keepends=True)
        if not lines:
            self._append(StartEvent(run, name))
            return
        events = ledger.verify(lines, signing.public_of(key))
        if events[0] != StartEvent(run, name):
            raise BadSignature(f"{path} is the ledger of another run or aggregator; move it away")
        self._index, self._previous = len(lines), hashlib.sha256(lines[-1]).digest()
        for event in events:
            self._take(event)

    def write_joining(self, client: str, step: Step) -> None:
        """Write down that a client joined."""
        self._append(JoinEvent(client, step))

    def write_refusal(self, number: RoundNumber, code: str, reason: str) -> None:
        """Write down that a round did not close; the same again, which any client can bring about, changes nothing."""
        refusal = RefusalEvent(number, code, reason)
        if self._newest != refusal:
            self._append(refusal)

    def write_repeat(self, number: RoundNumber, reason: str) -> None:
        """Write down that a joint computation is about to be done again; the same again changes nothing."""
        repeat = RepeatEvent(number, reason)
        if self._newest != repeat:
            self._append(repeat)

    def write_closing(self, agreed: RoundRecord, told: tuple[DeliveryRecord, ...]) -> None:
        """Write down a round that is about to be told; the same again changes nothing.

        Raises:
            RecordsDiffer: another end of the same round is written already, or it does not follow the last one.
        """
        root = deliveries.root_of(told)
        if self._last is not None and self._last.agreed.number == agreed.number:
            if (self._last.agreed, self._last.deliveries or deliveries.root_of(self._last.told)) != (agreed, root):
                raise RecordsDiffer(f"the ledger has another end of round {agreed.number}; the run is over")
            return
        if agreed.number < self.number:
            raise RecordsDiffer(
                f"round {agreed.number} cannot follow round {self.number} of the ledger; the run is over"
            )
        before = () if self._last is None else self._last.agreed.members
        absent = tuple(name for name in before if name not in agreed.members)
        head = ledger.head_after(self.heads[max(self.heads)], agreed)
        _add(deliveries.path_beside(self._path), deliveries.encode_line(deliveries.proof_of(agreed.number, told)))
        self._append(RoundEvent(agreed=agreed, absent=absent, deliveries=root, head=head))

    def delivery(self, number: RoundNumber, party: str, content: bytes) -> DeliveryRecord:
        """Return what a line says of what a party is told in a round: its size, and a commitment to it."""
        salt = hmac.digest(self._salt, b"%d %s" % (number, party.encode()), "sha256")
        return DeliveryRecord(party, len(content), hashlib.sha256(salt + content).digest())

    @property
    def number(self) -> int:
        """Return the number of the last round; -1 before the first."""
        return -1 if self._last is None else self._last.agreed.number

    @property
    def is_ended(self) -> bool:
        """Tell whether its last line is of a round that did not close."""
        return isinstance(self._newest, RefusalEvent)

    def head(self, number: RoundNumber) -> bytes:
        """Return the head before a round, whose number need not be the next one; nothing if it is no longer known."""
        before = max((each for each in self.heads if each < number), default=None)
        return b"" if before is None else self.heads[before]

    def _append(self, event: Event) -> None:
        line = ledger.encode_line(self._index, self._previous, event, self._key)
        _add(self._path, line, wait=True)
        self._index, self._previous = self._index + 1, hashlib.sha256(line).digest()
        self._take(event)

    def _take(self, event: Event) -> None:
        self._newest = event
        if isinstance(event, RoundEvent):
            self._last = event
            if event.agreed.releases:
                self.released.add(event.agreed.members)
            number = event.agreed.number
            before = max(self.heads)
            self.heads = {before: self.heads[before], number: event.head}


def _whole(path: Path) -> bytes:
    """Return a file's lines, without one that a crash cut off, which is taken away; make it where it is not there."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        with path.open("r+b") as file:
            file.truncate(len(whole))
            os.fsync(file.fileno())
    return whole


def _add(path: Path, line: bytes, *, wait: bool = False) -> None:
    """Append a line, or nothing where the disk takes a part of it: the next one would stand behind that part.

    Args:
        path: of the file.
        line: with its end.
        wait: until it is on disk.
    """
    with path.open("ab", buffering=0) as file:
        end, rest = file.tell(), line
        try:
            while rest:
                rest = rest[file.write(rest) :]
            if wait:
                os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise
