"""Budgets: known figures, closed forms, another's accountant, and what does not add up."""

import math

import pytest

from lpm_secure.accounting import ROUNDED, Cost, epsilon_of, gaussian_epsilon, sigma_for, smooth_sigma_for
from protocols.errors import ParameterError

DELTA = 1e-6


@pytest.mark.parametrize(("epsilon", "sigma"), [(1, 4.22), (2, 2.23), (4, 1.19)])
def test_the_sigma_of_one_event_is_the_known_one(epsilon, sigma):
    assert sigma_for(epsilon, DELTA) == pytest.approx(sigma, abs=0.03)
    assert smooth_sigma_for(epsilon, DELTA) == pytest.approx(sigma, abs=0.01)


@pytest.mark.parametrize("epsilon", [0.1, 1, 4, 100])
@pytest.mark.parametrize(("sensitivity", "times"), [(1, 1), (1, 28), (3, 7), (0.5, 1), (0.5, 28)])
def test_the_sigma_found_is_the_smallest_that_keeps_the_budget_and_another_accountant_finds_the_same(
    epsilon, sensitivity, times
):
    sigma = sigma_for(epsilon, DELTA, sensitivity, times=times)
    cost, less = Cost(sigma, sensitivity, times), Cost(sigma - 0.001, sensitivity, times)
    assert cost.delta(epsilon) <= DELTA < less.delta(epsilon)
    if epsilon < 100:  # where the other one takes half a minute
        assert epsilon_of([cost], DELTA) <= epsilon * (1 + ROUNDED)
        assert epsilon_of([less], DELTA) > epsilon * (1 - 1e-9)


@pytest.mark.parametrize(("sigma", "times"), [(0.3, 1), (0.4, 9), (1.5, 20), (6.0, 20)])
def test_the_law_of_several_numbers_is_that_of_all_their_values(sigma, times):
    """Of two numbers every pair of values; of more by another accountant."""
    width = int(12 * sigma) + 1
    pmf = {value: math.exp(-((value / sigma) ** 2) / 2) for value in range(-width - 1, width + 2)}
    whole = sum(pmf.values())
    pairs = [
        (pmf[x - 1] * pmf[y - 1] / whole**2, pmf[x] * pmf[y] / whole**2)
        for x in range(-width, width + 1)
        for y in range(-width, width + 1)
    ]
    for epsilon in (0.5, 2.0, 8.0):
        by_hand = math.fsum(max(p - math.exp(epsilon) * q, 0.0) for p, q in pairs)
        assert Cost(sigma, 1, 2).delta(epsilon) == pytest.approx(by_hand, rel=1e-6, abs=1e-14)
    epsilon = epsilon_of([Cost(sigma, 1, times)], DELTA)
    assert Cost(sigma, 1, times).delta(epsilon) == pytest.approx(DELTA, rel=0.02)


@pytest.mark.parametrize("sigma", [3.0, 10.0, 100.0, 300.0])
def test_wide_noise_costs_what_the_closed_form_says(sigma):
    closed = gaussian_epsilon(sigma, DELTA)
    assert closed <= epsilon_of([Cost(sigma)], DELTA) + 1e-4
    assert epsilon_of([Cost(sigma)], DELTA) == pytest.approx(closed, rel=0.01, abs=2e-4)


@pytest.mark.parametrize("times", [2, 10, 60])
def test_numbers_that_one_unit_changes_add_up_as_squares(times):
    whole = epsilon_of([Cost(8.0, 1, times)], DELTA)
    assert whole == pytest.approx(gaussian_epsilon(8.0 / math.sqrt(times), DELTA), rel=0.01)
    assert whole == pytest.approx(epsilon_of([Cost(8.0)] * times, DELTA), rel=0.002)


def test_an_incidence_costs_the_same_for_any_number_of_steps():
    assert epsilon_of([Cost(4.22)], DELTA) < 1.01
    assert epsilon_of([Cost(4.22, 1, 60)], DELTA) > 9


def test_halved_noise_of_one_aggregator_is_found_in_the_figure():
    halved = sigma_for(4, DELTA) / math.sqrt(2)
    assert gaussian_epsilon(halved, DELTA) == pytest.approx(5.95, abs=0.2)
    assert epsilon_of([Cost(halved)], DELTA) > 5.9


def test_a_fine_lattice_counts_as_the_continuous_law():
    below, above = epsilon_of([Cost(255.9, 60)], DELTA), epsilon_of([Cost(256.1, 60)], DELTA)
    assert above == pytest.approx(below, rel=0.003)


def test_nothing_released_costs_nothing():
    assert epsilon_of([], DELTA) == 0


def test_budgets_that_mean_nothing_are_refused():
    for call in (
        lambda: sigma_for(0, DELTA),
        lambda: sigma_for(float("nan"), DELTA),
        lambda: sigma_for(1.0, 0.0),
        lambda: sigma_for(1.0, 1.5),
        lambda: smooth_sigma_for(1.0, 0.0),
        lambda: epsilon_of([Cost(1.0)], 0),
        lambda: Cost(0.0),
        lambda: Cost(1.0, 1, 0),
    ):
        with pytest.raises(ParameterError):
            call()


def test_a_sigma_of_a_large_sensitivity_is_found_where_the_search_once_met_laws_that_are_none():
    sigma = sigma_for(4.0, 1e-5, 2**16, times=5)
    assert Cost(sigma, 2**16, 5).delta(4.0) <= 1e-5 < Cost(sigma * 0.999, 2**16, 5).delta(4.0)


def test_noise_far_too_narrow_has_no_epsilon_and_ends_no_audit():
    """A manifest, or the ledger of an aggregator that lies, may name any sensitivity."""
    assert epsilon_of([Cost(4.0), Cost(1.0, 2**20)], DELTA) == math.inf
    assert epsilon_of([Cost(1.0, 21, 5)], DELTA) == math.inf
    assert epsilon_of([Cost(300.0, 9000)], DELTA) == math.inf
    assert epsilon_of([Cost(2.0**-31, 0.5)], DELTA) == math.inf
    assert epsilon_of([Cost(1.0, 1, 2**40)], DELTA) == math.inf
