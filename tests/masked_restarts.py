"""Servers of a masked run in this process that end at a message, and are started again from what they had written."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from aggregator.masking.aggregator import NO_HEAD, MaskingAggregator
from aggregator.masking.dealer import MaskingDealer
from aggregator.masking.service.questions import MaskedQuestions
from aggregator.masking.service.rounds import MaskedRounds
from aggregator.release.ledger import Ledger
from lpm_secure.testbed.masked_parties import MaskedParties
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.masking.envelope import SignedMessage
from protocols.masking.journal import MemoryJournal
from protocols.wire.local import LocalTransport
from protocols.wire.masked_link import MaskedLink
from protocols.wire.messages import MaskedCall
from protocols.wire.transport import Transport

SERVERS = ("aggregator-0", "aggregator-1", "dealer")
BEFORE, AFTER = "before", "after"  # a message arrives, or when it has been answered and nobody has heard the answer
Call = Callable[[], Awaitable[Any]]


def copy_of(journal: MemoryJournal) -> MemoryJournal:
    """Return what a disk has of a journal, whatever a thread of the process that ended still writes."""
    copy = MemoryJournal(journal._entries)
    copy.save_checkpoint(journal.checkpoint)
    return copy


def renew_server(run: MaskedRun, name: str, journal: Callable[[MemoryJournal], MemoryJournal] = copy_of) -> None:
    """Put in a server's place the one that goes on from its journal."""
    parties = {each.signer.name: each for each in (*run.aggregators, run.dealer)}
    before = parties[name]
    given = before.plan, before.signer, before.keys, journal(before.journal)
    if isinstance(before, MaskingDealer):
        run.dealer = MaskingDealer(*given, sealing=before.sealing)
    else:
        parties[name] = MaskingAggregator(*given, before.index)
        run.aggregators = tuple(parties[each] for each in run.plan.aggregators)


class Server:
    """A server behind its address: calls that it does not answer because it ends are made to the next one."""

    def __init__(self, start: Callable[[], Any]) -> None:
        self._start, self.process, self._gone = start, start(), asyncio.Event()

    async def answer(self, caller: str, request: Any) -> Any:
        while True:
            gone, call = self._gone, asyncio.ensure_future(self._answer(self.process, self._gone, caller, request))
            ends = asyncio.ensure_future(gone.wait())
            try:
                await asyncio.wait([call, ends], return_when=asyncio.FIRST_COMPLETED)
                if not gone.is_set():
                    return call.result()
                await asyncio.sleep(0.001)  # nothing may have been started yet
            finally:
                for each in (call, ends):
                    each.cancel()
                    with suppress(BaseException):
                        await each

    @staticmethod
    async def _answer(process: Any, gone: asyncio.Event, caller: str, request: Any) -> Any:
        return None if gone.is_set() else await process.answer(caller, request)  # a process that ended begins nothing

    def kill(self) -> None:
        """End the process."""
        self._gone.set()
        self.process.stop()

    def start(self) -> None:
        """Start the next one."""
        self._gone, self.process = asyncio.Event(), self._start()


class Way(Transport):
    """A transport on which a test acts: it is told who calls whom with what, and how to go on."""

    def __init__(self, caller: str, callee: str, server: Server, act: Callable[..., Awaitable[Any]]) -> None:
        self._caller, self._callee, self._act = caller, callee, act
        self._inner = LocalTransport(server.answer, caller=caller)

    async def call(self, request: object, *, timeout_s: float) -> Any:
        return await self._act(
            self._caller, self._callee, request, lambda: self._inner.call(request, timeout_s=timeout_s)
        )


async def pass_on(caller: str, callee: str, request: object, go_on: Call) -> Any:
    return await go_on()


