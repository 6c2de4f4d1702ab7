"""What the engine announces of a step: checked, compared between the aggregators, and told again to who missed it."""

import hashlib
from typing import Final

import numpy as np

from aggregator.rounds.round import Round
from aggregator.store import RoundClosure
from protocols.arithmetic.counters import Step
from protocols.errors import ConflictingReplay, NotEnrolled, WrongLength
from protocols.task.layout import Layout
from protocols.task.rounds import Phase
from protocols.wire.messages import Announcement, RoundRelease

RECALLED: Final = 2**12  # numbers in one reply, so that it stays below the bound on a call


def check_announcement(message: Announcement, layout: Layout, *, engine: bool) -> None:
    """Refuse what is not of this run.

    Raises:
        NotEnrolled: the run has no engine.
        WrongLength: numbers are missing, or too many.
    """
    if not engine:
        raise NotEnrolled("this run has no engine; its manifest says so")
    if message.synthetic.size != layout.announced:
        twins = f", what twins say in {layout.announced - layout.public(Phase.SPEAK)} words," if layout.twins else ""
        raise WrongLength(
            f"got {message.synthetic.size} numbers of step {message.step}: totals of {layout.cells} cells{twins} and "
            f"{len(layout.environment)} public numbers are needed"
        )


def announcement_digest(held: Round | RoundClosure | None) -> bytes:
    """Return what an announcement is recognised by, 32 bytes; nothing of a round for which there was none."""
    if held is None or held.synthetic is None or not len(held.synthetic):
        return b""
    return hashlib.sha256(bytes(held.synthetic)).digest()


def require_same_announcement(announced: bytes, message: Announcement) -> None:
    """Refuse another announcement of a step that is over.

    Raises:
        ConflictingReplay: the engine announced something else.
    """
    if announced != message.synthetic.tobytes():
        raise ConflictingReplay(
            f"the engine announced two different totals for step {message.step}; the first one counted"
        )


def release_again(last: RoundClosure | None, message: Announcement) -> RoundRelease | None:
    """Return what a step released whose second round has closed, to an engine that was away; None of another step.

    Raises:
        ConflictingReplay: the engine announced something else.
    """
    record = None if last is None else last.release
    if record is None or record.step != message.step:
        return None
    require_same_announcement(record.announced, message)
    words = np.frombuffer(record.words, dtype=np.uint64)
    return RoundRelease(message.step, words, record.members, record.traffic, record.names)


def append_public(current: Round, last: RoundClosure | None, layout: Layout) -> bytes:
    """Return the public numbers of all steps by now, this round's included, 8 bytes each."""
    before = b"" if last is None else last.public
    return before if current.synthetic is None else before + layout.environment_words(current.synthetic).tobytes()


def recall(last: RoundClosure | None, since: Step | None, layout: Layout) -> tuple[int, ...]:
    """Return public numbers of steps that are over, from a step on and as many steps as fit in a reply."""
    words = len(layout.environment)
    if last is None or since is None or not words:
        return ()
    numbers = np.frombuffer(last.public, dtype=np.int64)[since * words :]
    return tuple(numbers[: RECALLED // words * words].tolist())
