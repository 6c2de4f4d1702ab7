"""A whole run in this process: real clients, real aggregators and the engine, over the in-process transport.

Test modules cannot import each other, so what they share comes as fixtures. They hold no state and live for the whole
session, which lets tests draw their examples with hypothesis.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import hypothesis
import numpy as np
import pytest

from aggregator.permutation.roles import Role
from aggregator.permutation.stages import Shape
from client_sdk import Client
from lpm_secure.audit.views.in_process import Operators, operators, play
from lpm_secure.config.model import TableIntegers, graph_of
from protocols.models.graph.agents import GraphModel
from protocols.task.manifest import Manifest, SimulationManifest
from protocols.task.parties import AggregatorParty, ClientParty, DealerParty
from protocols.wire.transport import Transport
from tests.permutation_trio import Trio

HERE = Path(__file__).parent
FOLDERS = ("integration", "conformance", "statistical", "golden", "benchmarks", "fuzz", "checks", "unit", "web")
if "PYTEST_XDIST_WORKER" in os.environ:  # side by side, each has one core; torch reads it when it is imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")
hypothesis.settings.register_profile("no-clock", hypothesis.settings(), deadline=None)  # a busy machine is no mistake
hypothesis.settings.load_profile("no-clock")


def pytest_collection_modifyitems(items):
    """What takes long begins first, and unit tests end; a file's tests stay on one worker, with what they share."""
    items.sort(key=lambda item: FOLDERS.index(item.path.relative_to(HERE).parts[0]))


@pytest.fixture(autouse=True)
def notices_as_before():
    """Leave our loggers as they were: libraries that a test runs may configure logging anew, and disable ours."""
    loggers = [logging.getLogger(name) for name in ("lpm", "lpm.run", "aggregator", "client")]
    logging.disable(logging.NOTSET)  # whatever ran before there was a test
    for each in loggers:
        each.disabled = False
        each.setLevel(logging.NOTSET)
        each.propagate = each.name != "lpm.run"
    before = [(each.disabled, each.level, each.propagate, list(each.handlers)) for each in loggers]
    yield
    for each, (disabled, level, propagate, handlers) in zip(loggers, before, strict=True):
        each.disabled, each.level, each.propagate, each.handlers[:] = disabled, level, propagate, handlers


@final
@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """What a run leaves behind.

    Attributes:
        state: field to array[n], of all private agents in the manifest's order.
        missed: for each client the steps whose rounds closed without it.
        series: the engine's; None where the run has none.
    """

    state: Mapping[str, np.ndarray]
    missed: Mapping[str, Sequence[int]]
    series: Any


@contextmanager
def _operators(manifest: Manifest, urls: Sequence[str] = (), **more: Any) -> Iterator[Operators]:
    """Start the aggregators of a run, on databases in memory unless told; with a permutation where edges hide in it."""
    if not isinstance(manifest, SimulationManifest) or manifest.devices is None:
        with operators(manifest, urls, **more) as started:
            yield started
        return
    with _trio(manifest) as trio:
        permuters = [trio.permuter(role) for role in (Role.A, Role.B)]
        with operators(manifest, urls, permuters=permuters, **more) as started:
            yield started


def _trio(manifest: SimulationManifest) -> Trio:
    """Start the three servers of the secret permutation."""
    assert manifest.devices is not None
    shape = Shape(len(manifest.clients), manifest.devices.degree, len(manifest.channels))
    return Trio(shape, [], steps=manifest.steps, period=manifest.period)


LAW = (2**31, 2**31)
TABLE = {"beta": (2**38,), "cell_beta": 0, "latent": LAW, "infectious": LAW, "initial": 2**30, "f": 40}


def _seir(*, listed: bool = True, **changes: Any) -> GraphModel:
    return graph_of(TableIntegers(**TABLE | changes), listed=listed)


def _manifest(
    agents: Sequence[Sequence[int]] = ((1, 2), (3,), (4, 5)), *, k: int = 2, **changes: Any
) -> SimulationManifest:
    """Return a manifest whose client `client-i` has the agents `agents[i]`."""
    gradient = changes.get("gradient")
    model = changes.pop("model", None) or _seir(listed=gradient is None or gradient.relaxed)
    channels = tuple(f"channel-{index}" for index in range(len(model.agents.most)))
    active = changes.get("security") == "active"
    if active or changes.get("mode") == "outcome":
        changes["dealer"] = DealerParty("dealer", "localhost:99", "localhost:98")
    compares = [None if active else f"localhost:{a + 50}" for a in range(k)]
    given = {
        "name": "drawn",
        "model": model,
        "model_hash": model.digest,
        "steps": 4,
        "channels": channels,
        "max_message": 100,
        "mode": "sum",
        "aggregators": tuple(
            AggregatorParty(f"aggregator-{a}", f"localhost:{a + 1}", compares[a], f"localhost:{a + 70}")
            for a in range(k)
        ),
        "clients": tuple(ClientParty(f"client-{index}", tuple(own)) for index, own in enumerate(agents)),
        "min_cohort": 1,
        "testbed_seed": 7,
    }
    return SimulationManifest(**given | changes)


def _run_private(testbed: Any, around: Callable[[str, Operators], list[Transport]] | None = None) -> Ending:
    """Run clients, aggregators and, where the manifest asks for it, the engine, and return how they end.

    Args:
        testbed: as `lpm_secure.testbed.testbed.Testbed`.
        around: what each client calls the aggregators with, where that is not the plain transport.
    """

    async def everybody() -> tuple[Any, list[Client]]:
        with _operators(testbed.manifest) as started:
            return await play(testbed, started, around)

    series, ended = asyncio.run(everybody())
    fields = ended[0].private.state
    state = {field: np.concatenate([client.private.state[field] for client in ended]) for field in fields}
    return Ending(state, {client.private.name: client.missed for client in ended}, series)


def _run_clear(testbed: Any) -> Ending:
    """Run the same in the clear, by `lpm_secure.engine` alone."""
    import torch

    from lpm_secure.engine.loop import ClearPart, simulate

    device = torch.device("cpu")
    agents = testbed.clear_agents(device)
    part, synthetic = ClearPart(testbed.manifest, agents), testbed.synthetic_agents(device)
    series = asyncio.run(simulate(testbed.manifest, part, synthetic, environment=testbed.new_environment()))
    return Ending({field: np.asarray(value) for field, value in agents.state.items()}, {}, series)


@pytest.fixture(scope="session")
def seir():
    """Return a function that makes an epidemic of two-day stages; keywords change it."""
    return _seir


@pytest.fixture(scope="session")
def manifest_of():
    """Return a function that makes a manifest from the agents of each client; keywords change it."""
    return _manifest


@pytest.fixture(scope="session")
def operators_of():
    """Return a context manager that starts the aggregators of a manifest."""
    return _operators


@pytest.fixture(scope="session")
def run_private():
    """Return a function that runs a testbed over clients and aggregators."""
    return _run_private


@pytest.fixture(scope="session")
def run_clear():
    """Return a function that runs a testbed in the clear."""
    return _run_clear
