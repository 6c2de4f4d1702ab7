"""The rounds of `client_sdk.simulation` over the masked backend: the same client, with other messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, final

import numpy as np

from client_sdk.masking.channel import ServerChannel
from client_sdk.masking.masking_client import MaskingClient
from client_sdk.simulation.exchange import Answer
from protocols.arithmetic.counters import FIRST_STEP, Step
from protocols.arithmetic.fixed_point import U64
from protocols.errors import LpmError, ParameterError, RoundClosed, RunEnded
from protocols.identity.sealing_key import public_key
from protocols.identity.server_keys import IDENTITY
from protocols.identity.signing import read_key
from protocols.masking.envelope import SignedMessage, Signer
from protocols.masking.journal import FileJournal
from protocols.masking.plan import plan_of
from protocols.masking.seed import SealedSeed
from protocols.models.outcome import OutcomeSpec
from protocols.task.manifest import Manifest
from protocols.task.outcome_layout import split_columns
from protocols.task.rounds import Phase
from protocols.task.signature import trust_of
from protocols.wire.transport import Transport


class ReplyChannel(Protocol):
    """How a client reaches both aggregators."""

    async def join(self, envelope: SignedMessage) -> None:
        """Hand a sealed seed to both."""

    async def exchange(self, envelope: SignedMessage, *, step: Step) -> tuple[SignedMessage, SignedMessage]:
        """Hand a round's message to both, and return what each replies when the round is over."""

    async def stop(self, envelope: SignedMessage) -> None:
        """Tell everybody that the run is over."""


@final
@dataclass(slots=True, eq=False)
class MaskedExchange:
    """One client's rounds.

    Attributes:
        client: what it sends and opens.
        channel: to the aggregators.
    """

    client: MaskingClient
    channel: ReplyChannel
    _told: list[U64] | None = field(init=False, repr=False, default=None)

    async def join(self) -> Step:
        """Hand the seed over; the run begins with its first step."""
        await self.channel.join(self.client.join())
        return FIRST_STEP

    async def recall(self, since: Step, until: Step) -> list[dict[str, int]]:
        """Return no numbers for each of these steps: of a masked run no client misses one and goes on."""
        return [{} for _ in range(since, until)]

    async def round(self, vector: U64, *, step: Step, phase: Phase = Phase.SPEAK) -> Answer:
        """Take part in one round.

        Args:
            vector: uint64, of the length that the layout gives the phase.
            step: of the run.
            phase: of the step.

        Raises:
            PartiesDisagree, BadSignature, Unavailable: a server lied or keeps silent; everybody is told that the run is
                over. If one refusal of one server could make a client go, that server would drop whom it likes.
            RunEnded: the run is over, or this client is out of it: it came too late, or left its ranges.
        """
        number = self.client.plan.manifest.schedule.number(step, phase)
        words = self._growth(vector) if phase == Phase.DECIDE else vector
        message = self.client.message(number, words)
        try:
            reading = self.client.open(number, await self.channel.exchange(message, step=step))
        except RoundClosed as error:
            raise RunEnded(f"this client takes part no longer, and the others go on: {error}") from error
        except LpmError as error:
            self.client.abandon(str(error))
            await self.channel.stop(self.client.stop())
            raise
        if phase == Phase.DECIDE:
            self._told = self._levels(vector.copy())
        return Answer(reading.outcomes, reading.release, reading.announcement)

    def _growth(self, vector: U64) -> U64:
        """Return the words of a decision with the growth of own levels in place of their sums."""
        grown = vector.copy()
        if self._told is not None:
            for outcome, columns, told in zip(
                self._outcomes, split_columns(self._outcomes, grown), self._told, strict=True
            ):
                if outcome.keep:
                    goes_on = np.uint64(1) - columns.get("anew", np.zeros_like(told))
                    columns["level"] -= told * goes_on
        return grown

    def _levels(self, vector: U64) -> list[U64]:
        """Return the sums of own levels among the words of a decision, uint64[n_own] of each outcome, as views."""
        return [columns["level"] for columns in split_columns(self._outcomes, vector)]

    @property
    def _outcomes(self) -> tuple[OutcomeSpec, ...]:
        return self.client.plan.layout.outcomes


def require_no_relay(relay: str | None) -> None:
    """Refuse to reach one aggregator over the other.

    Raises:
        ParameterError: the client's configuration names a relay.
    """
    if relay is not None:
        raise ParameterError(
            "the run's security is active: an aggregator that relays could drop this client; reach both"
        )


def begin_exchange(
    manifest: Manifest, name: str, transports: Sequence[Transport], *, identity: Path, journal: Path
) -> MaskedExchange:
    """Return a client's rounds over a network, and write down that it has begun the run.

    Args:
        manifest: of the run.
        name: of the client.
        transports: to both aggregators, in the manifest's order.
        identity: the folder of its key.
        journal: the folder in which it writes down what it has sent.

    Raises:
        RunEnded: it has begun the run before, and its seed is gone.
    """
    plan, trust = plan_of(manifest), trust_of(manifest)
    dealer = trust.keys[plan.dealer.name].sealing
    if dealer is None:
        raise ParameterError("the manifest pins no sealing key of the dealer; its security cannot be active")
    signer = Signer.draw(name, read_key(identity / IDENTITY))
    seed = SealedSeed.draw(plan.run, name, public_key(dealer))
    entries = FileJournal(journal / f"masking-{plan.run.hex()[:12]}.journal")
    client = MaskingClient(plan, signer, trust.signing_keys, entries, seed=seed)
    return MaskedExchange(client, ServerChannel(manifest, transports))
