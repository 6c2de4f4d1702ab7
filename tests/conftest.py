"""A whole run in this process: real clients, real aggregators and the engine, over the in-process transport.

Test modules cannot import each other, so what they share comes as fixtures. They hold no state and live for the whole
session, which lets tests draw their examples with hypothesis.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pytest

from aggregator import Aggregator, Run, Store
from aggregator.permutation.roles import Role
from aggregator.permutation.stages import Shape
from aggregator.wire.peer import RemotePeer
from client_sdk import Client, Local
from protocols.manifest import ENGINE, AggregatorParty, ClientParty, DealerParty, Manifest
from protocols.substeps import Seir
from protocols.wire.transport import Transport
from tests.permutation_trio import Trio

PATIENCE_S = 30.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Operators:
    """All aggregators of one run, each with its own store, and each the others' peer over a transport."""

    manifest: Manifest
    runs: tuple[Run, ...]
    answers: tuple[Any, ...]

    def transports(self, caller: str) -> list[Transport]:
        """Return what a party of this name would call them with."""
        return [Local(answer, caller=caller) for answer in self.answers]


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


@final
class Opened:
    """The oracle of joint computations: opens what all aggregators hold, computes, and shares anew. Hides nothing.

    Each party runs its program in a thread of its own; an operation waits until all parties have come to it.
    """

    def __init__(self, k: int) -> None:
        """Wait for k parties in every operation."""
        self.k = k
        self._held: list[Any] = [None] * k
        self._barrier = threading.Barrier(k, timeout=PATIENCE_S)
        self.coins = np.random.default_rng(1)

    def party(self, index: int) -> "OpenedParty":
        """Return one aggregator's part."""
        return OpenedParty(self, index)

    def together(self, index: int, share: Any, compute: Callable[[list[Any]], Any]) -> Any:
        """Return what `compute` makes of all parties' shares; one of them computes."""
        self._held[index] = share
        if self._barrier.wait() == 0:
            self._held = [compute(list(self._held))] * self.k
        self._barrier.wait()
        result = self._held[index]
        self._barrier.wait()
        return result


@final
@dataclass(frozen=True, slots=True)
class OpenedParty:
    """One aggregator's part of the oracle."""

    joint: Opened
    index: int

    async def compute(self, program: Callable[[Any], Any], *, kind: bytes, step: int) -> Any:
        """Run a program with the others."""
        return await asyncio.to_thread(program, OpenedCalculator(self.joint, self.index, step))


@final
@dataclass(frozen=True, slots=True)
class OpenedCalculator:
    """What a program computes with, in the clear."""

    joint: Opened
    index: int
    step: int

    @property
    def name(self) -> bytes:
        """One name for all parties."""
        return self.step.to_bytes(32, "big")

    def public(self, numbers: Any) -> Any:
        """Give the first party all of it."""
        return numbers if self.index == 0 else np.zeros_like(numbers)

    def compare(self, h: Any, tau: Any, *, bits: int) -> Any:
        """Compare, and share the bits."""

        def compute(h: Any, tau: Any) -> Any:
            assert all(((total >= 0) & (total < 2**bits)).all() for total in (h, tau)) or bits > 62
            return h > tau

        return self._shared(compute, h, tau)

    def multiply(self, x: Any, y: Any) -> Any:
        """Multiply, and share the products."""
        return self._shared(lambda x, y: x * y, x, y)

    def out_of_range(self, x: Any, bits: Any, lengths: Sequence[int]) -> Any:
        """Look at every number."""
        wrong = np.split(np.arange(x.size), np.cumsum(lengths)[:-1])

        def compute(shares: list[Any]) -> Any:
            numbers = sum(shares[1:], start=shares[0]).view(np.uint64)
            out = (numbers >> bits.astype(np.uint64)) != 0
            return np.array([out[part].any() for part in wrong])

        return self.joint.together(self.index, x, compute)

    def _shared(self, function: Callable[..., Any], *shares: Any) -> Any:
        def compute(held: list[Any]) -> Any:
            result = function(*(sum(column[1:], start=column[0]) for column in zip(*held, strict=True)))
            drawn = self.joint.coins.integers(0, 2**64, (self.joint.k, result.size), dtype=np.uint64).view(np.int64)
            drawn[0] = result.astype(np.int64) - drawn[1:].sum(axis=0)
            return drawn

        return self.joint.together(self.index, shares, compute)[self.index]


