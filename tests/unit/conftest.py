"""One aggregator's run by itself, with other aggregators that answer as the test decides."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import pytest

from aggregator import Run, Store
from protocols.task import manifest as manifests
from protocols.wire.messages import Announcement, Join, Members, MembersQuery, Share

PATIENCE_S = 20.0


def start_of(client: str) -> bytes:
    """Return the start of a client that all its shares are under, 16 bytes."""
    return client.encode().ljust(16)


@final
@dataclass(slots=True, eq=False)
class Told:
    """Another aggregator that answers what the test tells it, in the order in which it was told."""

    answers: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    asked: list[MembersQuery] = field(default_factory=list)

    async def members(self, query: MembersQuery) -> Members:
        """Answer with names, or raise what the test gave."""
        self.asked.append(query)
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return Members(query.step, tuple(answer), starts=tuple(map(start_of, answer)))

    def tell(self, *names: str) -> None:
        """Answer the next question with these names."""
        self.answers.put_nowait(names)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """What a test does to one run."""

    run: Run

    def join(self, *clients: str) -> None:
        """Let clients join, each with a key of its own where one is needed."""
        for client in clients:
            self.run.join(client, Join(self.run.id, client.encode().ljust(32) if self.run._sums.expands else b""))

    def vector(self, fill: int) -> np.ndarray:
        """Return a share of this aggregator's length; empty where it is expanded from a key."""
        return np.full(0 if self.run._sums.expands else self.run.layout.d, fill, dtype=np.uint64)

    async def exchange(self, client: str, step: int, fill: int = 1) -> Any:
        """Send a share whose words are all `fill`, and return the reply."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.run.exchange(client, Share(self.run.id, step, self.vector(fill), start=start_of(client)))

    async def announce(self, step: int, *totals: int) -> Any:
        """Announce synthetic totals as the engine, and return the reply."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.run.announce(Announcement(self.run.id, step, np.array(totals, dtype=np.int64)))

    async def everybody(self, step: int, *clients: str) -> list[Any]:
        """Send shares of clients at once; client i fills its own with i + 1."""
        calls = (self.exchange(client, step, int(client[-1]) + 1) for client in clients)
        return await asyncio.gather(*calls)


def _during(
    manifest: Any, act: Any, *, url: str = "sqlite://", index: int = -1, peers: int = 0, book: Any = None
) -> Any:
    """Start a run, let `act(operator, *told)` happen to it, stop it, and return what `act` returns.

    Args:
        manifest: of the run.
        act: a coroutine function.
        url: of the database, to restart from.
        index: of the aggregator; by default the last, which is sent whole vectors.
        peers: how many others answer as told.
        book: opens its ledger.
    """

    async def body() -> Any:
        told = [Told() for _ in range(peers)]
        store = Store(url)
        ledger = None if book is None else book(manifests.run_id(manifest))
        run = Run(manifest, index % len(manifest.aggregators), store, told, ledger=ledger)
        try:
            return await act(Operator(run), *told)
        finally:
            run.stop()
            await asyncio.sleep(0)
            store.close()

    return asyncio.run(body())


@pytest.fixture(scope="session")
def during():
    """Return a function that lets something happen to one run."""
    return _during
