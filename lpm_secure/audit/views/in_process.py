"""All aggregators of a run in this process, each with a store of its own, over the in-process transport."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import torch

from aggregator import Aggregator, Run, Store
from aggregator.on_shares.backend import JointBackend
from aggregator.permutation.delivery import Permuter
from aggregator.release.ledger import Ledger
from aggregator.wire.remote_peer import RemotePeer
from client_sdk import Client, LocalTransport
from lpm_secure.audit.views.ideal import PATIENCE_S, Ideal
from lpm_secure.engine.loop import RemotePart, simulate
from lpm_secure.engine.series import StageSeries
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.sharing import Sharing
from protocols.task.manifest import Manifest
from protocols.task.parties import ENGINE
from protocols.wire.transport import Transport

Around = Callable[[str, str, Transport], Transport]  # caller, callee and what is between them


def _plain(caller: str, callee: str, transport: Transport) -> Transport:
    return transport


@final
@dataclass(frozen=True, slots=True, eq=False)
class Operators:
    """All aggregators of one run, each with its own store, and each the others' peer over a transport."""

    manifest: Manifest
    runs: tuple[Run, ...]
    answers: tuple[Any, ...]
    around: Around = _plain

    def transports(self, caller: str) -> list[Transport]:
        """Return what a party of this name would call them with."""
        parties = zip(self.manifest.aggregators, self.answers, strict=True)
        return [self.around(caller, party.name, LocalTransport(answer, caller=caller)) for party, answer in parties]


@contextmanager
def operators(
    manifest: Manifest,
    urls: Sequence[str] = (),
    *,
    permuters: Sequence[Permuter | None] = (),
    ledgers: Sequence[Ledger | None] = (),
    around: Around = _plain,
    sharing: Sharing | None = None,
) -> Iterator[Operators]:
    """Start the aggregators of a run, on databases in memory unless told, and on an ideal comparison.

    Args:
        urls: of their databases.
        permuters: of the first two, where edges are permuted.
        ledgers: of each aggregator; without them, nothing is written down.
        around: what each transport is wrapped in.
        sharing: in place of the manifest's.
    """
    names = [party.name for party in manifest.aggregators]
    stores = [Store(url) for url in urls or ["sqlite://"] * len(names)]
    answers: list[Any] = []

    def peers(own: int) -> list[RemotePeer]:
        async def late(other: int, caller: str, request: object) -> object:
            return await answers[other](caller, request)

        def answer_of(other: int) -> Any:
            return lambda caller, request: late(other, caller, request)

        others = [index for index in range(len(names)) if index != own]
        inner = {other: LocalTransport(answer_of(other), caller=names[own]) for other in others}
        return [RemotePeer(around(names[own], names[other], inner[other]), PATIENCE_S) for other in others]

    joint = Ideal(len(names))
    backends: list[JointBackend | None] = [
        joint.party(index) if manifest.schedule.outcome else None for index in range(len(names))
    ]
    given, books = [*permuters, *[None] * len(names)], [*ledgers, *[None] * len(names)]
    runs = [
        Run(
            manifest,
            index,
            stores[index],
            peers(index),
            backends[index],
            permuter=given[index],
            ledger=books[index],
            sharing=sharing,
        )
        for index in range(len(names))
    ]
    aggregators = [Aggregator({run.id: run}) for run in runs]
    answers.extend(aggregator.answer for aggregator in aggregators)
    try:
        yield Operators(manifest, tuple(runs), tuple(answers), around)
    finally:
        for aggregator in aggregators:
            aggregator.stop()
        for store in stores:
            store.close()


async def play(
    testbed: Testbed, started: Operators, around: Callable[[str, Operators], list[Transport]] | None = None
) -> tuple[StageSeries | None, list[Client]]:
    """Run all clients of a testbed and, where its manifest asks for it, the engine, and return what they end with.

    Args:
        started: the aggregators.
        around: what each client calls the aggregators with, where that is not the plain transport.
    """

    async def client(name: str) -> Client:
        transports = around(name, started) if around else started.transports(name)
        joined = await Client.join(testbed.manifest, testbed.private_state(name), transports)
        await joined.run()
        return joined

    clients = [client(party.name) for party in testbed.manifest.clients]
    if not testbed.manifest.engine:
        return None, await asyncio.gather(*clients)
    engine = RemotePart(testbed.manifest, started.transports(ENGINE))
    synthetic = testbed.synthetic_agents(torch.device("cpu"))
    driven = simulate(testbed.manifest, engine, synthetic, environment=testbed.new_environment())
    series, ended = await asyncio.gather(driven, asyncio.gather(*clients))
    return series, ended
