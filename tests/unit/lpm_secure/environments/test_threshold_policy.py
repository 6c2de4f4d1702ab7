"""A measure is taken above one total and lifted below another, and stays as it is between them."""

import pytest

from lpm_secure.environments.threshold_policy import ThresholdPolicy
from protocols.errors import ModelError


class Totals:
    def __init__(self, ill):
        self._ill = ill

    def total(self, name):
        assert name == "ILL"
        return self._ill


def test_what_lies_between_the_two_totals_leaves_it_as_it_is():
    policy, value, seen = ThresholdPolicy("closure", "ILL", above=10, below=5, on=3), 0, []
    assert policy.step({"closure": 9}, [], 0) == {"closure": 0}
    for ill in (0, 7, 9, 10, 7, 6, 5, 9):
        value = policy.step({"closure": value}, [Totals(99), Totals(ill)], 1)["closure"]
        seen.append(value)
    assert seen == [0, 0, 0, 3, 3, 3, 0, 0]


def test_totals_in_the_wrong_order_are_refused():
    with pytest.raises(ModelError, match="above is 5 and below 5"):
        ThresholdPolicy("closure", "ILL", above=5, below=5)
