"""A secure sum: that it is over several clients, that its noise fits its rounds, and that no total wraps."""

from typing import Final

from protocols.arithmetic.fixed_point import prove_no_wrap
from protocols.errors import ParameterError
from protocols.releases.query import SUM, Releases

MOST_WORDS: Final = 2**27  # of a vector: 1 GiB
TAIL: Final = 2**6  # no sample of the noise is further out than so many sigmas


def check_summands(*, min_cohort: int, length: int) -> None:
    """Refuse a sum over one client, and vectors that are too long.

    Raises:
        ParameterError: it is one.
    """
    if length > MOST_WORDS:
        raise ParameterError(f"got vectors of {length} numbers; at most {MOST_WORDS} are summed, so take fewer")
    if min_cohort < 2:
        raise ParameterError(f"got min_cohort {min_cohort}: vectors are summed over at least 2 clients; set it higher")


def check_noise(releases: Releases | None, *, rounds: int) -> None:
    """Refuse other releases than the sum, and noise for fewer sums than are opened.

    Raises:
        ParameterError: there are other releases, or too little noise.
    """
    if releases is None:
        return
    release = releases.of(SUM)
    if release is None or len(releases.each) != 1:
        raise ParameterError("a secure sum releases its sum, and nothing else")
    if release.sigma and (release.sensitivity != 1 or release.times < rounds):
        raise ParameterError(
            "the sigma of sum counts in norm bounds, and a sum is opened in each round at least: set its "
            f"sensitivity to 1, and its times to {rounds} or more"
        )


def check_dealer(*, active: bool, dealer: bool) -> None:
    """Refuse a dealer that would do nothing, and active security without one.

    Raises:
        ParameterError: one is without the other.
    """
    if active != dealer:
        raise ParameterError(
            'a secure sum has a dealer where its security is "active", and else none; name both in the manifest, or '
            "neither"
        )


def check_total(*, clients: int, reach: float, sigma: float, aggregators: int) -> None:
    """Refuse sums that could wrap.

    Args:
        reach: the largest norm of one client's vector in fixed point.
        sigma: of one aggregator's noise in a word.

    Raises:
        WouldWrap: a total could reach 2**63.
    """
    noise = int(TAIL * aggregators * sigma)
    prove_no_wrap({"the vectors": clients * int(reach + 1), "their noise": noise})