@contextmanager
def _operators(manifest: Manifest, urls: Sequence[str] = ()) -> Iterator[Operators]:
    """Start the aggregators of a run, on databases in memory unless told."""
    names = [party.name for party in manifest.aggregators]
    stores = [Store(url) for url in urls or ["sqlite://"] * len(names)]
    answers: list[Any] = []

    def peers(own: int) -> list[RemotePeer]:
        async def late(other: int, caller: str, request: object) -> object:
            return await answers[other](caller, request)

        def answer_of(other: int) -> Any:
            return lambda caller, request: late(other, caller, request)

        others = [index for index in range(len(names)) if index != own]
        return [RemotePeer(Local(answer_of(other), caller=names[own]), PATIENCE_S) for other in others]

    joint = Opened(len(names))
    comparers = [joint.party(index) if manifest.schedule.outcome else None for index in range(len(names))]
    trio = _trio(manifest) if manifest.devices else None
    permuters = [trio.permuter(role) if trio else None for role in (Role.A, Role.B)] + [None] * len(names)
    runs = [
        Run(manifest, index, stores[index], peers(index), comparers[index], permuter=permuters[index])
        for index in range(len(names))
    ]
    aggregators = [Aggregator({run.id: run}) for run in runs]
    answers.extend(aggregator.answer for aggregator in aggregators)
    try:
        yield Operators(manifest, tuple(runs), tuple(answers))
    finally:
        for aggregator in aggregators:
            aggregator.stop()
        for store in stores:
            store.close()
        if trio is not None:
            trio.__exit__()


def _trio(manifest: Manifest) -> Trio:
    """Start the three servers of the secret permutation."""
    assert manifest.devices is not None
    shape = Shape(len(manifest.clients), manifest.devices.degree, len(manifest.channels))
    return Trio(shape, [], steps=manifest.steps, period=manifest.period)


def _seir(**changes: Any) -> Seir:
    law = (2**31, 2**31)
    given = {"beta": (2**38,), "cell_beta": 0, "latent": law, "infectious": law, "initial": 2**30, "f": 40}
    return Seir(**given | changes)


def _manifest(agents: Sequence[Sequence[int]] = ((1, 2), (3,), (4, 5)), *, k: int = 2, **changes: Any) -> Manifest:
    """Return a manifest whose client `client-i` has the agents `agents[i]`."""
    model = changes.pop("model", _seir())
    if changes.get("mode") == "outcome":
        changes["dealer"] = DealerParty("dealer", "localhost:99", "localhost:98")
    given = {
        "name": "drawn",
        "model": model,
        "model_hash": model.model().hash,
        "steps": 4,
        "channels": tuple(f"channel-{index}" for index in range(len(model.beta))),
        "max_message": 100,
        "mode": "sum",
        "aggregators": tuple(
            AggregatorParty(f"aggregator-{a}", f"localhost:{a + 1}", f"localhost:{a + 50}", f"localhost:{a + 70}")
            for a in range(k)
        ),
        "clients": tuple(ClientParty(f"client-{index}", tuple(own)) for index, own in enumerate(agents)),
        "min_cohort": 1,
        "testbed_seed": 7,
    }
    return Manifest(**given | changes)


def _run_private(testbed: Any, around: Callable[[str, Operators], list[Transport]] | None = None) -> Ending:
    """Run clients, aggregators and, where the manifest asks for it, the engine, and return how they end.

    Args:
        testbed: as `lpm_secure.testbed.Testbed`.
        around: what each client calls the aggregators with, where that is not the plain transport.
    """
    import torch

    from lpm_secure.engine.simulate import RemotePart, simulate

    manifest = testbed.manifest

    async def client(name: str, operators: Operators) -> Client:
        transports = around(name, operators) if around else operators.transports(name)
        joined = await Client.join(manifest, testbed.private_state(name), transports)
        await joined.run()
        return joined

    async def everybody() -> tuple[Any, list[Client]]:
        with _operators(manifest) as operators:
            clients = [client(party.name, operators) for party in manifest.clients]
            if not manifest.engine:
                return None, await asyncio.gather(*clients)
            engine = RemotePart(manifest, operators.transports(ENGINE))
            synthetic = testbed.synthetic_agents(torch.device("cpu"))
            series, *ended = await asyncio.gather(simulate(manifest, engine, synthetic), *clients)
            return series, ended

    series, ended = asyncio.run(everybody())
    fields = manifest.model.model().fields
    state = {field: np.concatenate([client.private.state[field] for client in ended]) for field in fields}
    return Ending(state, {client.private.name: client.missed for client in ended}, series)


def _run_clear(testbed: Any) -> Ending:
    """Run the same in the clear, by `lpm_secure.engine` alone."""
    import torch

    from lpm_secure.engine.simulate import ClearPart, simulate

    device = torch.device("cpu")
    agents = testbed.private_agents(device)
    series = asyncio.run(
        simulate(testbed.manifest, ClearPart(testbed.manifest, agents), testbed.synthetic_agents(device))
    )
    return Ending({field: value.numpy() for field, value in agents.state.items()}, {}, series)


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
