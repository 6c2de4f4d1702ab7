"""One run at one aggregator: who has joined, and its rounds, one after the other."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final, Protocol, final

import numpy as np

from aggregator.round import Round, digest
from aggregator.store import Done, Frozen, Store
from protocols import manifest as manifests
from protocols.errors import (
    CohortTooSmall,
    ConflictingReplay,
    LpmError,
    NotEnrolled,
    NotJoined,
    RoundAhead,
    RoundClosed,
    Unavailable,
    WrongLength,
)
from protocols.fixed import I64, U64
from protocols.layout import WORD_BYTES, Layout
from protocols.manifest import Manifest
from protocols.messages import Announcement, Closed, Join, Joined, Members, MembersQuery, Released, Share
from protocols.sharing.additive import KEY_BYTES

LOG: Final = logging.getLogger("aggregator")


class Peer(Protocol):
    """Another aggregator of the same run."""

    async def members(self, query: MembersQuery) -> Members:
        """Ask who takes part in a step; answered when the other one has decided."""


@final
class Run:
    """The rounds of steps 0 to T; the last one closes the run and carries tallies only.

    A round closes when all clients that are waited for are in, or at its deadline over those that are. All clients of
    the manifest are waited for in the first round; later, those that took part in the round before, and those that
    have called since. The aggregators count a client only if all of them have its share.

    Security: holds one share of everything, and opens nothing itself. What it tells a client is that client's own.
    """

    def __init__(self, manifest: Manifest, index: int, store: Store, peers: Sequence[Peer]) -> None:
        """Begin, or go on where the store says that an earlier process of this aggregator stopped."""
        self.manifest = manifest
        self.id = manifests.run_id(manifest)
        self.layout = Layout.of(manifest)
        self.peers = peers
        self.waited_for = {client.name for client in manifest.clients}
        self._expands = index < len(manifest.aggregators) - 1  # all but the last expand their shares from keys
        self._sharing = manifest.share()
        self._store = store
        self._keys = store.joined(self.id)
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[list[Members]] | None = None
        frozen, self.last = store.resume(self.id)
        self.round = self._open(0)
        if self.last is not None:
            self.round = self._open(self.last.step + 1)
            self.waited_for = set(self.last.members)
        if frozen is not None:
            for client, share in frozen.shares.items():
                self.round.submit(client, np.frombuffer(share, dtype=np.uint64))
            self.round.synthetic = np.frombuffer(frozen.synthetic, dtype=np.int64)
            self.round.freeze()

    def join(self, client: str, message: Join) -> Joined:
        """Take a client in, once.

        Raises:
            ConflictingReplay: it joined before with another key.
        """
        self._enrolled(client)
        expected = KEY_BYTES if self._expands else 0
        if len(message.key) != expected:
            raise WrongLength(f"got a key of {len(message.key)} bytes; this aggregator needs {expected}")
        if self._keys.get(client, message.key) != message.key:
            raise ConflictingReplay(
                f"{client} has joined with another key; a client that lost its keys stays out until the next run"
            )
        if client not in self._keys:
            self._store.join(self.id, client, message.key)
            self._keys[client] = message.key
            LOG.info("joined", extra={"facts": {"client": client, "step": self.round.step}})
        self.waited_for.add(client)
        return Joined(self.round.step)

    async def exchange(self, client: str, message: Share) -> Closed:
        """Take a client's share of a step, and answer with its share of the result when the round closes."""
        self._enrolled(client)
        if client not in self._keys:
            raise NotJoined(f"{client} has not joined this run; join first")
        expected = 0 if self._expands else self.layout.d
        if message.share.size != expected:
            raise WrongLength(f"got a share of {message.share.size} words; {expected} are needed here")
        done = self._past(message.step)
        if done is None:
            self.round.submit(client, message.share)
            done = await self._outcome(self.round)
        elif done.digests.get(client, b"") != digest(message.share) and client in done.members:
            raise ConflictingReplay(
                f"{client} sent two different shares for step {message.step}; the first one counted"
            )
        if client not in done.members:
            self.waited_for.add(client)
            raise RoundClosed(f"step {done.step} has closed without {client}; go on with step {done.step + 1}")
        total = np.frombuffer(done.total, dtype=np.uint64)
        exposure, release = self.layout.exposure_of(total, client), self.layout.release_of(total)
        return Closed(done.step, exposure, release, np.frombuffer(done.synthetic, dtype=np.int64), len(done.members))

    async def announce(self, message: Announcement) -> Released:
        """Take the engine's announcement of a step, and answer with the release when the round closes."""
        if not self.manifest.engine:
            raise NotEnrolled("this run has no engine; its manifest says so")
        if message.synthetic.size != self.layout.cells:
            raise WrongLength(f"got totals of {message.synthetic.size} cells; the run has {self.layout.cells}")
        done = self._past(message.step)
        if done is None:
            self.round.announce(message.synthetic)
            done = await self._outcome(self.round)
        elif done.synthetic != message.synthetic.tobytes():
            raise ConflictingReplay(
                f"the engine announced two different totals for step {message.step}; the first one counted"
            )
        release = self.layout.release_of(np.frombuffer(done.total, dtype=np.uint64))
        return Released(done.step, release, len(done.members), self._traffic(done))

    async def members(self, query: MembersQuery) -> Members:
        """Tell another aggregator whom this one has decided on for a step, as soon as it has."""
        deadline = asyncio.get_running_loop().time() + self._timeout(query.step)
        while self.round.step <= query.step and self.last_decided(query.step) is None:
            self._arm(self.round)
            current = self.round
            remaining = deadline - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(current.frozen.wait(), max(remaining, 0.0))
            except TimeoutError:
                raise Unavailable(f"step {query.step} is not decided here yet; ask again") from None
        decided = self.last_decided(query.step)
        if decided is None:
            raise RoundClosed(f"step {query.step} is over, and its members are forgotten")
        return Members(query.step, decided)

    def last_decided(self, step: int) -> tuple[str, ...] | None:
        """Return whom this aggregator decided on for the current or the last step."""
        if self.round.step == step:
            return self.round.decided
        return self.last.decided if self.last is not None and self.last.step == step else None

    def stop(self) -> None:
        """Let go of timers and tasks; what counts is in the store."""
        self._disarm()
        for task in (self._closing, self._asking):
            if task is not None:
                task.cancel()
        self.round.fail(Unavailable("this aggregator is stopping; call again"))

    def _enrolled(self, client: str) -> None:
        if client not in self.layout.own:
            raise NotEnrolled(f"the manifest lists no client {client}; ask the run's operator to enrol it")

    def _timeout(self, step: int) -> float:
        return self.manifest.join_timeout_s if step == 0 else self.manifest.round_timeout_s

    def _past(self, step: int) -> Done | None:
        """Return the result of the last step; None for the current one; refuse every other."""
        if step == self.round.step and step <= self.manifest.steps:
            return None
        if self.last is not None and step == self.last.step:
            return self.last
        if step < self.round.step:
            raise RoundClosed(f"step {step} is over; go on with step {self.round.step}")
        raise RoundAhead(f"got step {step}, but step {self.round.step} comes next, of {self.manifest.steps} in all")

    async def _outcome(self, current: Round) -> Done:
        """Wait for the round, and set going what closes it."""
        self._arm(current)
        waiting = asyncio.ensure_future(current.outcome())
        await asyncio.sleep(0)  # the waiter stands before the round may close
        if current.decided is not None or current.complete(self.waited_for):
            self._freeze(current)
        return await waiting

    def _open(self, step: int) -> Round:
        """Open a round; without an engine there is no announcement to wait for."""
        return Round(step, None if self.manifest.engine else np.zeros(self.layout.cells, dtype=np.int64))

    def _arm(self, current: Round) -> None:
        """With the first call, start the deadline and ask the others, who answer when they have decided."""
        if self._timer is None and current.decided is None and current is self.round:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._timeout(current.step), self._deadline, current)
            if self._asking is None:
                self._asking = asyncio.ensure_future(self._ask(current.step))

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _deadline(self, current: Round) -> None:
        self._disarm()
        if current is not self.round or current.decided is not None:
            return
        if current.synthetic is None:
            current.fail(Unavailable(f"the engine has not announced step {current.step} in time; call again"))
        elif len(current.shares) < self.manifest.min_cohort:
            current.fail(self._too_small(len(current.shares)))
        else:
            self._freeze(current)

    def _too_small(self, n_clients: int) -> CohortTooSmall:
        return CohortTooSmall(
            f"cannot release a sum of {n_clients} clients: the manifest promises {self.manifest.min_cohort}; "
            "wait for more"
        )

    def _freeze(self, current: Round) -> None:
        """Decide on the members, write it down, then ask the others; safe to call again."""
        self._disarm()
        if current.decided is None:
            shares = {client: share.tobytes() for client, share in current.shares.items()}
            self._store.freeze(self.id, Frozen(current.step, shares, _content(current.synthetic)))
            current.freeze()
        if current is self.round and (self._closing is None or self._closing.done()):
            self._closing = asyncio.ensure_future(self._close(current))

    async def _close(self, current: Round) -> None:
        """Agree with the other aggregators, add up, tell, and open the next round."""
        try:
            answers = await self._answers(current.step)
            agreed = set(current.shares).intersection(*(answer.names for answer in answers))
            if len(agreed) < self.manifest.min_cohort:
                raise self._too_small(len(agreed))
        except LpmError as error:
            current.fail(error)
            return
        except BaseException:
            current.fail(Unavailable(f"this aggregator could not close step {current.step}; call again"))
            raise
        members = tuple(sorted(agreed))
        done = Done(
            current.step,
            current.decided or (),
            members,
            {client: current.digests[client] for client in members},
            self._add_up(current, members).tobytes(),
            _content(current.synthetic),
        )
        self._store.close_round(self.id, done)
        self.last, self.round, self.waited_for = done, self._open(current.step + 1), agreed
        current.close(done)
        LOG.info("round closed", extra={"facts": {"step": done.step, "members": len(members)}})

    async def _ask(self, step: int) -> list[Members]:
        return await asyncio.gather(*(peer.members(MembersQuery(self.id, step)) for peer in self.peers))

    async def _answers(self, step: int) -> list[Members]:
        """Return the others' members: what they were asked for early on, or ask again if that failed."""
        asked, self._asking = self._asking, None
        if asked is not None:
            with contextlib.suppress(LpmError):
                return await asked
        return await self._ask(step)

    def _add_up(self, current: Round, members: tuple[str, ...]) -> U64:
        total = np.zeros(self.layout.d, dtype=np.uint64)
        for client in members:
            if self._expands:
                self._sharing.expand(self._keys[client], step=current.step, out=total)
            else:
                total += current.shares[client]
        return total

    def _traffic(self, done: Done) -> int:
        """Return the bytes of vectors in a round: shares in, exposures and releases out."""
        sent = 0 if self._expands else len(done.total) * len(done.members)
        own = sum(end - first for first, end in (self.layout.own[client] for client in done.members))
        public = (self.layout.released + self.layout.cells) * len(done.members)
        return sent + WORD_BYTES * (own * self.layout.c + public)


def _content(synthetic: I64 | None) -> bytes:
    return b"" if synthetic is None else synthetic.tobytes()
