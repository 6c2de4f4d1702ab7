"""What every party of a real run receives, in order, with coins that a test chooses.

Test modules cannot import each other, so what they share comes as fixtures.
"""

import asyncio
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import pytest

from client_sdk import ContactTable, Local, PrivateState
from client_sdk.gradients.take_part import take_part
from lpm_secure.engine.simulate import RemotePart, simulate
from lpm_secure.private_gradients.adjoints import PrivateAdjoints, expected_counts
from lpm_secure.private_gradients.relaxed_torch import TorchAgents
from lpm_secure.private_gradients.score import simulate_scores
from lpm_secure.private_gradients.tangents import simulate_tangents, synthetic_part
from lpm_secure.testbed import Testbed
from protocols.layout import Layout
from protocols.manifest import ENGINE, Manifest
from protocols.messages import Join
from protocols.sharing import Sharing
from protocols.substeps import Stage
from protocols.substeps.relaxed import values
from protocols.wire import codec
from protocols.wire.transport import Transport


@final
@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """One message, from whom and to whom, and whether it asks for a reply or is one."""

    sender: str
    receiver: str
    message: Any
    asks: bool

    @property
    def content(self) -> tuple[str, str, bytes]:
        """Return all that the receiver sees: who sent it, its kind and its bytes."""
        return self.sender, type(self.message).__name__, codec.encode(self.message)


@final
class Recorded(Transport):
    """Notes what passes through an in-process transport, both ways."""

    def __init__(self, inner: Transport, caller: str, callee: str, passed: list[Passed]) -> None:
        """Note into `passed`, which all transports of a run share."""
        self._inner, self._caller, self._callee, self._passed = inner, caller, callee, passed

    async def call(self, request: object, *, timeout_s: float) -> Any:
        """Call, and note request and reply when they arrive."""
        self._passed.append(Passed(self._caller, self._callee, request, True))
        reply = await self._inner.call(request, timeout_s=timeout_s)
        self._passed.append(Passed(self._callee, self._caller, reply, False))
        return reply


@final
class Seeded(Sharing):
    """A sharing whose keys come from a seed, in the order in which clients draw them.

    Attributes:
        vectors: what was split under which keys: number of the round, and the vector.
    """

    def __init__(self, inner: Sharing, seed: int) -> None:
        """Split and expand as `inner` does."""
        self.k, self._inner, self._draw = inner.k, inner, np.random.default_rng(seed)
        self.vectors: dict[tuple[bytes, ...], list[tuple[int, Any]]] = {}

    def keys(self) -> tuple[bytes, ...]:
        """Draw k - 1 keys from the seed."""
        return tuple(self._draw.bytes(32) for _ in range(self.k - 1))

    def split(self, x: Any, keys: tuple[bytes, ...], *, step: int) -> Any:
        """Split as the sharing inside, and keep a copy of the vector."""
        self.vectors.setdefault(keys, []).append((step, x.copy()))
        return self._inner.split(x, keys, step=step)

    def expand(self, key: bytes, *, step: int, out: Any) -> None:
        """Expand as the sharing inside."""
        self._inner.expand(key, step=step, out=out)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A run, as the party that sees everything would have it.

    Attributes:
        passed: every message, in order.
        vectors: of each client, what it shared: number of the round, and the vector before it was split.
    """

    passed: list[Passed]
    vectors: dict[str, list[tuple[int, np.ndarray]]]


@final
@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A testbed in which a test sets private states after they are drawn.

    Attributes:
        testbed: of the run.
        state: field to array[n], in the manifest's order, of what is set.
    """

    testbed: Testbed
    state: dict[str, np.ndarray] = field(repr=False)

    def private_state(self, name: str) -> PrivateState:
        """Return what one client keeps to itself."""
        private = self.testbed.private_state(name)
        first, end = Layout.of(self.testbed.manifest).own[name]
        drawn = private.state
        private.state = drawn | {key: value[first:end].astype(drawn[key].dtype) for key, value in self.state.items()}
        return private


def _world(manifest: Manifest, rows: Any, cell: Any, synthetic: int = 0, **state: Any) -> World:
    """Return a world from contacts (rows of day, a, b, channel, weight), cells and states of all agents."""
    table = ContactTable(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)
    cells = np.array(cell, dtype=np.int64)
    testbed = Testbed(manifest, table, cells, synthetic, "drawn", False)
    return World(testbed, {key: np.asarray(value) for key, value in state.items()})


