"""The manifest of a secure sum among institutions of given names, and the noise of its sums."""

from collections.abc import Sequence
from typing import Final

from client_sdk.secure_sum.contribution import Contribution
from protocols.releases.query import NOISE, SUM, Release, Releases
from protocols.task.parties import AggregatorParty, DealerParty, InstitutionParty
from protocols.task.secure_sum.spec import SecureSum

NOWHERE: Final = "127.0.0.1:1"  # the address of a party in this process, which nobody calls
DEFAULT: Final = Contribution()


def manifest_for(
    names: Sequence[str],
    shape: tuple[int, ...],
    addresses: Sequence[str],
    *,
    contribution: Contribution = DEFAULT,
    name: str = "sum",
    rounds: int,
    min_cohort: int,
    join_timeout_s: float = 60.0,
    round_timeout_s: float = 10.0,
    releases: Releases | None = None,
    dealer: str | None = None,
) -> SecureSum:
    """Return the manifest of sums of vectors of a shape, with an aggregator at each address.

    Without `releases`, sums are opened exact; see `build_noisy_releases` for those with noise. With the address of a
    dealer their security is active.
    """
    return SecureSum(
        name=name,
        aggregators=tuple(AggregatorParty(f"aggregator-{a}", address) for a, address in enumerate(addresses)),
        clients=tuple(map(InstitutionParty, names)),
        shape=shape,
        norm=contribution.clip,
        bits=contribution.bits,
        rounds=rounds,
        min_cohort=min_cohort,
        join_timeout_s=join_timeout_s,
        round_timeout_s=round_timeout_s,
        releases=releases,
        security="semi-honest" if dealer is None else "active",
        dealer=None if dealer is None else DealerParty("dealer", dealer),
    )


def build_noisy_releases(*, sigma: float, rounds: int, epsilon: float, delta: float) -> Releases:
    """Return the releases of sums with noise.

    Args:
        sigma: of the noise in each sum, in units of the norm that one institution can add.
        rounds: how many sums may be opened, those among them to find out who sends garbage.
        epsilon, delta: what all sums together cost; the unit is all that one institution contributes.
    """
    release = Release(
        name=SUM, mechanism=NOISE, sigma=sigma, times=rounds, unit="contribution", epsilon=epsilon, delta=delta
    )
    return Releases(each=(release,), rho=release.rho(rounds))
