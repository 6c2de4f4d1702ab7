"""All parties of a rehearsal in this process: the protocol as it is, without processes, networks and noise."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import torch

from client_sdk import Client
from client_sdk.simulation.exchange import Exchange, RoundExchange
from lpm_secure.audit.views.in_process import operators
from lpm_secure.engine.loop import PrivatePart, RemotePart, StepRelease, simulate
from lpm_secure.rehearsal.history import StateHistory
from lpm_secure.run.observer import OnStep, StepObserver
from lpm_secure.testbed.masked_parties import start_parties
from lpm_secure.testbed.masked_run import MaskedRun
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.fixed_point import I64
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation, is_active
from protocols.task.parties import ENGINE
from protocols.task.release_plan import ReleasePlan

PATIENCE_S = 3600.0  # of parties that share one process: none of them is away
Ways = Callable[[str], RoundExchange]


def exact_twin(manifest: Simulation) -> Simulation:
    """Return a manifest whose private run can be compared with a clear one: no noise, edges as the data have them."""
    return msgspec.structs.replace(
        manifest,
        releases=None,
        edges="dense",
        devices=None,
        join_timeout_s=PATIENCE_S,
        round_timeout_s=PATIENCE_S,
        trust=None,
    )


async def private_history(testbed: Testbed, observer: StepObserver) -> StateHistory:
    """Run the clients of a testbed with aggregators of this process, and the engine where there is one.

    Returns:
        All states, of a run whose manifest is an `exact_twin`.
    """
    manifest = testbed.manifest
    with observer("in one process", steps=manifest.steps, words=ReleasePlan.of(manifest).tally_words) as on_step:
        async with _started(manifest) as (way, engine):
            watched = [on_step, *([_unwatched] * (len(manifest.clients) - 1))]  # all are told the same
            running = [_client(testbed, c.name, way, each) for c, each in zip(manifest.clients, watched, strict=True)]
            states, _ = await asyncio.gather(asyncio.gather(*running), _drive(testbed, engine))
    return StateHistory({name: np.concatenate([each[name] for each in states], axis=1) for name in states[0]})


def _unwatched(step: int, release: StepRelease) -> None:
    return


@asynccontextmanager
async def _started(manifest: Simulation) -> AsyncIterator[tuple[Ways, PrivatePart]]:
    """Start all servers, and say how a client reaches them, and how the engine does."""
    if is_active(manifest):
        with start_parties(MaskedRun.draw(manifest)) as parties:
            yield parties.exchange, parties.engine
        return
    with operators(manifest) as started:
        yield (
            lambda name: Exchange(manifest, name, started.transports(name)),
            RemotePart(manifest, started.transports(ENGINE)),
        )


async def _drive(testbed: Testbed, engine: PrivatePart) -> None:
    """Run the engine, where there is one."""
    if testbed.manifest.engine:
        synthetic, environment = testbed.synthetic_agents(torch.device("cpu")), testbed.new_environment()
        await simulate(testbed.manifest, engine, synthetic, environment=environment)


async def _client(testbed: Testbed, name: str, way: Ways, on_step: OnStep) -> dict[str, I64]:
    """Run one client, and return its agents' states before each step, int64[T + 1, n_own] of each field."""
    client = await Client.join_over(testbed.manifest, testbed.private_state(name), way(name))
    states: list[dict[str, I64]] = []

    cells = Layout.of(testbed.manifest).cells

    def note() -> None:
        states.append({field: np.array(values, dtype=np.int64) for field, values in client.private.state.items()})

    def observe(step: int) -> None:
        note()
        if client.released.size:
            on_step(step, StepRelease(client.released[:cells], client.released[cells:], members=0, traffic=0))

    note()
    await client.run(on_step=observe)
    return {field: np.stack([each[field] for each in states[: testbed.manifest.steps + 1]]) for field in states[0]}
