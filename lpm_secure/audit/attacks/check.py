"""The attack audit: an aggregator of this build that lies ends a run for all, in the same words in two worlds.

A whole run of real clients and servers, with the model of the run that is audited, is played once for each lie in two
worlds that differ in all that is private. A lie may change nothing; else all parties stop, and nothing of how they stop
tells the worlds apart. Parties that are known to be bad go through the same code, and must be caught.

Security: lies are changes of one message each. Those of an aggregator that computes with other numbers, and those of
    clients and servers that come back, have tests of their own, as has what each party sees.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, final

import msgspec

from client_sdk import Client
from client_sdk.masking.exchange import MaskedExchange
from lpm_secure.audit.attacks.lies import Lie, decode, lies_of
from lpm_secure.audit.attacks.lockstep import LockstepRun
from lpm_secure.audit.attacks.mutants import Layer, Mutant
from lpm_secure.audit.views.check import draw, small
from lpm_secure.audit.views.sum_world import SumWorld
from lpm_secure.event_loop import complete
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import LpmError
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import ClientReply
from protocols.task.manifest import Manifest, SimulationManifest
from protocols.task.parties import ENGINE

WORLDS: Final = (1, 2)
FEW: Final = 2  # counts below it are suppressed in a run of few agents


@final
@dataclass(frozen=True, slots=True)
class AttackEnding:
    """How a run ended.

    Attributes:
        round: in which.
        parties: why, of each party by name; nothing where it did not stop.
        told: what each client read, round by round.
    """

    round: int
    parties: tuple[tuple[str, str], ...]
    told: tuple[bytes | None, ...] = field(repr=False)

    @property
    def goes_on(self) -> bool:
        """Tell whether somebody goes on."""
        return not all(reason for _, reason in self.parties)


@final
class Wire:
    """What goes between parties: noted, changed where the first aggregator lies, and read by a bad party's layer."""

    def __init__(self, lie: Lie | None, layer: Layer | None) -> None:
        """Begin before the run, which is set when its keys are drawn."""
        self.run: MaskedRun | None = None
        self.sent: list[tuple[str, Any]] = []
        self.lies, self._lie, self._layer = 0, lie, layer
        self._places = Counter[tuple[object, ...]]()

    def __call__(self, sender: str, receiver: str, envelope: SignedMessage) -> SignedMessage:
        """Hand a message on."""
        if self.run is None:
            return envelope
        envelope = self._changed(sender, receiver, envelope)
        return envelope if self._layer is None else self._layer(self.run, receiver, envelope)

    def _changed(self, sender: str, receiver: str, envelope: SignedMessage) -> SignedMessage:
        if self.run is None or sender != self.run.plan.aggregators[0]:
            return envelope
        message = decode(envelope)
        if message is None:
            return envelope
        self.sent.append((receiver, message))
        lie, address = self._lie, (type(message), message.number, receiver)
        place, self._places[address] = self._places[address], self._places[address] + 1
        if lie is None or (lie.address, lie.place) != (address, place):
            return envelope
        self.lies += 1
        return self.run.signers[sender].send(lie.tell(message))


@final
class AttackAudit:
    """All lies of one aggregator in a small run that is as another one is.

    Attributes:
        manifest: of the small run.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Take the mode, the model and the suppression of a run."""
        self.manifest = small(manifest)
        if isinstance(manifest, SimulationManifest) and isinstance(self.manifest, SimulationManifest):
            few = min(manifest.min_count, FEW)
            self.manifest = msgspec.structs.replace(self.manifest, min_count=few)

    @cached_property
    def lies(self) -> tuple[Lie, ...]:
        """Return every lie about the first message of each kind, receiver and phase of an honest run."""
        wire = Wire(None, None)
        self.play(WORLDS[0], wire)
        return tuple(lies_of(wire.sent, self._key))

    @cached_property
    def honest(self) -> tuple[AttackEnding, ...]:
        """Return how an honest run ends in each world."""
        return tuple(self.play(world, Wire(None, None)) for world in WORLDS)

    def judge(self, lie: Lie, mutant: Mutant | None = None) -> list[str]:
        """Return what is wrong with how a run ends in which the first aggregator tells a lie; nothing if it is well.

        Args:
            lie: one of `lies`.
            mutant: begins a layer through which parties that are known to be bad read what comes to them.
        """
        endings = []
        for world in WORLDS:
            wire = Wire(lie, None if mutant is None else mutant())
            endings.append(self.play(world, wire))
            if not wire.lies:
                return [f"{lie.name}: it was never told"]
        if all(each.goes_on for each in endings):
            same = [each == honest for each, honest in zip(endings, self.honest, strict=True)]
            return [] if all(same) else [f"{lie.name}: the run goes on, and somebody was told something else"]
        if any(each.goes_on for each in endings):
            return [f"{lie.name}: somebody goes on, in one world or in both"]
        one, other = ((each.round, each.parties) for each in endings)
        return [] if one == other else [f"{lie.name}: the parties stop in another way in two worlds"]

    def find(self, mutant: Mutant) -> list[str]:
        """Return what is wrong where parties are known to be bad: the lines of the first lie that shows it."""
        lines = (self.judge(lie, mutant) for lie in self.lies if lie.kind is ClientReply)
        return next(filter(None, lines), [])

    def play(self, world: int, wire: Wire) -> AttackEnding:
        """Play a whole run in a world, and return how it ended."""
        run = MaskedRun.draw(self.manifest, between=wire)
        wire.run = run
        try:
            run.start()
            complete(self._everybody(world, LockstepRun(run)))
        except LpmError as error:
            for each in run.aggregators:
                each.abandon(str(error))
            run.stop()
        parties = (*run.aggregators, run.dealer, *run.clients.values())
        rounds = range(self.manifest.schedule.rounds)
        told = (each.journal.entry(f"answer {number}") for each in run.clients.values() for number in rounds)
        return AttackEnding(
            run.aggregators[0].number, tuple((each.signer.name, each.ending) for each in parties), tuple(told)
        )

    async def _everybody(self, world: int, lockstep: LockstepRun) -> None:
        """Let all clients take part; who finds a lie stops the run, and the others stop with it."""
        given = draw(self.manifest, world)
        clients = (self._client(given, lockstep.exchange(each.name), each.name) for each in self.manifest.clients)
        for ended in await asyncio.gather(*clients, return_exceptions=True):
            if isinstance(ended, BaseException) and not isinstance(ended, LpmError):
                raise ended

    async def _client(self, world: Any, exchange: MaskedExchange, name: str) -> None:
        if isinstance(world, SumWorld):
            await world.take_part(exchange, name)
        else:
            await (await Client.join_over(world.manifest, world.private_state(name), exchange)).run()

    def _key(self, receiver: str, message: Any) -> object:
        """Return what messages have in common of which one is changed: kind, whom it goes to, the phase, the part."""
        schedule = self.manifest.schedule
        role = receiver if receiver == ENGINE or receiver not in {each.name for each in self.manifest.clients} else ""
        return type(message), role, schedule.phase(message.number), getattr(message, "part", 0)