class Servers:
    """The three servers of a run, each of which may end and be started again.

    Attributes:
        run: every party's keys; its aggregators and dealer are those that run now.
        parties: the ways of clients and engine to them.
    """

    def __init__(self, run: MaskedRun, folder: Path, act: Callable[..., Awaitable[Any]] = pass_on) -> None:
        self.run, self._folder, self.act = run, folder, act
        self._servers: dict[str, Server] = {}
        names = (*run.plan.aggregators, run.plan.dealer.name)
        for name in names:
            self._servers[name] = Server(lambda name=name: self._begin(name))
        one, two, dealer = (self._servers[name] for name in names)
        ways = self._servers
        self.parties = MaskedParties(
            run, (one, two), dealer, lambda caller, callee, inner: Way(caller, callee, ways[callee], self._pass)
        )
        self._names = names

    async def _pass(self, caller: str, callee: str, request: object, go_on: Call) -> Any:
        return await self.act(caller, callee, request, go_on)

    def _link(self, caller: str, callee: str) -> MaskedLink:
        server: Any = type("Later", (), {"answer": lambda _, *given: self._servers[callee].answer(*given)})()
        return MaskedLink(Way(caller, callee, server, self._pass), self.run.plan.run)

    def _begin(self, name: str) -> Any:
        run, plan = self.run, self.run.plan
        if name == plan.dealer.name:
            return MaskedQuestions(lambda: run.dealer)
        index = plan.aggregators.index(name)
        return MaskedRounds(
            lambda: run.aggregators[index],
            plan,
            peer=self._link(name, plan.aggregators[1 - index]),
            dealer=self._link(name, plan.dealer.name),
            ledger=self._open_ledger(name),
        )

    def restart(self, name: str, journal: Callable[[MemoryJournal], MemoryJournal] = copy_of) -> None:
        """End a server, and start it again from its journal, or from what `journal` makes of it."""
        self.end(name)
        self.begin_again(name, journal)

    def end(self, name: str) -> None:
        """End a server."""
        self._servers[name].kill()

    def begin_again(self, name: str, journal: Callable[[MemoryJournal], MemoryJournal] = copy_of) -> None:
        """Start a server that has ended."""
        renew_server(self.run, name, journal)
        self._servers[name].start()

    async def call(self, callee: str, caller: str, envelope: SignedMessage) -> Any:
        """Hand a server a message, past whatever acts on the way."""
        return await self._servers[callee].answer(caller, MaskedCall(self.run.plan.run, envelope))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"

    def ledger_of(self, name: str) -> bytes:
        """Return the file of an aggregator's ledger."""
        return self._path(name).read_bytes()

    def put_back(self, name: str, ledger: bytes) -> None:
        """Put an earlier ledger in place of an aggregator's."""
        self._path(name).write_bytes(ledger)

    def ledgers(self) -> list[Ledger]:
        """Return both aggregators' ledgers as they are on disk."""
        return [self._open_ledger(name) for name in self.run.plan.aggregators]

    def _open_ledger(self, name: str) -> Ledger:
        return Ledger(self._path(name), run=self.run.plan.run, name=name, key=self.run.signers[name].key)

    def head(self, name: str) -> bytes:
        """Return the head of an aggregator's ledger before the round in hand."""
        number = self.run.aggregators[self.run.plan.aggregators.index(name)].number
        return self._open_ledger(name).head(number) or NO_HEAD

    def stop(self) -> None:
        for each in self._servers.values():
            each.process.stop()


class Ends:
    """Servers end at messages of these places among those to them and from them."""

    def __init__(self, *places: tuple[str, int, str]) -> None:
        self.places = {(name, place): moment for name, place, moment in places}
        self.passed: dict[str, int] = defaultdict(int)

    async def __call__(self, servers: Servers, caller: str, callee: str, request: object, go_on: Call) -> Any:
        for name in {caller, callee} & {*SERVERS}:
            place = name, self.passed[name]
            self.passed[name] += 1
            if (moment := self.places.get(place)) is not None:
                if moment == AFTER:
                    await asyncio.wait([asyncio.ensure_future(go_on())], timeout=0.05)
                servers.restart(name)
                await asyncio.sleep(0.01)  # a call of its own ends here
        return await go_on()
