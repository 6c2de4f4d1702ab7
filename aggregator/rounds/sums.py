"""What an aggregator adds up in a round, and which part of the sum it tells whom."""

from collections.abc import Mapping, Sequence
from typing import Final, final

import numpy as np

from aggregator.rounds.round import Round
from aggregator.rounds.vectors import Vectors
from aggregator.store import PastRelease, RoundClosure
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing import Sharing
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.errors import WrongLength
from protocols.task.devices import pack_presence
from protocols.task.layout import WORD_BYTES, Layout
from protocols.task.outcome_layout import answer_shares
from protocols.task.rounds import Phase, Schedule
from protocols.wire.messages import RoundResult, Share

NOTHING: Final = np.zeros(0, dtype=np.uint64)
KEY_WORDS: Final = KEY_BYTES // WORD_BYTES


@final
class Sums:
    """Sums of one aggregator's shares; holds no share itself.

    Attributes:
        expands: whether this aggregator expands its shares from keys, as all but the last do.
    """

    def __init__(self, layout: Layout, schedule: Schedule, sharing: Sharing, *, expands: bool) -> None:
        """Take what the run's vectors, rounds and shares are."""
        self._layout, self._schedule, self._sharing, self.expands = layout, schedule, sharing, expands

    def add_up(self, current: Round, members: Sequence[str], keys: Mapping[str, bytes]) -> U64:
        """Return the sum of the members' shares: of whole vectors, or each client's own words in its agents' slots."""
        phase = self._schedule.phase(current.number)
        each, layout = self._layout.each(phase), self._layout
        rest = layout.d - each if phase == Phase.SPEAK else 0
        total = np.zeros(layout.n * each + rest, dtype=np.uint64)
        for client in members:
            first, end = (each * slot for slot in layout.own[client])
            if self.expands and not (each and rest):
                part = total[first:end] if each else total
                self._sharing.expand(_key(current, client, keys), round_number=current.number, out=part)
                continue
            share = self.vector(current, client, keys)
            total[first:end] += share[: end - first]
            total[layout.n * each :] += share[end - first :]
        return total

    def require_size(self, message: Share, client: str) -> None:
        """Refuse a share that has not as many words as it needs: of the layout, or where it is expanded a key or none.

        Raises:
            WrongLength: it has not.
        """
        words = self._layout.words(message.phase, client)
        if message.share.size not in ((0, KEY_WORDS) if self.expands else (words,)):
            need = "a key or nothing is" if self.expands else f"{words} are"
            raise WrongLength(f"got a share of {message.share.size} words; {need} needed here")

    def vector(self, current: Round, client: str, keys: Mapping[str, bytes]) -> U64:
        """Return one client's share, uint64, of the length that the layout gives the round."""
        if not self.expands:
            return current.shares[client]
        share = np.zeros(self._layout.words(self._schedule.phase(current.number), client), dtype=np.uint64)
        self._sharing.expand(_key(current, client, keys), round_number=current.number, out=share)
        return share

    def vectors(self, current: Round, keys: Mapping[str, bytes]) -> Vectors:
        """Return this aggregator's shares of a round."""
        return Vectors(
            lambda client: self.vector(current, client, keys),
            lambda members: self.add_up(current, members, keys),
        )

    def reply_to(self, client: str, step: Step, phase: Phase, done: RoundClosure) -> RoundResult:
        """Return the part of a round's result that one client gets.

        Security: of what is not released, its own agents' words alone; in outcome mode no exposure, only bits, as XOR
            shares: all that a client can make of them are bits, so an aggregator that lies finds out nothing from
            whether it goes on. It can turn a bit over.
        """
        total = np.frombuffer(done.total, dtype=np.uint64)
        own, release = NOTHING, NOTHING
        if phase == Phase.SPEAK:
            release = self._layout.release_of(total)
        if phase == Phase.SPEAK and not self._schedule.outcome:
            own = self._layout.exposure_of(total, client)
        elif phase == Phase.DECIDE:
            first, end = self._layout.own[client]
            outcomes = self._layout.outcomes
            own = answer_shares(outcomes, total.reshape(self._layout.n, len(outcomes))[first:end])
        synthetic = np.frombuffer(done.synthetic, dtype=np.int64)
        if phase == Phase.THRESHOLDS and self._layout.degree:
            synthetic = pack_presence((self._layout.own[name][0] for name in done.members), self._layout.n)
        elif phase == Phase.SPEAK:
            synthetic = self._layout.settle(synthetic, done.members)
        return RoundResult(step, own, release, synthetic, len(done.members), phase)

    def past_release(self, last: RoundClosure | None, number: RoundNumber) -> PastRelease | None:
        """Return what the round before released, where this one is its step's second; nothing in any other round."""
        if last is None or self._schedule.phase(number) != Phase.DECIDE:
            return None
        words = self._layout.release_of(np.frombuffer(last.total, dtype=np.uint64)).tobytes()
        step = self._schedule.step(number)
        return PastRelease(step, words, len(last.members), self.traffic(last), last.synthetic, self.names(last))

    def names(self, done: RoundClosure) -> tuple[str, ...]:
        """Return whom the engine is told that took part: nobody but where twins stand in for the others."""
        return done.members if self._layout.twins else ()

    def traffic(self, done: RoundClosure) -> int:
        """Return the bytes of vectors in a round that released: shares in, exposures and releases out."""
        layout = self._layout
        sent = 0 if self.expands else WORD_BYTES * layout.d * len(done.members)
        own = 0 if self._schedule.outcome else layout.c * sum(layout.size(name) for name in done.members)
        public = (layout.release_words + layout.public(Phase.SPEAK)) * len(done.members)
        return sent + WORD_BYTES * (own + public)


def _key(current: Round, client: str, keys: Mapping[str, bytes]) -> bytes:
    """Return what one client's share is expanded from: the key that came with it, or that of its join."""
    return current.shares[client].tobytes() or keys[client]
