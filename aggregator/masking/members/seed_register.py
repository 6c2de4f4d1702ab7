"""The clients' seeds that the dealer expands pads from, and their counters, which only rise."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import final

from protocols.arithmetic.counters import RoundNumber
from protocols.errors import NotSealed, ResultsDiffer
from protocols.identity.sealing_key import SealingKey
from protocols.masking.envelope import SignedMessage
from protocols.masking.journal import Journal
from protocols.masking.messages import SeedNotice
from protocols.masking.pads import PadSource
from protocols.masking.seed import open_seed


@final
@dataclass(slots=True, eq=False)
class SeedRegister:
    """The seeds in use.

    Attributes:
        sealing: the dealer's key, which seeds are sealed to.
        journal: has each counter before its seed serves.
        counters: the last one of each client.
        sources: of the seeds that are open.
    """

    sealing: SealingKey = field(repr=False)
    journal: Journal = field(repr=False)
    counters: dict[str, int] = field(default_factory=dict)
    sources: dict[str, PadSource] = field(default_factory=dict, repr=False)

    def take(self, notices: Iterable[tuple[SignedMessage, SeedNotice]], number: RoundNumber) -> set[str]:
        """Take in seeds that serve from a round on, and return whose they are. One that does not open leaves none.

        Raises:
            ResultsDiffer: one is in another client's name, of another round, or not above those before.
        """
        fresh = set[str]()
        for envelope, notice in notices:
            client, counter = notice.client, notice.counter
            if client != envelope.sender or client in fresh:
                raise ResultsDiffer("a seed was handed on in another client's name, or twice; the run stops here")
            if notice.number != number or counter <= self.counters.get(client, 0):
                raise ResultsDiffer("a seed of another round, or of before, was handed on; the run stops here")
            self.journal.record(f"seed {client} {counter}", envelope.digest)
            self.counters[client] = counter
            fresh.add(client)
            self.sources.pop(client, None)
            with suppress(NotSealed):
                self.sources[client] = open_seed(notice, self.sealing)
        return fresh
