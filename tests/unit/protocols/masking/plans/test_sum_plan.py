"""What a sum with a dealer demands of each message, and which sums it does not take."""

from fractions import Fraction

import numpy as np
import pytest

from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.secure_sum.parties import NOWHERE, build_noisy_releases, manifest_for
from protocols.errors import ParameterError, WouldWrap
from protocols.masking.plan import check_security, plan_of
from protocols.masking.plans.sum_plan import SumPlan
from protocols.masking.words import residue
from protocols.wire.methods import largest_call_of


def manifest(shape=(2, 3), k=2, **changes):
    given = {"rounds": 2, "min_cohort": 2, "dealer": NOWHERE} | changes
    return manifest_for(("a", "b", "c"), shape, [NOWHERE] * k, **given)


def test_a_round_that_asks_has_no_words_and_one_that_answers_a_vector():
    plan = plan_of(manifest())
    assert isinstance(plan, SumPlan)
    assert [plan.count("a", number) for number in range(4)] == [0, 6, 0, 6]
    assert [plan.announcement_words(number) for number in range(4)] == [6, 0, 6, 0]
    assert [plan.opens(number) for number in range(4)] == [False, True, False, True]
    assert [plan.takes_seeds(number) for number in range(4)] == [True, False, False, False]  # nobody comes back
    assert plan.shape("a", 0).n == 0
    assert plan.shape("a", 1).words == 6
    assert not any(each(1) for each in (plan.compares, plan.suppresses, plan.multiplies))


def test_an_entry_is_checked_above_the_lowest_one_and_its_pad_is_as_it_is():
    plan = plan_of(manifest())
    lowest = 1 << plan.norm.bits - 1
    words = residue(np.array([-lowest, 0, lowest - 1], dtype=np.int64).view(np.uint64))
    assert plan.words_to_check(words, "a", 1).tolist() == [0, lowest, 2 * lowest - 1]
    assert plan.pads_to_check(words, "a", 1).tolist() == words.tolist()


def test_the_norm_that_is_proved_is_that_of_what_a_client_encodes():
    plan, way = plan_of(manifest()), Contribution()
    words = way.encode(np.full((2, 3), 1e9))
    assert sum(int(word) ** 2 for word in words) <= plan.norm.squares
    assert plan.norm.squares == int(Fraction(plan.manifest.reach) ** 2)


def test_a_message_fits_into_a_call_of_the_run():
    given = manifest((10, 100))
    plan = plan_of(given)
    shape = plan.shape("a", 1)
    assert 8 * (1000 + shape.n + shape.numbers + 2 * shape.sent) < largest_call_of(given)


def test_more_than_two_aggregators_and_totals_that_could_wrap_are_refused_in_one_line():
    noise = build_noisy_releases(sigma=2.0**20, rounds=2, epsilon=1.0, delta=1e-6)
    for wrong, kind, said in (
        (manifest(k=3), ParameterError, "3 aggregators"),
        (manifest(contribution=Contribution(2.0**30, 26)), WouldWrap, "use fewer fraction bits"),
        (manifest(contribution=Contribution(1.9 * 2.0**30, 25)), WouldWrap, "fraction bits less"),
        (manifest(releases=noise), WouldWrap, "fraction bits less"),
    ):
        with pytest.raises(kind, match=said) as refused:
            check_security(wrong)
        assert "\n" not in str(refused.value)
        with pytest.raises(kind):
            plan_of(wrong)
    check_security(manifest())
