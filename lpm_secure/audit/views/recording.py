"""What every party of a run receives, in order, with clients' coins that are chosen."""

import asyncio
import dataclasses
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np

from client_sdk.simulation.exchange import Exchange
from lpm_secure.audit.views.in_process import Operators, operators
from lpm_secure.event_loop import complete
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing import Sharing
from protocols.errors import ProtocolError
from protocols.task.manifest import Manifest
from protocols.task.parties import ENGINE
from protocols.wire import codec
from protocols.wire.messages import Join, Share
from protocols.wire.transport import Transport

Start = Callable[..., AbstractContextManager[Operators]]
Views = dict[tuple[str, bool], list[tuple[str, str, bytes]]]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """One message, from whom and to whom, and whether it asks for a reply or is one."""

    sender: str
    receiver: str
    message: Any
    asks: bool

    @property
    def content(self) -> tuple[str, str, bytes]:
        """Return all that the receiver sees: who sent it, its kind and its bytes."""
        return self.sender, type(self.message).__name__, codec.encode(self.message)

    @property
    def is_share(self) -> bool:
        """Whether it is what a client tells an aggregator in a round."""
        return isinstance(self.message, Share)


@final
class RecordingTransport(Transport):
    """Notes what passes through an in-process transport, both ways."""

    def __init__(self, inner: Transport, caller: str, callee: str, passed: list[Envelope]) -> None:
        """Note into `passed`, which all transports of a run share."""
        self._inner, self._caller, self._callee, self._passed = inner, caller, callee, passed

    async def call(self, request: object, *, timeout_s: float) -> Any:
        """Call, and note request and reply when they arrive."""
        self._passed.append(Envelope(self._caller, self._callee, request, True))
        reply = await self._inner.call(request, timeout_s=timeout_s)
        self._passed.append(Envelope(self._callee, self._caller, reply, False))
        return reply


@final
class SeededSharing(Sharing):
    """A sharing whose keys come from a seed, in the order in which clients draw them.

    Attributes:
        vectors: what was split under which keys: number of the round, and the vector.
    """

    def __init__(self, inner: Sharing, seed: int | Sequence[int]) -> None:
        """Split and expand as `inner` does."""
        self.k, self._inner, self._draw = inner.k, inner, np.random.default_rng(seed)
        self.vectors: dict[tuple[bytes, ...], list[tuple[RoundNumber, U64]]] = {}

    def keys(self) -> tuple[bytes, ...]:
        """Draw k - 1 keys from the seed."""
        return tuple(self._draw.bytes(32) for _ in range(self.k - 1))

    def split(self, x: U64, keys: tuple[bytes, ...], *, round_number: RoundNumber) -> U64:
        """Split as the sharing inside, and keep a copy of the vector."""
        self.vectors.setdefault(keys, []).append((round_number, x.copy()))
        return self._inner.split(x, keys, round_number=round_number)

    def expand(self, key: bytes, *, round_number: RoundNumber, out: U64) -> None:
        """Expand as the sharing inside."""
        self._inner.expand(key, round_number=round_number, out=out)


@final
@dataclass(frozen=True, slots=True, eq=False)
class RunRecording:
    """A run, as the party that sees everything would have it.

    Attributes:
        passed: every message, in order.
        vectors: of each client, what it shared: number of the round, and the vector before it was split.
    """

    passed: list[Envelope]
    vectors: dict[str, list[tuple[RoundNumber, U64]]]

    def bytes_to(self, party: str, *, words: bool = True) -> Views:
        """Return what each sender let a party see, in order: the order between senders is the event loop's.

        So is that between what an aggregator asks another and what it answers it, which go their own ways. Without
        `words`, those of shares are replaced by as many zeros.
        """
        views: Views = defaultdict(list)
        for each in self.passed:
            if each.receiver != party:
                continue
            shown = each
            if each.is_share and not words:
                blank = dataclasses.replace(each.message, share=np.zeros_like(each.message.share))
                shown = dataclasses.replace(each, message=blank)
            views[each.sender, each.asks].append(shown.content)
        return dict(views)


class RecordedWorld(Protocol):
    """What is recorded: a run with all that is private in it."""

    @property
    def manifest(self) -> Manifest:
        """Return the run's manifest."""

    async def take_part(self, exchange: Exchange, name: str) -> bool:
        """Be one client of the run; return whether it missed a round."""

    async def drive(self, transports: Sequence[Transport]) -> object:
        """Be the engine of the run."""


Drive = Callable[[Any, Sequence[Transport]], Coroutine[Any, Any, object]]


def record(
    world: RecordedWorld,
    seed: int | Sequence[int],
    sharing: Sharing | None = None,
    *,
    start: Start = operators,
    drive: Drive | None = None,
) -> RunRecording:
    """Run a world over real clients, aggregators and, where the manifest asks for it, the engine.

    Args:
        seed: of the clients' keys.
        sharing: instead of the manifest's own.
        start: starts the aggregators.
        drive: what the engine does, where that is not what it does in the world.

    Raises:
        ProtocolError: a client missed a round.
    """
    coins = SeededSharing(sharing or world.manifest.share(), seed)
    passed = complete(_everybody(world, coins, start, drive or type(world).drive))
    keys: dict[str, dict[str, bytes]] = {}  # of a client, by who has them; it may join again with the same ones
    for each in passed:
        if isinstance(each.message, Join) and each.message.key:
            keys.setdefault(each.sender, {})[each.receiver] = each.message.key
    return RunRecording(passed, {client: coins.vectors[tuple(own.values())] for client, own in keys.items()})


async def _everybody(world: RecordedWorld, coins: Sharing, start: Start, drive: Drive) -> list[Envelope]:
    """Run all parties of a world, and return what passed between them."""
    manifest = world.manifest
    passed: list[Envelope] = []

    def around(caller: str, callee: str, transport: Transport) -> Transport:
        return RecordingTransport(transport, caller, callee, passed)

    async def client(name: str, transports: list[Transport]) -> None:
        exchange = Exchange(manifest, name, transports, sharing=coins)
        if await world.take_part(exchange, name):
            raise ProtocolError(f"{name} missed rounds of a recorded run; try again on a machine with less to do")

    with start(manifest, around=around, sharing=coins) as parties:
        tasks: list[Coroutine[Any, Any, object]] = [
            client(party.name, parties.transports(party.name)) for party in manifest.clients
        ]
        if manifest.engine:
            tasks.append(drive(world, parties.transports(ENGINE)))
        await asyncio.gather(*tasks)
    return passed
