"""A run in one process: real clients and aggregators, calls through the encoder and decoder, no network."""

import asyncio
import contextlib

import numpy as np

from aggregator import Aggregator, Run, Store
from aggregator.wire.remote_peer import RemotePeer
from client_sdk import ContactTable, LocalTransport
from client_sdk.gradients.participant import take_part_over
from client_sdk.simulation.exchange import Exchange
from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.testbed.testbed import Testbed
from protocols.task.manifest import Simulation
from protocols.task.parties import AggregatorParty, ClientParty, DealerParty


@contextlib.contextmanager
def operators(manifest):
    """Start two aggregators, and yield a function that returns the transports of a caller."""
    names, answers = [party.name for party in manifest.aggregators], []
    stores = [Store("sqlite://") for _ in names]

    def peer(own):
        async def late(caller, request):
            return await answers[1 - own](caller, request)

        return [RemotePeer(LocalTransport(late, caller=names[own]), 600.0)]

    runs = [Run(manifest, index, stores[index], peer(index)) for index in range(len(names))]
    aggregators = [Aggregator({run.id: run}) for run in runs]
    answers.extend(aggregator.answer for aggregator in aggregators)
    try:
        yield lambda caller: [LocalTransport(answer, caller=caller) for answer in answers]
    finally:
        for aggregator in aggregators:
            aggregator.stop()
        for store in stores:
            store.close()


def drawn_people(*, agents, clients, contacts, cells, steps, gradient, mode="sum"):
    """Return people with so many drawn contacts each, in so many cells."""
    rng = np.random.default_rng(4)
    a = rng.integers(0, agents, agents * contacts // 2)
    b = (a + rng.integers(1, agents, a.size)) % agents
    nothing = np.zeros_like(a)
    table = ContactTable(nothing, a, b, np.arange(a.size) % 2, nothing + 1)
    law = (2**30,) * 4
    beta = (2**20, 2**19) if contacts else (0, 0)
    given = {"beta": beta, "cell_beta": 2**24, "latent": law, "infectious": law, "initial": 2**27, "f": 26}
    model = graph_of(TableIntegers(**given), listed=gradient is None or gradient.relaxed)
    parts = np.array_split(np.arange(agents), clients)
    manifest = Simulation(
        name="bench",
        model=model,
        model_hash=model.digest,
        steps=steps,
        channels=("near", "far"),
        max_message=64,
        cells=(2 * agents // cells,) * cells if cells else (),
        engine=True,
        mode=mode,
        dealer=DealerParty("dealer", "localhost:9") if mode == "outcome" else None,
        aggregators=tuple(
            AggregatorParty(side, f"localhost:{p}", f"localhost:{p + 2}") for p, side in ((1, "left"), (2, "right"))
        ),
        clients=tuple(ClientParty(f"c{c}", tuple(part.tolist())) for c, part in enumerate(parts)),
        min_cohort=2,
        join_timeout_s=3_600.0,
        round_timeout_s=3_600.0,
        testbed_seed=1,
        gradient=gradient,
    )
    cell = rng.integers(0, cells, agents) if cells else np.zeros(0, dtype=np.int64)
    return Testbed(manifest, table, cell, 0, "drawn", True)


async def run(testbed, engine):
    """Run the clients of a testbed beside `engine(transports)`, and return what that does."""
    manifest = testbed.manifest
    with operators(manifest) as transports:
        private = [testbed.private_state(party.name) for party in manifest.clients]

        async def one(own):
            await (await take_part_over(manifest, own, Exchange(manifest, own.name, transports(own.name)))).run()

        return (await asyncio.gather(engine(transports("engine")), *(one(own) for own in private)))[0]
