"""The ledger's format: JSON lines, each hashed into the next and signed by the aggregator that wrote it."""

import hashlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.arithmetic.counters import RoundNumber, Step
from protocols.errors import BadSignature, ParameterError
from protocols.identity import signing
from protocols.identity.signing import Signature, SignaturePurpose
from protocols.releases.query import NOISE

START: Final = bytes(32)
MAX_LINE: Final = 2**26
MAX_FILE: Final = 2**31
SHORT: Final = 12  # characters of a run's id in names of files
EXTREME: Final = 2.0**100  # far beyond any noise, and its square, as that of its reciprocal, is still a number
Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


@final
class ReleaseRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A release that a round made, with all that its cost follows from; `records` makes it from the manifest.

    Attributes:
        sigma: of the discrete Gaussian that each aggregator added; 0 of an exact release.
        sensitivity: by how much a unit of privacy changes each number that it changes.
        each: how many of a round's numbers it changes, at most.
        times: how many of a run's numbers it changes, at most.
        unit: of privacy.
        delta: of what the manifest promises.
    """

    name: str
    mechanism: str
    sigma: float = 0.0
    sensitivity: float = 1.0
    each: int = 1
    times: int = 1
    unit: str = "none"
    delta: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what has no cost: of a ledger that says so its operator is named, and nobody reckons with it.

        Raises:
            ValueError: noise that is none, or numbers that no release has.
        """
        in_range = all(1 / EXTREME <= each <= EXTREME for each in (self.sigma, self.sensitivity))
        has_noise = in_range and all(1 <= each <= EXTREME for each in (self.each, self.times))
        numbers = self.sigma, self.sensitivity, self.delta
        if not (0 <= self.delta < 1 and all(map(math.isfinite, numbers)) and (has_noise or self.mechanism != NOISE)):
            raise ValueError(f"{self.name} has noise of sigma {self.sigma:g}, {self.each} of {self.times} numbers")


@final
class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sum that was opened to find out who sends garbage: over whom, and whether it was in range."""

    members: tuple[str, ...]
    fits: bool


@final
class RoundRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What all aggregators must have written alike of a round.

    Attributes:
        trials: of a secure sum that was out of range: what was opened to find out whose fault it is.
        public: the environment's numbers, as the engine announced them; of rounds in which agents speak.
    """

    number: RoundNumber
    step: Step
    phase: int
    members: tuple[str, ...]
    refused: tuple[str, ...]
    releases: tuple[ReleaseRecord, ...]
    trials: tuple[Trial, ...] = ()
    public: dict[str, int] = {}


@final
class DeliveryRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one party was told in a round: bytes of vectors, and SHA-256 of a salt and them; see `deliveries`.

    Security: the salt is the aggregator's own (`aggregator.release.ledger`): a share of one bit has few values, and who
        could hash them all would read it from the file, or the bit itself from the files of all aggregators.
    """

    party: str
    size: int
    digest: Digest


@final
class DeliveryRoot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all parties were told in a round: how many, how many bytes, and the Merkle root of the records of each."""

    parties: int
    size: int
    root: Digest


@final
class StartEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="begin"):
    """The first line: which run this is, and who writes."""

    run: Digest
    aggregator: str


@final
class JoinEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="join"):
    """A client joined, in this step."""

    client: str
    step: Step


@final
class RoundEvent(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="round", kw_only=True, omit_defaults=True
):
    """A round closed.

    Attributes:
        absent: clients that took part in the round before, and not in this one.
        told: of ledgers of before, which list every party in place of a root.
        deliveries: the root of what all parties were told; of ledgers of before none.
        head: of the chain of what is agreed, this round's included.
    """

    agreed: RoundRecord
    absent: tuple[str, ...]
    told: tuple[DeliveryRecord, ...] = ()
    deliveries: DeliveryRoot | None = None
    head: Digest


@final
class RefusalEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="refusal"):
    """A round did not close, and why."""

    number: RoundNumber
    code: str
    reason: str


