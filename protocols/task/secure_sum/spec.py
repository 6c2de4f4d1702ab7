"""The manifest of a secure sum: institutions answer what is announced with vectors, which are summed.

Nobody is simulated. A sum is two rounds of the run. In the first, which asks, the engine announces, and clients share
zeros, so that all know who is there; with a dealer they say so without. In the second, which answers, they share their
vectors, and the sum is opened.
"""

import math
from fractions import Fraction
from typing import Annotated, Final, final

import msgspec

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.sharing import Additive, Sharing
from protocols.releases.query import SUM, Release
from protocols.task.base import BaseManifest, Security
from protocols.task.checks.parties import check_cohort, check_names
from protocols.task.checks.secure_sum import check_dealer, check_noise, check_summands, check_total
from protocols.task.parties import ENGINE, DealerParty, InstitutionParty
from protocols.task.rounds import Schedule

MAX_BITS: Final = 52  # a float64 has no more
MOST_ROUNDS: Final = 2**31
Size = Annotated[int, msgspec.Meta(ge=1, le=2**16)]


@final
class SecureSum(BaseManifest, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="secure-sum"):
    """The size of what travels, how often, and what one institution may add.

    Attributes:
        clients: who may add.
        shape: of what is announced and of what is summed, float64[shape].
        norm: bound of the L2 norm of one institution's vector, over all its entries.
        bits: fraction bits of a vector.
        rounds: sums, at most; one in each round.
        releases: the sum, with the noise that each aggregator adds in full; without it, exact.
        security: "active": with a dealer; each client proves the norm of its vector, and one aggregator that lies reads
            nothing. "semi-honest": aggregators have to follow the protocol, and garbage is found by group testing.
        dealer: where security is active. The noise of sums is then its own, and that of both aggregators together.
    """

    clients: tuple[InstitutionParty, ...]
    shape: Annotated[tuple[Size, ...], msgspec.Meta(min_length=1, max_length=4)]
    norm: Annotated[float, msgspec.Meta(gt=0, le=2.0**40)]
    bits: Annotated[int, msgspec.Meta(ge=1, le=MAX_BITS)] = 24
    rounds: Annotated[int, msgspec.Meta(ge=1, le=MOST_ROUNDS)]
    security: Security = "semi-honest"
    dealer: DealerParty | None = None

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        check_names(self.aggregators, self.dealer, self.clients)
        check_dealer(active=self.security == "active", dealer=self.dealer is not None)
        self.share()
        check_cohort(self.clients, self.min_cohort)
        check_summands(min_cohort=self.min_cohort, length=self.length)
        if self.trust is not None:
            dealer = self.dealer.name if self.dealer else None
            aggregators = [party.name for party in self.aggregators]
            self.trust.check(aggregators=aggregators, dealer=dealer, signers=self.signers)
        check_noise(self.releases, rounds=self.rounds)
        n, k = len(self.clients), len(self.aggregators)
        check_total(clients=n, reach=self.reach, sigma=self.sigma, aggregators=k)

    @property
    def signers(self) -> tuple[str, ...]:
        """Return who signs messages beside the servers: clients and engine, where security is active."""
        return (*(client.name for client in self.clients), ENGINE) if self.security == "active" else ()

    def words(self, number: RoundNumber) -> int:
        """Return how many words a client sends in a round."""
        return self.length if answers(number) or self.security != "active" else 0

    @property
    def length(self) -> int:
        """Return d, how many numbers are announced, and summed."""
        return math.prod(self.shape)

    @property
    def steps(self) -> int:
        """Return the number of the last round of the run."""
        return 2 * self.rounds - 1

    @property
    def engine(self) -> bool:
        """Whether an engine announces in every round that asks: there is no sum without one."""
        return True

    @property
    def schedule(self) -> Schedule:
        """Return the order of the run's rounds."""
        return Schedule(False, self.steps)

    @property
    def reach(self) -> float:
        """Return the largest L2 norm of one institution's vector in fixed point, its rounding included."""
        return reach(self.norm, self.bits, self.length)

    @property
    def squares(self) -> int:
        """Return the largest sum of squares in fixed point, to which what a client encodes keeps."""
        return largest_squares(self.reach)

    @property
    def release(self) -> Release:
        """Return what is released of each round: the sum, exact unless the manifest says otherwise."""
        return next(iter(self.releases.each)) if self.releases is not None else Release(name=SUM)

    @property
    def sigma(self) -> float:
        """Return the noise of every word in its own units; the release counts it in what one institution can add."""
        return self.release.sigma * self.reach

    def share(self) -> Sharing:
        """Return the run's sharing, for all of its aggregators."""
        return Additive(len(self.aggregators))


def reach(norm: float, bits: int, words: int) -> float:
    """Return the largest norm of a clipped vector of so many words in fixed point: each is rounded by half a unit."""
    return float(norm * 2.0**bits + 0.5 * words**0.5)


def largest_squares(reach: float) -> int:
    """Return the square of a norm in whole units, rounded down; every party finds the same."""
    return int(Fraction(reach) ** 2)


def answers(number: RoundNumber) -> bool:
    """Tell whether a round of the run is one in which vectors are summed."""
    return number % 2 == 1
