"""One run at one aggregator: who has joined, and its rounds, one after the other."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np

from aggregator.on_shares.assembly import JointRounds
from aggregator.on_shares.backend import JointBackend
from aggregator.on_shares.levels import Levels
from aggregator.peer import Peer
from aggregator.permutation.delivery import Permuter, require_all_tokens
from aggregator.release.assembly import release_of
from aggregator.release.cohort_sum import CohortSum, require_trusted
from aggregator.release.differencing import ReleasedCohorts
from aggregator.release.ledger import Ledger
from aggregator.release.ledger_entries import head_of, require_same, write_round
from aggregator.rounds import announcements
from aggregator.rounds.round import Round, agree, count_in, count_of, digest, too_small
from aggregator.rounds.sums import Sums
from aggregator.store import RoundClosure, Store
from aggregator.termination import Ending
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber, Step
from protocols.arithmetic.sharing import Sharing
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.errors import (
    ConflictingReplay,
    LpmError,
    NotEnrolled,
    NotJoined,
    RoundAhead,
    RoundClosed,
    ShareRefused,
    Unavailable,
    WrongLength,
)
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, Simulation
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase
from protocols.task.timeouts import DEADLINES
from protocols.wire.messages import (
    Announcement,
    Computation,
    ComputationQuery,
    Join,
    JoinReply,
    Members,
    MembersQuery,
    RoundRelease,
    RoundResult,
    Share,
    TrialQuery,
    TrialShare,
)

LOG: Final = logging.getLogger("aggregator")


@final
class Run:
    """The rounds of a run, in the order of its schedule.

    A round closes when all clients that are waited for are in, or at its deadline over those that are. All clients of
    the manifest are waited for in the first round; later, those that took part in the round before, and those that
    have called since. The aggregators count a client only if all of them have its share.

    Security: holds one share of everything, and opens nothing itself. What it tells a client is that client's own. A
        run that has ended computes and tells nothing more: see `Ending`.
    """

    def __init__(
        self,
        manifest: Manifest,
        index: int,
        store: Store,
        peers: Sequence[Peer],
        backend: JointBackend | None = None,
        *,
        permuter: Permuter | None = None,
        ledger: Ledger | None = None,
        sharing: Sharing | None = None,
    ) -> None:
        """Begin, or go on where the store says that an earlier process of this aggregator stopped.

        Args:
            manifest: of the run.
            index: of this aggregator in it.
            store: for this aggregator alone.
            peers: the other aggregators.
            backend: for outcome mode.
            permuter: for permuted edges.
            ledger: of this run; tests may go without.
            sharing: in place of the manifest's, in an audit that chooses the coins.
        """
        self.manifest, self.id = manifest, manifests.run_id(manifest)
        self.layout, self.peers, self._plan = Layout.of(manifest), peers, ReleasePlan.of(manifest)
        self.waited_for = {client.name for client in manifest.clients}
        self._called: set[str] = set()  # since this round's members were decided
        self._schedule, expands = manifest.schedule, index < len(manifest.aggregators) - 1
        self._sums = Sums(self.layout, self._schedule, sharing or manifest.share(), expands=expands)
        self._store, self._ledger = store, ledger
        self._ending = Ending(self.id, store, ledger, trust=manifest.trust)
        self._released = ReleasedCohorts(self._plan, () if ledger is None else ledger.released)
        self._joint: JointRounds | None = None
        self._release = release_of(manifest, self.id, index, store=store, peers=peers)
        if isinstance(manifest, Simulation) and backend is not None:
            given: Any = {"store": store, "peers": peers, "permuter": permuter, "ledger": ledger}
            self._joint = JointRounds.of(manifest, index, backend, **given)
        self._keys = store.client_keys(self.id)
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[list[Members]] | None = None
        self.last = store.last_round(self.id)
        self.round = self._begin_round(FIRST_ROUND if self.last is None else RoundNumber(self.last.number + 1))
        if self.last is not None:
            self.waited_for = self.last.present
        self._ending.check(self.round.number - 1, self.round.number)
        frozen = store.pending_round(self.id)
        if frozen is not None:
            self.round.resume(frozen)

    def join(self, client: str, message: Join) -> JoinReply:
        """Take a client in, once.

        Raises:
            ConflictingReplay: it joined before with another key.
        """
        self._require_enrolled(client)
        expected = KEY_BYTES if self._sums.expands else 0
        if len(message.key) != expected:
            raise WrongLength(f"got a key of {len(message.key)} bytes; this aggregator needs {expected}")
        if self._keys.get(client, message.key) != message.key:
            raise ConflictingReplay(
                f"{client} has joined with another key; a client that lost its keys stays out until the next run"
            )
        if client not in self._keys:
            if self._ledger is not None:
                self._ledger.write_joining(client, self.round.step)
            self._store.save_client_key(self.id, client, message.key)
            self._keys[client] = message.key
            LOG.info("joined", extra={"facts": {"client": client, "step": self.round.step}})
        self._alive(client)
        public, counted = announcements.recall(self.last, message.since, self.layout), count_of(self.last, client)
        return JoinReply(self.round.step, public, counted)

    async def exchange(self, client: str, message: Share) -> RoundResult:
        """Take a client's share of a round, and answer with its part of the result when the round closes."""
        self._require_enrolled(client)
        if client not in self._keys:
            raise NotJoined(f"{client} has not joined this run; join first")
        self._sums.require_size(message, client)
        step, done = message.step, self._past(message.step, message.phase)
        if done is None:
            self.round.submit(client, message.share, message.start)
            if client not in self.round.digests:
                self._alive(client)
            done = await self._outcome(self.round)
        elif done.digests.get(client, b"") != digest(message.share, message.start) and client in done.members:
            raise ConflictingReplay(f"{client} sent two different shares for step {step}; the first one counted")
        if client not in done.members:
            self._alive(client)
            if client in done.refused:
                raise ShareRefused(f"{client} shared a number out of range in step {step}; it did not count")
            why = ", which not every aggregator has heard, or from another start" if client in done.decided else ""
            raise RoundClosed(f"step {step} has closed without {client}{why}; go on with step {step + 1}")
        return self._sums.reply_to(client, step, message.phase, done)

    async def announce(self, message: Announcement) -> RoundRelease:
        """Take the engine's announcement of a step, and answer with the release when the round closes."""
        self._ending.require_open(self.round)
        announcements.check_announcement(message, self.layout, engine=self.manifest.engine)
        await self._before(message.step)
        if (again := announcements.release_again(self.last, message)) is not None:
            return again
        done = self._past(message.step, Phase.SPEAK)
        if done is None:
            with self._ending.guard(self.round):
                self.layout.public_numbers(message.synthetic, step=message.step)
            self.round.announce(message.synthetic)
            done = await self._outcome(self.round)
        else:
            announcements.require_same_announcement(done.synthetic, message)
        release = self.layout.release_of(np.frombuffer(done.total, dtype=np.uint64))
        names = done.members if isinstance(self._release, CohortSum) else self._sums.names(done)
        return RoundRelease(message.step, release, len(done.members), self._sums.traffic(done), names, done.left_out)

    async def members(self, query: MembersQuery) -> Members:
        """Tell another aggregator whom this one has decided on for a round, as soon as it has."""
        self._ending.require_none()
        number = self._schedule.number(query.step, query.phase)
        deadline = asyncio.get_running_loop().time() + self._timeout(number)
        while self.round.number <= number and self.members_of(number) is None:
            self._arm(self.round)
            event = self.round.frozen if self.round.number == number else self.round.closed
            remaining = deadline - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(event.wait(), max(remaining, 0.0))
            except TimeoutError:
                raise Unavailable(f"step {query.step} is not decided here yet; ask again") from None
        decided = self.members_of(number)
        if decided is None:
            raise RoundClosed(f"step {query.step} is over, and its members are forgotten")
        held = self.round if self.last is None or self.round.number == number else self.last
        announced, head = announcements.announcement_digest(held), head_of(self._ledger, number)
        return Members(query.step, decided, query.phase, head, announced, held.decided_starts)

    async def result_name(self, query: ComputationQuery) -> Computation:
        """Tell another aggregator which joint computation of a round this one has kept."""
        self._ending.require_none()
        number = self._schedule.number(query.step, query.phase)
        name = b"" if self._joint is None else await self._joint.outcomes.result_name(number)
        return Computation(query.step, name)

    async def share_trial(self, query: TrialQuery) -> TrialShare:
        """Tell another aggregator this one's share of a secure sum that may be out of range."""
        self._ending.require_none()
        if not isinstance(self._release, CohortSum):
            raise RoundClosed(f"step {query.step} of this run has no sum that could be out of range")
        return await self._release.share_trial(query)

    def members_of(self, number: RoundNumber) -> tuple[str, ...] | None:
        """Return whom this aggregator decided on for the current or the last round."""
        if self.round.number == number:
            return self.round.decided
        return self.last.decided if self.last is not None and self.last.number == number else None

    def stop(self) -> None:
        """Let go of timers and tasks; what counts is in the store."""
        self._disarm()
        for task in (self._closing, self._asking):
            if task is not None:
                task.cancel()
        self.round.fail(Unavailable("this aggregator is stopping; call again"))

    def leave_out(self, client: str) -> None:
        """Wait no longer for a client that its operator has shut out; what it has sent counts."""
        self.waited_for.discard(client)
        self._called.discard(client)
        enough = self._plan.cohort.size(self.round.shares) >= self._plan.cohort.least
        if enough and self.round.decided is None and self.round.complete(self.waited_for):
            self._freeze(self.round)

    def _alive(self, client: str) -> None:
        """Wait for a client from now on: in this round, and if its members are decided, in the next."""
        if self.last is not None and client in self.last.left_out:
            return
        self.waited_for.add(client)
        if self.round.decided is not None:
            self._called.add(client)

    def _require_enrolled(self, client: str) -> None:
        self._ending.require_open(self.round)
        if client not in self.layout.own:
            raise NotEnrolled(f"the manifest lists no client {client}; ask the run's operator to enrol it")
        require_trusted(client, self.last)

    def _timeout(self, number: RoundNumber) -> float:
        return self.manifest.join_timeout_s if number == 0 else self.manifest.round_timeout_s

    def _past(self, step: Step, phase: Phase) -> RoundClosure | None:
        """Return the result of the last round; None for the current one; refuse every other."""
        number = self._schedule.number(step, phase)
        if number == self.round.number:
            return None
        if self.last is not None and number == self.last.number:
            return self.last
        if number < self.round.number:
            raise RoundClosed(f"step {step} is over; go on with step {self.round.step}")
        raise RoundAhead(f"got step {step}, but step {self.round.step} comes next, of {self.manifest.steps} in all")

    async def _before(self, step: Step) -> None:
        """Wait for the rounds before a step's first one, which the engine takes no part in."""
        speak = self._schedule.number(step, Phase.SPEAK)
        while self._schedule.outcome and (self.round.number == speak - 1 or (step == 0 and self.round.number < speak)):
            current = self.round
            self._arm(current)
            await current.outcome()

    async def _outcome(self, current: Round) -> RoundClosure:
        """Wait for the round, and set going what closes it."""
        self._arm(current)
        waiting = asyncio.ensure_future(current.outcome())
        await asyncio.sleep(0)  # the waiter stands before the round may close
        if current.decided is not None or current.complete(self.waited_for):
            self._freeze(current)
        return await waiting

    def _begin_round(self, number: RoundNumber) -> Round:
        """Begin a round; where the engine takes no part, there is no announcement to wait for."""
        announced = self.manifest.engine and self._schedule.phase(number) == Phase.SPEAK
        words = self.layout.announced if self._schedule.phase(number) == Phase.SPEAK else 0
        return Round(number, self._schedule.step(number), None if announced else np.zeros(words, dtype=np.int64))

    def _arm(self, current: Round) -> None:
        """With the first call, start the deadline and ask the others, who answer when they have decided."""
        if self._timer is None and current.decided is None and current is self.round:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._timeout(current.number), self._deadline, current)
            if self._asking is None:
                self._asking = asyncio.ensure_future(self._ask(current.number))

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _deadline(self, current: Round) -> None:
        self._disarm()
        if current is not self.round or current.decided is not None:
            return
        count, least = self._plan.cohort.size(current.shares), self._plan.cohort.least
        current.deadlines += 1
        if current.synthetic is not None and count >= least:
            self._freeze(current)
        elif current.deadlines % DEADLINES:
            self._arm(current)
        elif current.synthetic is None:
            current.fail(Unavailable(f"the engine has not announced step {current.step} in time; call again"))
        else:
            current.fail(too_small(count, "wait for more", least=least))

    def _freeze(self, current: Round) -> None:
        """Decide on the members, write it down, then ask the others; safe to call again."""
        if current is not self.round:
            return  # a repeated call of a round that has closed meanwhile
        self._disarm()
        if current.decided is None and current.synthetic is not None:
            try:
                self._store.save_pending(self.id, current.pending())
            except Exception:
                current.fail(Unavailable(f"this aggregator could not write down step {current.step}; call again"))
                raise
            current.freeze()
        if self._closing is None or self._closing.done():
            self._closing = asyncio.ensure_future(self._close(current))

    async def _close(self, current: Round) -> None:
        """Agree with the other aggregators, add up, tell, and open the next round."""
        try:
            self._ending.require_open(self.round)
            answers = await self._answers(current.number)
            require_same(self._ledger, current.number, answers, announced=announcements.announcement_digest(current))
            agreed = agree(current.starts, answers)
            count, least = self._plan.cohort.size(agreed), self._plan.cohort.least
            if count < least:
                raise too_small(count, "the members of this round are decided, so the run ends", least=least)
            require_all_tokens(self._schedule.phase(current.number), agreed, self.last)
            self._released.admit(current.number, agreed)
            done = count_in(await self._done(current, tuple(sorted(agreed))), self.last)
            write_round(self._ledger, self._plan, done, self._sums.reply_to, layout=self.layout)
            self._store.save_round(self.id, done)
        except LpmError as error:
            current.fail(error)  # whoever waits is woken later, when the ledger has it
            self._ending.take(current.number, error)
            return
        except BaseException:
            current.fail(Unavailable(f"this aggregator could not close step {current.step}; call again"))
            raise
        self.last, self.round = done, self._begin_round(RoundNumber(current.number + 1))
        self.waited_for, self._called = (agreed | self._called).difference(done.left_out), set()
        current.close(done)
        LOG.info("round closed", extra={"facts": {"step": current.step, "members": len(agreed)}})

    async def _done(self, current: Round, members: tuple[str, ...]) -> RoundClosure:
        """Add up the members' shares, and in outcome mode take the sum in."""
        vectors, hidden = self._sums.vectors(current, self._keys), b""
        if isinstance(self._release, CohortSum):
            return await self._release.settle(current, members, vectors, self.last)
        kept, counted = (b"", b"") if self.last is None else (self.last.hidden, self.last.counted)
        if self._joint is None:
            total = vectors.total(members)
        else:
            levels = Levels.decode(kept, self.layout)
            taken = await self._joint.outcomes.combine(current.number, vectors, members, levels)
            total, hidden = taken.total, taken.hidden.encode()
            if self._joint.scores is not None:
                total, scores = await self._joint.scores.combine(current.number, total, members, kept[len(hidden) :])
                hidden += scores
        total, counted = self._release.add(current.number, total, members, shares=vectors, before=counted)
        public = announcements.append_public(current, self.last, self.layout)
        release = self._sums.past_release(self.last, current.number)
        return current.closure(members, total, hidden=hidden, counted=counted, public=public, release=release)

    async def _ask(self, number: RoundNumber) -> list[Members]:
        query = MembersQuery(self.id, self._schedule.step(number), self._schedule.phase(number))
        return await asyncio.gather(*(peer.members(query) for peer in self.peers))

    async def _answers(self, number: RoundNumber) -> list[Members]:
        """Return the others' members: what they were asked for early on, or ask again if that failed."""
        asked, self._asking = self._asking, None
        if asked is not None:
            with contextlib.suppress(LpmError):
                return await asked
        return await self._ask(number)