@final
class RepeatEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="repeat"):
    """A round's joint computation was done again on the same shares, and why; once in a run at most."""

    number: int
    reason: str


Event = StartEvent | JoinEvent | RoundEvent | RefusalEvent | RepeatEvent


@final
class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line.

    Attributes:
        index: from 0.
        previous: SHA-256 of the line before, its signature and its end included; zeros before the first.
        signature: by the aggregator's identity key, over everything else in the line.
    """

    version: Literal[1] = 1
    index: int
    previous: Digest
    event: Event
    signature: Signature


def file_name(run: bytes) -> str:
    """Return what an aggregator calls the ledger of a run in its folder, by the run's id."""
    return f"ledger-{run.hex()[:SHORT]}.jsonl"


def head_after(head: bytes, agreed: RoundRecord) -> bytes:
    """Return the head of the chain of agreed rounds after one more."""
    return hashlib.sha256(head + msgspec.json.encode(agreed, order="deterministic")).digest()


def encode_line(index: int, previous: bytes, event: Event, key: Ed25519PrivateKey) -> bytes:
    """Return one signed line with its end."""
    signature = signing.sign(key, SignaturePurpose.LEDGER, _content(index, previous, event))
    line = Line(index=index, previous=previous, event=event, signature=signature)
    return msgspec.json.encode(line, order="deterministic") + b"\n"


def _content(index: int, previous: bytes, event: Event) -> bytes:
    parts: list[Any] = [index, previous, event]
    return msgspec.json.encode(parts, order="deterministic")


def verify(lines: Iterable[bytes], public: bytes) -> list[Event]:
    """Check all lines of a ledger, and return its events.

    Args:
        public: the identity key of the aggregator that wrote it, 32 bytes.

    Raises:
        BadSignature: a line was changed, left out, moved, or cut off; the message names it.
    """
    events: list[Event] = []
    previous, head, number = START, START, -1
    for index, content in enumerate(lines):
        line = _line(index, content)
        if (line.index, line.previous) != (index, previous):
            raise BadSignature(f"line {index + 1} does not follow the one before it; a line was left out or moved")
        try:
            signing.verify(public, SignaturePurpose.LEDGER, _content(index, previous, line.event), line.signature)
        except BadSignature as error:
            raise BadSignature(f"line {index + 1}: {error}") from None
        if (index == 0) != isinstance(line.event, StartEvent):
            raise BadSignature(f"line {index + 1} is no ledger's: it begins once, in its first line")
        if isinstance(line.event, RoundEvent):
            if line.event.agreed.number <= number:
                raise BadSignature(f"line {index + 1} closes round {line.event.agreed.number} after round {number}")
            number = line.event.agreed.number
            head = head_after(head, line.event.agreed)
            if line.event.head != head:
                raise BadSignature(f"line {index + 1} has a head that its rounds do not give")
        events.append(line.event)
        previous = hashlib.sha256(content).digest()
    if not events:
        raise BadSignature("the ledger is empty; it begins with its run")
    return events


def _line(index: int, content: bytes) -> Line:
    if not content.endswith(b"\n") or len(content) > MAX_LINE:
        raise BadSignature(f"line {index + 1} is cut off or too long")
    try:
        line = msgspec.json.decode(content, type=Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadSignature(f"line {index + 1} is not a ledger's: {error}") from None
    if msgspec.json.encode(line, order="deterministic") + b"\n" != content:
        raise BadSignature(f"line {index + 1} is not in canonical form")
    return line


def load(path: Path, public: bytes) -> list[Event]:
    """Read and check a file."""
    return verify(read_content(path, "ledger").splitlines(keepends=True), public)


def read_content(path: Path, what: str) -> bytes:
    """Read a file of a run, unless it is longer than any is.

    Args:
        path: of the file.
        what: it is, for an error.

    Raises:
        ParameterError: it cannot be read, or is too long.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise ParameterError(f"{path} has more than {MAX_FILE} bytes, which are too many for a run's {what}")
        return path.read_bytes()
    except OSError as error:
        raise ParameterError(f"cannot read the {what} {path}: {error.strerror}") from error
