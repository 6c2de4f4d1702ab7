"""Households that look alike, without a table."""

import numpy as np

from lpm_secure.populations.synthesis import look_alike


def test_a_look_alike_has_no_household_of_children_only_and_repeats_itself(tmp_path):
    made, again = (look_alike.build(tmp_path / name, agents=3_000, seed=4) for name in "ab")
    assert made.card.sha256 == again.card.sha256
    age, household = made.column("age"), made.column("household")
    grown = np.zeros(made.venues("household"), dtype=bool)
    grown[household[age >= 18]] = True
    assert grown.all()
    assert 0.3 < (made.column("workplace") >= 0).mean() < 0.7
    assert (made.column("school")[(age < 5) | (age >= 18)] == -1).all()
