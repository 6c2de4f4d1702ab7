"""The few fixed forms in which parties and the dealer talk: nothing is unpickled, and no length is taken on trust."""

import struct
from dataclasses import dataclass
from typing import Final, final

from protocols.errors import PartiesDisagree, WireError

_HELLO: Final = struct.Struct("!8sBB32s32s")
_STAMP: Final = struct.Struct("!8s32sQQQQQ")
_REQUEST: Final = struct.Struct("!8sQ16s")
_ANSWER: Final = struct.Struct("!8sQQ")
HELLO_BYTES: Final = _HELLO.size
STAMP_BYTES: Final = _STAMP.size
REQUEST_BYTES: Final = _REQUEST.size
ANSWER_BYTES: Final = _ANSWER.size
_HELLO_MAGIC: Final = b"lpmmpc1h"
_STAMP_MAGIC: Final = b"lpmmpc1s"
_REQUEST_MAGIC: Final = b"lpmmpc1r"
_ANSWER_MAGIC: Final = b"lpmmpc1a"


@final
@dataclass(frozen=True, slots=True)
class Hello:
    """The first words on a connection: who of how many, in which run, and 32 fresh bytes (or the session's name)."""

    rank: int
    k: int
    run: bytes
    nonce: bytes

    def encode(self) -> bytes:
        """Return the fixed form."""
        return _HELLO.pack(_HELLO_MAGIC, self.rank, self.k, self.run, self.nonce)

    @classmethod
    def decode(cls, data: bytes) -> "Hello":
        """Read the fixed form."""
        magic, rank, k, run, nonce = _HELLO.unpack(data)
        if magic != _HELLO_MAGIC:
            raise WireError("a connection did not begin with our hello; another program or version is at that address")
        return cls(rank, k, run, nonce)

    def require(self, *, rank: int, k: int, run: bytes) -> None:
        """Check the other side's hello against what it should say."""
        if (self.rank, self.k, self.run) != (rank, k, run):
            raise PartiesDisagree(
                f"a party says it is {self.rank} of {self.k}, not {rank} of {k}, or is in another run"
            )


@final
@dataclass(frozen=True, slots=True)
class Stamp:
    """What goes before every opening: nothing is combined unless all parties' stamps are the same.

    Args:
        digest: of the session, the operation's kind and size, and the step it is for.
        operation: how many operations began before this one.
        opening: how many openings the operation made before this one.
        drawn: how many words were drawn from keys that parties share.
        batches: how many batches of the dealer's randomness were taken.
        length: bytes that follow.
    """

    digest: bytes
    operation: int
    opening: int
    drawn: int
    batches: int
    length: int

    def encode(self) -> bytes:
        """Return the fixed form."""
        return _STAMP.pack(_STAMP_MAGIC, self.digest, *self._counters())

    def _counters(self) -> tuple[int, ...]:
        return self.operation, self.opening, self.drawn, self.batches, self.length

    def require(self, data: bytes, name: str) -> None:
        """Check that another party's stamp is the same.

        Raises:
            PartiesDisagree: it is not; nothing has been opened.
        """
        if data == self.encode():
            return
        magic, digest, *theirs = _STAMP.unpack(data)
        if magic != _STAMP_MAGIC:
            raise WireError(f"{name} sent bytes that are no stamp")
        other = "an operation of another kind, size or step"
        what = other if digest != self.digest else f"counters {theirs}, not {list(self._counters())}"
        raise PartiesDisagree(
            f"{name} stands at {what}; nothing was opened; all aggregators must do the step again together"
        )


def encode_request(index: int, spec: bytes) -> bytes:
    """Return the request for a batch of correlated randomness."""
    return _REQUEST.pack(_REQUEST_MAGIC, index, spec)


def decode_request(data: bytes) -> tuple[int, bytes]:
    """Read a request."""
    magic, index, spec = _REQUEST.unpack(data)
    if magic != _REQUEST_MAGIC:
        raise WireError("a party sent bytes that are no request")
    return index, spec


def encode_answer(index: int, n_words: int) -> bytes:
    """Return what goes before the words of a batch."""
    return _ANSWER.pack(_ANSWER_MAGIC, index, n_words)


def require_answer(data: bytes, index: int, n_words: int) -> None:
    """Check that the dealer answers what was asked."""
    if data != encode_answer(index, n_words):
        raise PartiesDisagree("the dealer answered another request than ours; the step can be done again")
