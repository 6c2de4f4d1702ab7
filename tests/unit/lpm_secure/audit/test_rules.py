"""Which rounds a ledger may have, and in which order."""

import pytest

from lpm_secure.audit.rules import in_order
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for

SUMS = manifest_for(("a", "b"), (2,), [NOWHERE] * 2, rounds=3, min_cohort=2)


@pytest.mark.parametrize("numbers", [(), (0, 1, 2, 3), (1, 3, 5)], ids=["none", "all", "sums alone"])
def test_rounds_of_a_run_of_sums_are_all_or_those_in_which_sums_are_opened(numbers):
    assert in_order(SUMS, numbers)


@pytest.mark.parametrize("numbers", [(0, 2), (1, 2), (1, 3, 4), (3, 5), (1, 5), (2, 1)])
def test_rounds_that_are_missing_or_repeated_are_out_of_order(numbers):
    assert not in_order(SUMS, numbers)


def test_a_simulation_has_all_rounds(manifest_of):
    assert in_order(manifest_of(), (0, 1, 2))
    assert not in_order(manifest_of(), (1, 3))
