"""`masked_workplace`, `masked_10k`: a step of the masked backend, all parties one after the other in this process."""

import time

import numpy as np
from measure import Row, cpu_seconds

from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.models.graph.agents import GraphModel
from protocols.task.manifest import Manifest
from protocols.task.parties import AggregatorParty, ClientParty, DealerParty

LIMIT_MS = 78.0  # of a small step of parties side by side: 1.2 times that of the CrypTen backend


def manifest(n, clients):
    """Return a run of one step, whose n agents are spread over clients evenly."""
    traced = trace(SeirModel)
    model = GraphModel(traced.graph, traced.parameters)
    owners = np.array_split(np.arange(n), clients)
    return Manifest(
        name="masked",
        model=model,
        model_hash=model.digest,
        steps=1,
        channels=model.contact_channels,
        max_message=4,
        aggregators=tuple(AggregatorParty(f"a{i}", f"localhost:{i + 1}", f"localhost:{i + 50}") for i in (0, 1)),
        dealer=DealerParty("dealer", "localhost:99"),
        clients=tuple(ClientParty(f"c{index}", tuple(own.tolist())) for index, own in enumerate(owners)),
        min_cohort=1,
        testbed_seed=1,
    )


def step(n, clients):
    """Return the seconds and CPU seconds of speaking and deciding, whatever the words are; all are 0 here."""
    run = MaskedRun.start(manifest(n, clients))
    plan = run.plan
    tally = np.zeros((clients, plan.layout.q), np.int64)
    tally[:, 0] = [plan.layout.size(name) for name in plan.names]
    nothing = np.zeros((plan.layout.n, plan.layout.c), np.int64), np.zeros(plan.layout.cells, np.int64)
    spoken = {name: plan.layout.pack(*nothing, own) for name, own in zip(plan.names, tally, strict=True)}
    own = [{name: np.zeros(plan.count(name, number), np.uint64) for name in plan.names} for number in (0, 2)]
    run.play(own[0])
    started, before = time.perf_counter(), cpu_seconds()
    run.play(spoken)
    run.play(own[1])
    return time.perf_counter() - started, cpu_seconds() - before


def row(name, n, clients):
    """Take a step of n agents."""
    step(20, 2)  # tables of small numbers
    wall, cpu = step(n, clients)
    against = f"the limit of a small step of parties side by side, {LIMIT_MS:.0f} ms"
    return [Row(name, wall * 1e3, "ms", against, wall * 1e3 / LIMIT_MS, cpu_s=cpu)]


BENCHMARKS = {
    "masked_workplace": lambda: row("masked_workplace", 217, 12),
    "masked_10k": lambda: row("masked_10k", 10_000, 20),
}
