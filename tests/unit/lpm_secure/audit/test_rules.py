"""Which rounds a ledger may have, and in which order."""

from types import SimpleNamespace

import pytest

from lpm_secure.audit.rules import in_order


@pytest.mark.parametrize("numbers", [(), (0, 1, 2, 3), (1, 3, 5)], ids=["none", "all", "sums alone"])
def test_rounds_of_a_run_of_sums_are_all_or_those_in_which_sums_are_opened(numbers):
    assert in_order(SimpleNamespace(calibration=object()), numbers)


@pytest.mark.parametrize("numbers", [(0, 2), (1, 2), (1, 3, 4), (3, 5), (1, 5), (2, 1)])
def test_rounds_that_are_missing_or_repeated_are_out_of_order(numbers):
    assert not in_order(SimpleNamespace(calibration=object()), numbers)


def test_a_simulation_has_all_rounds():
    assert in_order(SimpleNamespace(calibration=None), (0, 1, 2))
    assert not in_order(SimpleNamespace(calibration=None), (1, 3))
