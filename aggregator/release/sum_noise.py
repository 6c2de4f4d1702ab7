"""What an aggregator opens of a secure sum's round: nothing while one is announced, then a sum with its noise."""

import os
from dataclasses import dataclass, field
from typing import Final, final

import msgspec
import numpy as np

from aggregator.store import Store
from protocols.arithmetic.counters import RoundNumber, Stream
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.releases.mechanism import DiscreteGaussian
from protocols.releases.query import SUM
from protocols.task.release_plan import ReleasePlan
from protocols.task.secure_sum.spec import answers

FIRST_STREAM: Final = 1


@final
class Openings(msgspec.Struct, frozen=True):
    """How many sums were opened by now; kept with the round."""

    made: int = 0


@final
@dataclass(frozen=True, slots=True)
class SumNoise:
    """This aggregator's noise of a secure sum: fixed by one key, which is kept before anything is told.

    A sum that is opened again, after a failure or a restart, gets the same noise again: fresh noise would average out.

    Attributes:
        plan: of the run's releases.
        sigma: of every word, in its own units.

    Security: every aggregator adds the full sigma, so that one honest one is enough. The key is drawn from the system
        and never leaves the store; who has it can take this aggregator's noise away.
    """

    plan: ReleasePlan
    sigma: float
    key: bytes = field(repr=False)

    @classmethod
    def load(cls, plan: ReleasePlan, sigma: float, *, run: bytes, store: Store) -> "SumNoise":
        """Go on with the run's key, or draw one and keep it."""
        return cls(plan, sigma, store.noise_key(run, os.urandom(KEY_BYTES)))

    def add(self, number: RoundNumber, total: U64, *, before: bytes, place: int = 0) -> tuple[U64, bytes]:
        """Return this aggregator's share of a sum as it may be told, and what to keep of it for the next one.

        Args:
            number: of the round.
            total: uint64[d], its share of the sum over members.
            before: what was to be kept of the sum before.
            place: which of the round's sums this is, where several are opened to find out who sends garbage; each has
                its own stream of noise.

        Raises:
            BudgetSpent: the manifest allows no further sum; nothing was told.

        Security: what a client tells in a round that only asks is never opened, whatever it is.
        """
        if not answers(number):
            return np.zeros_like(total), before
        if not self.plan.releases.has_noise:
            return total, before
        made = 1 + (msgspec.msgpack.decode(before, type=Openings).made if before else 0)
        self.plan.releases.require({SUM: made})
        stream = Stream(FIRST_STREAM + number + place * (self.plan.steps + 1))
        noise = DiscreteGaussian(self.sigma).from_key(self.key, total.size, stream=stream)
        return np.asarray(total + noise.view(np.uint64)), msgspec.msgpack.encode(Openings(made))
