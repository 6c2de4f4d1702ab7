"""The journal of a client's rounds: what it tells is written down before it goes out, and what it was told is kept."""

import hashlib
import zlib
from typing import Final, final

import msgspec
import numpy as np

from client_sdk.simulation.exchange import Answer
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.sharing import Sharing
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.errors import AnswerLost, RoundClosed
from protocols.masking.journal import Journal

START: Final = "start"  # entries of the journal, numbered: the keys of a start,
JOINED: Final = "joined"  # and which step came next when this client joined
START_BYTES: Final = 4  # of a start's number, behind the digest of what was told in it
MISSED: Final = {RoundClosed: b"closed", AnswerLost: b"lost"}  # in place of an answer


@final
class RoundJournal:
    """The rounds of one client, each told once and heard once, in whichever of its processes.

    Security: no keystream masks two vectors. The first start shares under the keys that it joins with, each later one
        under keys of its own, which go with its shares; where a vector may have gone out before, the same goes out once
        more under the keys of then, or nothing does. That holds for a folder that was put back or copied, too: what
        its journal lacks is told under other keys.
    """

    __slots__ = ("_journal", "_keys", "_start")

    def __init__(self, journal: Journal, sharing: Sharing) -> None:
        """Begin a start of this client, with keys of its own."""
        self._journal, self._start = journal, journal.count(START) + 1
        journal.record(f"{START} {self._start}", b"".join(sharing.keys()))
        self._keys = [self._read_keys(start) for start in range(1, self._start + 1)]

    def _read_keys(self, start: int) -> tuple[bytes, ...]:
        kept = self._journal.entry(f"{START} {start}") or b""
        return tuple(kept[place : place + KEY_BYTES] for place in range(0, len(kept), KEY_BYTES))

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Return the keys to join with."""
        return self._keys[0]

    @property
    def joined(self) -> Step | None:
        """Return the step that came next when this client joined, if it has."""
        kept = self._journal.entry(JOINED)
        return None if kept is None else Step(int(kept))

    def join(self, step: Step) -> None:
        """Keep the step that came next when this client joined."""
        self._journal.record(JOINED, b"%d" % step)

    def tell(self, number: RoundNumber, vector: U64) -> tuple[bytes, ...] | None:
        """Write down that a vector goes out in a round, and return the keys to share it by; None for those of the join.

        Raises:
            ConflictingReplay: another one did: this client's files are others than they were.
        """
        kept = self._journal.entry(f"vector {number}")
        start = self._start if kept is None else int.from_bytes(kept[-START_BYTES:], "big")
        content = hashlib.sha256(vector.tobytes()).digest() + start.to_bytes(START_BYTES, "big")
        self._journal.record(f"vector {number}", content)
        return None if start == 1 else self._keys[start - 1]

    def has_told(self, number: RoundNumber) -> bool:
        """Tell whether a vector may have gone out in a round."""
        return self._journal.entry(f"vector {number}") is not None

    def has_heard(self, number: RoundNumber) -> bool:
        """Tell whether it is known what a round told this client, or that it told nothing."""
        return self._journal.entry(f"answer {number}") is not None

    def answer(self, number: RoundNumber) -> Answer:
        """Return what a round told this client.

        Raises:
            RoundClosed, AnswerLost: it told nothing.
        """
        kept = self._journal.entry(f"answer {number}") or b""
        for error, mark in MISSED.items():
            if kept == mark:
                raise error(f"this client was told nothing in round {number}, as its journal says")
        shape, *parts = msgspec.msgpack.decode(zlib.decompress(kept), type=tuple[tuple[int, ...], bytes, bytes, bytes])
        own, release, synthetic = (np.frombuffer(part, dtype=np.int64).copy() for part in parts)
        return Answer(own.reshape(shape), release, synthetic)

    def hear(self, number: RoundNumber, answer: Answer) -> None:
        """Keep what a round told; a machine that has lost it asks again."""
        parts = (part.astype(np.int64).tobytes() for part in (answer.own, answer.release, answer.synthetic))
        content = zlib.compress(msgspec.msgpack.encode((answer.own.shape, *parts)), level=1)  # most numbers are 0
        self._journal.record_all({f"answer {number}": content}, sync=False)

    def miss(self, number: RoundNumber, error: RoundClosed) -> None:
        """Keep that a round told nothing, and why."""
        kind = AnswerLost if isinstance(error, AnswerLost) else RoundClosed
        self._journal.record_all({f"answer {number}": MISSED[kind]}, sync=False)

    def recall(self, since: Step, until: Step) -> I64 | None:
        """Return the public numbers of steps that were missed, as `remember` kept them."""
        kept = self._journal.entry(f"public {since} {until}")
        return None if kept is None else np.frombuffer(kept, dtype=np.int64)

    def remember(self, since: Step, until: Step, public: I64) -> None:
        """Keep the public numbers of steps that were missed."""
        self._journal.record_all({f"public {since} {until}": public.tobytes()}, sync=False)
