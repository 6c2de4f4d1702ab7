"""Between messages and bytes. A decoder refuses whatever the encoder cannot produce, leftovers included."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from google.protobuf.message import DecodeError, Message

from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.sharing.additive import KEY_BYTES, START_BYTES
from protocols.errors import ManifestMismatch, WireError
from protocols.identity.attachment import MOST_PARTS
from protocols.masking.envelope import NONCE_BYTES, SignedMessage
from protocols.sealing import messages as sealed
from protocols.task.rounds import Phase
from protocols.wire import lpm_pb2 as pb
from protocols.wire import messages

M = TypeVar("M")

ID_BYTES: Final = 32
DIGEST_BYTES: Final = 32
MAX_STEP: Final = 2**32
MAX_NAME: Final = 63
MAX_COUNTER: Final = 2**63 - 1
MAX_OPENING: Final = 4096
SIGNATURE_BYTES: Final = 64


def _bytes(words: U64 | I64) -> bytes:
    return words.astype("<u8", copy=False).tobytes() if words.dtype == np.uint64 else words.astype("<i8").tobytes()


def _words(content: bytes) -> U64:
    if len(content) % 8:
        raise WireError(f"got a vector of {len(content)} bytes; whole words of 8 bytes are needed")
    return np.frombuffer(content, dtype="<u8")


def _signed(content: bytes) -> I64:
    return _words(content).view("<i8")


def _run(content: bytes) -> bytes:
    if len(content) != ID_BYTES:
        raise ManifestMismatch(f"got a run id of {len(content)} bytes; it has {ID_BYTES}")
    return content


def _step(step: int) -> Step:
    if step > MAX_STEP:
        raise WireError(f"got step {step}; at most {MAX_STEP} is allowed")
    return Step(step)


def _phase(number: int) -> Phase:
    if number not in tuple(Phase):
        raise WireError(f"got phase {number}; there are {', '.join(f'{each.value} {each.name}' for each in Phase)}")
    return Phase(number)


def _key(content: bytes) -> bytes:
    if len(content) not in (0, KEY_BYTES):
        raise WireError(f"got a key of {len(content)} bytes; it has {KEY_BYTES}, or none at the last aggregator")
    return content


def _digest(content: bytes) -> bytes:
    if len(content) != DIGEST_BYTES:
        raise WireError(f"got a digest of {len(content)} bytes; it has {DIGEST_BYTES}")
    return content


def _start(content: bytes) -> bytes:
    if len(content) != START_BYTES:
        raise WireError(f"got a share whose start has {len(content)} bytes; it has {START_BYTES}: use one version")
    return content


def _members(parsed: Any) -> messages.Members:
    names, starts = _names(parsed.names), tuple(map(_start, parsed.starts))
    if len(starts) != len(names):
        raise WireError(f"got {len(starts)} starts of {len(names)} members; each has one: use one version")
    head, announced = _key(parsed.head), _key(parsed.announced)
    return messages.Members(_step(parsed.step), names, _phase(parsed.phase), head, announced, starts)


def _name(name: str) -> str:
    if re.match(r"^[a-z0-9][a-z0-9._-]{0,62}\Z", name) is None:
        raise WireError("got a name that no manifest has")
    return name


def _counter(number: int) -> int:
    if number > MAX_COUNTER:
        raise WireError(f"got the counter {number}; at most {MAX_COUNTER} is allowed")
    return number


def _handshake(parsed: Any) -> sealed.Handshake | None:
    if not parsed.HasField("opening"):
        return None
    parts = parsed.opening
    if max(len(parts.sealed), len(parts.certificate), len(parts.signature)) > MAX_OPENING:
        raise WireError(f"got an opening with a part above {MAX_OPENING} bytes")
    return sealed.Handshake(parts.sealed, parts.certificate, parts.signature)


def _opening(handshake: sealed.Handshake | None) -> pb.Opening | None:
    if handshake is None:
        return None
    return pb.Opening(sealed=handshake.sealed, certificate=handshake.certificate, signature=handshake.signature)


def _envelope(parts: Any) -> SignedMessage:
    if len(parts.nonce) != NONCE_BYTES or len(parts.signature) != SIGNATURE_BYTES:
        raise WireError("got a signed message whose nonce or signature has another size")
    if len(parts.parts) > MOST_PARTS or not all(parts.parts):
        raise WireError(f"got a signed message with {len(parts.parts)} parts; at most {MOST_PARTS} travel, none empty")
    long = tuple(memoryview(part) for part in parts.parts)
    return SignedMessage(_name(parts.sender), parts.content, parts.nonce, parts.signature, long)


def _pb_envelope(given: SignedMessage | None) -> pb.Envelope | None:
    if given is None:
        return None
    return pb.Envelope(
        sender=given.sender,
        content=given.content,
        nonce=given.nonce,
        signature=given.signature,
        parts=map(bytes, given.parts),
    )


def _names(names: Any) -> tuple[str, ...]:
    if any(not 0 < len(name) <= MAX_NAME for name in names) or sorted(set(names)) != list(names):
        raise WireError("got a list of members that is not in order or has a name out of bounds")
    return tuple(names)


def _number(number: int) -> int:
    if number >= messages.LETTERS:
        raise WireError(f"got letter {number}; there are {messages.LETTERS}, from 0")
    return number


def _letter(name: str, content: bytes) -> tuple[str, bytes]:
    """Return for whom, or of whom, a letter is, and what it says; nobody and nothing where there is none."""
    if len(content) > messages.LETTER_BYTES or (content and not name):
        raise WireError(f"got a letter of {len(content)} bytes; {messages.LETTER_BYTES} are allowed, with a name")
    return _name(name) if name else "", content


@dataclass(frozen=True, slots=True)
class _Kind:
    pb: type[Message]
    write: Callable[[Any], Message]
    read: Callable[[Any], Any]


_KINDS: Final[dict[type, _Kind]] = {
    messages.Join: _Kind(
        pb.JoinRequest,
        lambda m: pb.JoinRequest(run_id=m.run_id, key=m.key, since=m.since),
        lambda p: messages.Join(_run(p.run_id), _key(p.key), _step(p.since) if p.HasField("since") else None),
    ),
    messages.JoinReply: _Kind(
        pb.JoinReply,
        lambda m: pb.JoinReply(step=m.step, public=_bytes(np.array(m.public, dtype=np.int64)), counted=m.counted),
        lambda p: messages.JoinReply(
            _step(p.step),
            tuple(_signed(p.public).tolist()),
            RoundNumber(p.counted) if p.HasField("counted") else None,
        ),
    ),
    messages.Share: _Kind(
        pb.ExchangeRequest,
        lambda m: pb.ExchangeRequest(run_id=m.run_id, step=m.step, share=_bytes(m.share), phase=m.phase, start=m.start),
        lambda p: messages.Share(_run(p.run_id), _step(p.step), _words(p.share), _phase(p.phase), _start(p.start)),
    ),
    messages.RoundResult: _Kind(
        pb.ExchangeReply,
        lambda m: pb.ExchangeReply(
            step=m.step,
            own=_bytes(m.own),
            release=_bytes(m.release),
            synthetic=_bytes(m.synthetic),
            members=m.members,
            phase=m.phase,
        ),
        lambda p: messages.RoundResult(
            _step(p.step), _words(p.own), _words(p.release), _signed(p.synthetic), p.members, _phase(p.phase)
        ),
    ),
    messages.Announcement: _Kind(
        pb.AnnounceRequest,
        lambda m: pb.AnnounceRequest(run_id=m.run_id, step=m.step, synthetic=_bytes(m.synthetic)),
        lambda p: messages.Announcement(_run(p.run_id), _step(p.step), _signed(p.synthetic)),
    ),
    messages.RoundRelease: _Kind(
        pb.AnnounceReply,
        lambda m: pb.AnnounceReply(
            step=m.step,
            release=_bytes(m.release),
            members=m.members,
            traffic=m.traffic,
            names=m.names,
            refused=m.refused,
        ),
        lambda p: messages.RoundRelease(
            _step(p.step), _words(p.release), p.members, p.traffic, _names(p.names), _names(p.refused)
        ),
    ),
    messages.MembersQuery: _Kind(
        pb.MembersRequest,
        lambda m: pb.MembersRequest(run_id=m.run_id, step=m.step, phase=m.phase),
        lambda p: messages.MembersQuery(_run(p.run_id), _step(p.step), _phase(p.phase)),
    ),
    messages.Members: _Kind(
        pb.MembersReply,
        lambda m: pb.MembersReply(
            step=m.step, names=m.names, phase=m.phase, head=m.head, announced=m.announced, starts=m.starts
        ),
        _members,
    ),
    messages.ComputationQuery: _Kind(
        pb.ComparedRequest,
        lambda m: pb.ComparedRequest(run_id=m.run_id, step=m.step, phase=m.phase),
        lambda p: messages.ComputationQuery(_run(p.run_id), _step(p.step), _phase(p.phase)),
    ),
    messages.Computation: _Kind(
        pb.ComparedReply,
        lambda m: pb.ComparedReply(step=m.step, name=m.name),
        lambda p: messages.Computation(_step(p.step), _key(p.name)),
    ),
    messages.TrialQuery: _Kind(
        pb.TriedRequest,
        lambda m: pb.TriedRequest(run_id=m.run_id, step=m.step, trial=m.trial, over=m.over),
        lambda p: messages.TrialQuery(_run(p.run_id), _step(p.step), p.trial, _digest(p.over)),
    ),
    messages.TrialShare: _Kind(
        pb.TriedReply,
        lambda m: pb.TriedReply(step=m.step, trial=m.trial, over=m.over, share=_bytes(m.share)),
        lambda p: messages.TrialShare(_step(p.step), p.trial, _digest(p.over), _words(p.share)),
    ),
    messages.MaskedCall: _Kind(
        pb.MaskedRequest,
        lambda m: pb.MaskedRequest(run_id=m.run_id, envelope=_pb_envelope(m.envelope)),
        lambda p: messages.MaskedCall(_run(p.run_id), _envelope(p.envelope)),
    ),
    messages.MaskedReply: _Kind(
        pb.MaskedReply,
        lambda m: pb.MaskedReply(envelope=_pb_envelope(m.envelope)),
        lambda p: messages.MaskedReply(_envelope(p.envelope) if p.HasField("envelope") else None),
    ),
    messages.Letter: _Kind(
        pb.LetterRequest,
        lambda m: pb.LetterRequest(run_id=m.run_id, number=m.number, to=m.to, content=m.content, wanted=m.wanted),
        lambda p: messages.Letter(_run(p.run_id), _number(p.number), *_letter(p.to, p.content), _names(p.wanted)),
    ),
    messages.LetterReply: _Kind(
        pb.LetterReply,
        lambda m: pb.LetterReply(sender=m.sender, content=m.content),
        lambda p: messages.LetterReply(*_letter(p.sender, p.content)),
    ),
    sealed.SealedRequest: _Kind(
        pb.SealedRequest,
        lambda m: pb.SealedRequest(
            run_id=m.run_id,
            to=m.to,
            client=m.client,
            opening=_opening(m.handshake),
            counter=m.counter,
            body=m.body,
        ),
        lambda p: sealed.SealedRequest(
            _run(p.run_id), _name(p.to), _name(p.client), _handshake(p), _counter(p.counter), p.body
        ),
    ),
    sealed.SealedReply: _Kind(
        pb.SealedReply, lambda m: pb.SealedReply(body=m.body), lambda p: sealed.SealedReply(p.body)
    ),
    messages.StreamedCall: _Kind(
        pb.Call,
        lambda m: pb.Call(number=m.number, method=m.method, content=m.content),
        lambda p: messages.StreamedCall(_counter(p.number), p.method, p.content),
    ),
    messages.StreamedAnswer: _Kind(
        pb.Answer,
        lambda m: pb.Answer(number=m.number, content=m.content, status=m.status, code=m.code, details=m.details),
        lambda p: messages.StreamedAnswer(_counter(p.number), p.content, p.status, p.code, p.details),
    ),
}


def encode(message: object) -> bytes:
    """Return a message's canonical bytes."""
    return _KINDS[type(message)].write(message).SerializeToString(deterministic=True)


def decode(kind: type[M], content: bytes) -> M:
    """Read a message of the given kind.

    Raises:
        WireError: bytes that `encode` would not have written.
    """
    parser = _KINDS[kind]
    message = parser.pb()
    try:
        message.ParseFromString(content)
    except DecodeError:
        raise WireError(f"got {len(content)} bytes that are no {kind.__name__}") from None
    result: M = parser.read(message)
    if encode(result) != content:  # protobuf keeps unknown fields, so what was parsed cannot tell
        raise WireError(f"got a {kind.__name__} with unknown or misplaced fields; send it as the encoder writes it")
    return result
