"""How often anybody may call: a bucket for each caller, filled by the clock that the test turns."""

import pytest

from aggregator.wire.callers import Callers
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import ConfigError, NotEnrolled, TooManyCalls


class Context:
    """What TLS says of a caller."""

    def __init__(self, *certificates):
        self._found = list(certificates)

    def auth_context(self):
        return {"x509_pem_cert": self._found} if self._found else {}


@pytest.fixture
def turned(manifest_of):
    """Return callers of a run of three clients, 5 calls a second, its keys, and the clock's time in a list."""
    manifest, keys = pin_keys(manifest_of())
    now = [0.0]
    return Callers([manifest], calls_per_s=5.0, clock=lambda: now[0]), keys, now


def let_in(callers, name, at_most=1_000):
    """Call until it is too often, and return how many calls were let in."""
    for number in range(at_most):
        try:
            callers.count(name)
        except TooManyCalls:
            return number
    return at_most


def test_a_client_has_its_rate_and_a_burst_and_others_are_not_slowed_by_it(turned):
    callers, _, now = turned
    assert let_in(callers, "client-0") == 10
    assert let_in(callers, "client-1") == 10
    now[0] += 1.0
    assert let_in(callers, "client-0") == 5
    now[0] += 1_000.0
    assert let_in(callers, "client-0") == 10


def test_an_aggregator_may_call_for_all_clients(turned):
    callers, _, _ = turned
    assert callers.weight("aggregator-0") == 4
    assert let_in(callers, "aggregator-0") == 40


def test_an_aggregators_name_needs_its_pinned_key(turned):
    callers, keys, _ = turned
    callers.check("aggregator-0", Context(keys.credentials["aggregator-0"].certificate))
    other = keys.authority.issue("aggregator-0").certificate
    for shown in (Context(), Context(other), Context(keys.credentials["aggregator-1"].certificate)):
        with pytest.raises(NotEnrolled, match="not the one that the manifest pins"):
            callers.check("aggregator-0", shown)
    callers.check("client-0", Context())


def test_a_run_that_pins_another_key_for_a_name_lets_nobody_into_the_runs_before(turned, manifest_of):
    callers, keys, _ = turned
    other, others = pin_keys(manifest_of())
    with pytest.raises(ConfigError, match="another key of aggregator-0"):
        callers.add(other)
    with pytest.raises(NotEnrolled, match="not the one that the manifest pins"):
        callers.check("aggregator-0", Context(others.credentials["aggregator-0"].certificate))
    callers.check("aggregator-0", Context(keys.credentials["aggregator-0"].certificate))