def _drawn_world(manifest: Manifest, seed: int, synthetic: int = 0) -> World:
    """Return a world in which all that is private is drawn anew: contacts, cells, stages, timers, thresholds."""
    draw, layout = np.random.default_rng(seed), Layout.of(manifest)
    a, b = np.array([draw.choice(layout.n, 2, replace=False) for _ in range(3 * layout.n)]).T
    day, channel = draw.integers(0, manifest.period, a.size), draw.integers(0, layout.channels, a.size)
    stage = draw.integers(0, len(Stage), layout.n)
    waits = (stage == Stage.E) | (stage == Stage.I)
    return _world(
        manifest,
        np.stack([day, a, b, channel, draw.integers(1, 20, a.size)], axis=1),
        draw.integers(0, len(manifest.cells), layout.n) if manifest.cells else [],
        synthetic,
        stage=stage,
        timer=np.where(waits, draw.integers(1, 4, layout.n), 0),
        tau=2 ** draw.integers(20, 45, layout.n),
    )


@pytest.fixture
def world():
    """Return a function that makes a world from contacts, cells and states."""
    return _world


@pytest.fixture
def drawn_world():
    """Return a function that draws a world from a seed."""
    return _drawn_world


@pytest.fixture
def record(operators_of, monkeypatch):
    """Return a function that runs a world over real parties, and returns a recording of it.

    Args:
        world: of the run.
        seed: of the clients' keys.
        sharing: instead of the manifest's own.
    """

    def run(world: World, seed: int, sharing: Sharing | None = None) -> Recording:
        manifest = world.testbed.manifest
        coins = Seeded(sharing or manifest.share(), seed)
        with monkeypatch.context() as patch:
            patch.setattr(Manifest, "share", lambda _: coins)
            passed = asyncio.run(_everybody(world, operators_of))
        key_of: dict[str, tuple[bytes, ...]] = {}
        for each in passed:
            if isinstance(each.message, Join) and each.message.key:
                key_of[each.sender] = (*key_of.get(each.sender, ()), each.message.key)
        return Recording(passed, {client: coins.vectors[keys] for client, keys in key_of.items()})

    return run


async def _drive(testbed: Testbed, part: RemotePart) -> object:
    """Be the engine of a run, whatever derivatives it takes."""
    import torch

    manifest = testbed.manifest
    way = None if manifest.gradient is None else manifest.gradient.way
    if way == "tangents":
        return await simulate_tangents(manifest, part, synthetic_part(testbed))
    if way == "adjoints":
        private = PrivateAdjoints(manifest, part, asyncio.get_running_loop())
        nobody = TorchAgents(manifest, cell=np.zeros(0, dtype=np.int64), n=0)
        theta = torch.tensor(values(manifest), requires_grad=True)

        def forth_and_back() -> None:
            expected_counts(manifest, private, nobody, theta)[-1, 0, 3].backward()

        return await asyncio.to_thread(forth_and_back)
    synthetic = testbed.synthetic_agents(torch.device("cpu"))
    return await (simulate_scores if way == "score" else simulate)(manifest, part, synthetic)


async def _everybody(world: World, operators_of: Any) -> list[Passed]:
    """Run all parties of a world, and return what passed between them."""
    manifest, passed = world.testbed.manifest, []
    names = [party.name for party in manifest.aggregators]

    def around(caller: str, transports: Sequence[Transport], callees: Sequence[str]) -> list[Transport]:
        pairs = zip(transports, callees, strict=True)
        return [Recorded(transport, caller, callee, passed) for transport, callee in pairs]

    async def client(name: str) -> None:
        transports = around(name, operators.transports(name), names)
        joined = await take_part(manifest, world.private_state(name), transports)
        await joined.run()
        assert joined.missed == []

    with operators_of(manifest) as operators:
        for own, run in zip(names, operators.runs, strict=True):
            others = [name for name in names if name != own]
            inner = [Local(operators.answers[names.index(other)], caller=own) for other in others]
            pairs = zip(run.peers, around(own, inner, others), strict=True)
            run.peers[:] = [dataclasses.replace(peer, transport=transport) for peer, transport in pairs]
        parties = [client(party.name) for party in manifest.clients]
        if manifest.engine:
            part = RemotePart(manifest, around(ENGINE, operators.transports(ENGINE), names))
            parties.append(_drive(world.testbed, part))
        await asyncio.gather(*parties)
    return passed
