"""What a sum over several clients must not be."""

import pytest

from protocols.errors import ParameterError, WouldWrap
from protocols.releases.query import Release, Releases
from protocols.task.checks import secure_sum


def noise(**changes):
    given = {"sigma": 2.0, "times": 3, "unit": "contribution", "epsilon": 1.0, "delta": 1e-6}
    return Releases(each=(Release(name="sum", mechanism="discrete-gaussian", **given | changes),), rho=10.0)


def test_a_sum_is_over_two_clients_and_of_vectors_that_fit():
    secure_sum.check_summands(min_cohort=2, length=secure_sum.MOST_WORDS)
    with pytest.raises(ParameterError, match="over at least 2 clients"):
        secure_sum.check_summands(min_cohort=1, length=1)
    with pytest.raises(ParameterError, match="are summed, so take fewer"):
        secure_sum.check_summands(min_cohort=2, length=secure_sum.MOST_WORDS + 1)


@pytest.mark.parametrize(
    ("releases", "why"),
    [
        (Releases(each=(Release(name="tally"),)), "releases its sum, and nothing else"),
        (Releases(each=(Release(name="sum"), Release(name="tally"))), "releases its sum, and nothing else"),
        (noise(times=2), "its times to 3 or more"),
        (noise(sensitivity=2), "sensitivity to 1"),
    ],
)
def test_noise_is_of_the_sum_and_of_every_round(releases, why):
    for right in (None, noise(), noise(times=4), Releases(each=(Release(name="sum"),))):
        secure_sum.check_noise(right, rounds=3)
    with pytest.raises(ParameterError, match=why):
        secure_sum.check_noise(releases, rounds=3)


def test_a_dealer_and_active_security_go_together():
    for active in (True, False):
        secure_sum.check_dealer(active=active, dealer=active)
        with pytest.raises(ParameterError, match="name both in the manifest, or neither"):
            secure_sum.check_dealer(active=active, dealer=not active)


def test_a_total_that_could_wrap_with_its_noise_is_refused():
    secure_sum.check_total(clients=2**10, reach=2.0**52, sigma=2.0**40, aggregators=2)
    with pytest.raises(WouldWrap):
        secure_sum.check_total(clients=2**10, reach=2.0**53, sigma=0.0, aggregators=2)
    with pytest.raises(WouldWrap, match="noise"):
        secure_sum.check_total(clients=2, reach=1.0, sigma=2.0**56, aggregators=2)
