"""An aggregator that is asked by messages: what counts is in its folder, and whoever asks carries what it tells others.

A round has as many messages as the aggregators need to agree, as between servers that call each other. First each of
them opens what clients sealed to it, decides on who is in, and seals that to the others. Then each passes its share of
the sum over those that all of them have, sealed likewise, and is passed the others': so all of them find whether it is
in range, and go on to pools where it is not. At last each tells its share of the one sum that counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, final

import numpy as np

from aggregator.mpc.keystream import subkey
from aggregator.release.cohort_sum import begin, closure_of, history_of
from aggregator.release.group_testing import NO_TESTS, GroupTesting, PoolShare
from aggregator.release.ledger import Ledger
from aggregator.release.ledger_entries import head_of, require_same, write_sum
from aggregator.release.peer_seal import PeerSeal
from aggregator.release.sealed_share import ShareOpener
from aggregator.release.sum_noise import SumNoise
from aggregator.rounds.round import agree, digest, too_small
from aggregator.rounds.vectors import Vectors
from aggregator.store import GroupTestRecord, PendingRound, RoundClosure, Store
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ConflictingReplay, LpmError, PartiesDisagree, RoundAhead, RoundClosed
from protocols.task.rounds import Phase
from protocols.task.secure_sum.range import SumRule
from protocols.task.secure_sum.spec import answers
from protocols.wire.messages import Members, TrialShare

LOCK: Final = "sum.lock"  # in its folder, which a call holds: no two overlap, in whichever processes they are
PURPOSE: Final = b"lpm sum asked for by messages"  # of noise, beside that of the same run over gRPC


@final
@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """What an aggregator answers.

    Attributes:
        sealed: by aggregator, what is to be passed on to it.
        total: its share of the sum that counts, uint64[d], when the round is over.
        members: whom that sum is over; left_out: who was found to send garbage by now.
        unopened: clients whose shares did not open here, or are not taken any more.
    """

    sealed: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    total: U64 | None = field(default=None, repr=False)
    members: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unopened: tuple[str, ...] = ()


@final
class StatelessSum:
    """One aggregator of a run of sums, without a process of its own. One call at a time: see `LOCK`.

    Security: whoever carries the messages chooses which clients' shares arrive, and could take the sum over some from
        the sum over others. So a round is frozen once, with the shares that came first, and opened once, over those
        that all aggregators have, at least `min_cohort` clients that signed their shares; asked again, the answer is
        the same, and there is no other round before this one is over. What aggregators tell each other it cannot read,
        and it is told one sum of a round. The noise is another one than that of the same run over gRPC, so that it does
        not cancel between two sums.
    """

    def __init__(
        self, opener: ShareOpener, seal: PeerSeal, noise: SumNoise, *, rule: SumRule, store: Store, ledger: Ledger
    ) -> None:
        """Go on from the store; `noise` is that of the run, of whose key this takes another one."""
        self._opener, self._seal, self._store, self._ledger = opener, seal, store, ledger
        self._run, self._rule, self._plan = opener.run, rule, noise.plan
        self._noise = replace(noise, key=subkey(noise.key, PURPOSE))
        self._last = store.last_round(self._run)

    def freeze(self, number: RoundNumber, sealed: Mapping[str, bytes]) -> Reply:
        """Open clients' shares, decide on who is in, and tell the other aggregators.

        Args:
            number: of the round.
            sealed: by client, what it sealed to this aggregator.

        Raises:
            ConflictingReplay: the round was frozen over other shares.
            RoundAhead, RoundClosed: it is not the round that comes next.
            CohortTooSmall: fewer shares open than the manifest promises.
        """
        if self._over(number):
            return self._result()
        history = history_of(self._last)
        live = {client: content for client, content in sealed.items() if client not in history.left_out}
        opened = self._opener.open_all(number, live)
        shares = {client: message.share.tobytes() for client, message in opened.items()}
        starts = {client: message.start for client, message in opened.items()}
        frozen = self._store.pending_round(self._run)
        if frozen is not None and frozen.number == number:
            if (frozen.shares, frozen.starts) != (shares, starts):
                raise ConflictingReplay(f"round {number} was frozen over other shares; the first ones counted")
        elif len(shares) < (least := self._plan.cohort.least):
            raise too_small(len(shares), "wait for more", least=least)
        else:
            self._store.save_pending(self._run, PendingRound(number, shares, b"", starts))
        names, head = tuple(sorted(shares)), head_of(self._ledger, number)
        members = Members(Step(number), names, Phase.SPEAK, head, starts=tuple(starts[name] for name in names))
        unopened = tuple(sorted(sealed.keys() - shares.keys()))
        return Reply({peer: self._seal.seal(members, peer) for peer in self._seal.peers}, unopened=unopened)

    def advance(self, number: RoundNumber, sealed: Mapping[str, bytes]) -> Reply:
        """Take in what each other aggregator sealed to this one, and go on to the next sum, or to the round's end.

        What was taken in before may come again: the answer is the same.

        Raises:
            PartiesDisagree: an aggregator is elsewhere, or has another cohort or ledger; the run stops.
            CohortTooSmall, BudgetSpent: the manifest does not allow it; the run ends.
        """
        if self._over(number):
            return self._result()
        frozen = self._store.pending_round(self._run)
        if frozen is None or frozen.number != number:
            raise RoundAhead(f"round {number} is not frozen here; pass clients' shares first")
        if set(sealed) != set(self._seal.peers):
            raise PartiesDisagree(
                f"got messages of {len(sealed)} aggregators; there are {len(self._seal.peers)} others"
            )
        messages = [self._seal.open(content, peer) for peer, content in sealed.items()]
        if any(each.step != Step(number) for each in messages):
            raise PartiesDisagree(f"an aggregator's message is of another round than {number}; pass the newest ones")
        try:
            return self._advance(frozen, messages)
        except LpmError as error:
            if not error.retry:
                self._ledger.write_refusal(number, error.code, str(error))
            raise

    def _advance(self, frozen: PendingRound, messages: list[Members | TrialShare]) -> Reply:
        begun = self._begun(frozen, [each for each in messages if isinstance(each, Members)])
        shares = {name: np.frombuffer(share, dtype=np.uint64) for name, share in frozen.shares.items()}
        vectors = Vectors.of_shares(shares)
        testing = GroupTesting(
            self._rule, self._run, self._noise, begun=begun, vectors=vectors, history=history_of(self._last)
        )
        for fits in begun.fits:
            testing.record(fits=fits)
        tried = [each for each in messages if isinstance(each, TrialShare)]
        if testing.current is not None and any(each.trial >= testing.current.place for each in tried):
            fits = testing.join(_shares_of(testing.current, tried))
            self._store.save_group_tests(self._run, GroupTestRecord(begun.number, begun.members, (*begun.fits, fits)))
            testing.record(fits=fits)
        current = testing.current
        if current is None:
            return self._closed(frozen, testing)
        message = TrialShare(Step(frozen.number), current.place, current.digest, current.share)
        return Reply({peer: self._seal.seal(message, peer) for peer in self._seal.peers})

    def _begun(self, frozen: PendingRound, members: list[Members]) -> GroupTestRecord:
        """Return the round as it has begun; begin it with what all aggregators say of its members.

        Raises:
            PartiesDisagree: they have not all said it, or with other ledgers.
            CohortTooSmall: fewer clients than promised are in at all of them.
        """
        before, number = self._store.group_tests(self._run) or NO_TESTS, frozen.number
        if before.number == number:
            return before
        if len(members) != len(self._seal.peers):
            raise PartiesDisagree(f"not all aggregators have said who is in round {number}; pass what they froze first")
        require_same(self._ledger, number, members)
        agreed = agree(frozen.starts, members)
        if len(agreed) < (least := self._plan.cohort.least):
            raise too_small(len(agreed), "the members of this round are decided, so the run ends", least=least)
        return begin(self._store, self._run, before, number=number, members=tuple(sorted(agreed)))

    def _closed(self, frozen: PendingRound, testing: GroupTesting) -> Reply:
        """Write the round down, then tell this aggregator's share of the one sum that counts."""
        digests = {
            client: digest(np.frombuffer(share, dtype=np.uint64), frozen.starts[client])
            for client, share in frozen.shares.items()
        }
        decided = tuple(sorted(frozen.shares))
        starts = tuple(frozen.starts[client] for client in decided)
        history, number = history_of(self._last), frozen.number
        done = closure_of(testing.total(), history, number, decided=decided, starts=starts, digests=digests)
        write_sum(self._ledger, self._plan, self._opener.layout, done)
        self._store.save_round(self._run, done)
        self._last = done
        return self._result()

    def _over(self, number: RoundNumber) -> bool:
        """Tell whether a round is the last one that is over; refuse every one but that and the next.

        Raises:
            RoundAhead, RoundClosed: it is neither.
        """
        newest = -1 if self._last is None else self._last.number
        if not answers(number) or number > self._plan.steps or number > newest + 2:
            raise RoundAhead(
                f"got round {number}; sums are opened one after the other, in odd rounds up to "
                f"{self._plan.steps}, and the last one was {newest}"
            )
        if number < newest:
            raise RoundClosed(f"round {number} is over; go on with round {newest + 2}")
        return number == newest

    def _result(self) -> Reply:
        done: RoundClosure | None = self._last
        if done is None:
            return Reply()
        total = np.frombuffer(done.total, dtype=np.uint64)
        return Reply(total=total, members=done.members, left_out=done.left_out)


def _shares_of(current: PoolShare, tried: list[TrialShare]) -> list[U64]:
    """Return the other aggregators' shares of a sum.

    Raises:
        PartiesDisagree: one of them is of another pool.
    """
    for each in tried:
        if (each.trial, each.over) != (current.place, current.digest):
            raise PartiesDisagree(f"sum {current.place} of round {each.step} is over others elsewhere; stop the run")
    return [each.share for each in tried]
