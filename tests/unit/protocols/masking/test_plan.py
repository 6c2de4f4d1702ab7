"""What a masked run demands of each message, and which runs it refuses in one line."""

import numpy as np
import pytest

from protocols.errors import ParameterError, WouldWrap
from protocols.masking.plan import MaskingPlan
from protocols.masking.words import residue
from protocols.releases.query import Release, Releases
from protocols.task.rounds import Phase


@pytest.fixture
def manifest(manifest_of):
    return lambda **changes: manifest_of(mode="outcome", cells=changes.pop("cells", (10, 10)), **changes)


def test_what_is_checked_of_words_is_what_is_checked_of_masked_words_less_that_of_pads(manifest):
    plan, rng = MaskingPlan(manifest()), np.random.default_rng(1)
    for number in range(4):
        for name in plan.names:
            x, pads = rng.integers(0, 2**58, (2, plan.count(name, number)), dtype=np.uint64)
            checked = plan.words_to_check(residue(x + pads), name, number)
            np.testing.assert_array_equal(
                residue(checked - plan.pads_to_check(pads, name, number)), plan.words_to_check(x, name, number)
            )
            assert checked.size == plan.shape(name, number).n


@pytest.mark.parametrize("steps", [1, 2, 64])
def test_a_difference_has_the_bits_that_levels_and_thresholds_reach_over_the_whole_run(manifest, steps):
    plan = MaskingPlan(manifest(steps=steps))
    spoken, own, tau = (int(plan.shape("client-0", number).bits.max()) for number in (1, 2, 0))
    assert 2**plan.difference_bits > steps * (2**spoken + 2**own) + 2**tau
    assert plan.offset_masks.tolist() == [[2 ** (plan.difference_bits + 1) - 1]]


def test_own_levels_are_told_as_the_growth_of_one_step(manifest):
    plan = MaskingPlan(manifest(steps=64))
    one = MaskingPlan(manifest(steps=1))
    number = plan.manifest.schedule.number(1, Phase.DECIDE)
    first = one.manifest.schedule.number(0, Phase.DECIDE)
    assert plan.shape("client-0", number).width == one.shape("client-0", first).width


@pytest.mark.parametrize(
    ("changes", "need"),
    [
        ({"k": 3}, "3 aggregators"),
        ({"validity": "off"}, "validity"),
    ],
)
def test_a_run_that_needs_more_is_refused_in_one_line_that_says_what(manifest_of, changes, need):
    given = {"mode": "outcome"} | changes
    with pytest.raises(ParameterError, match=need) as error:
        MaskingPlan(manifest_of(**given))
    assert "\n" not in str(error.value)
    assert "the CrypTen backend takes it" in str(error.value)


def test_a_run_without_a_dealer_is_refused(manifest_of):
    with pytest.raises(ParameterError, match="the run has no dealer"):
        MaskingPlan(manifest_of(mode="sum"))


def test_in_sum_mode_clients_are_told_an_exact_number_of_each_channel_in_every_round_and_nothing_is_compared(
    manifest_of, seir
):
    plan = MaskingPlan(manifest_of(mode="sum", security="active", steps=3))
    assert [plan.reveals(number) for number in range(4)] == [(False,)] * 4
    assert not any(plan.compares(number) for number in range(4))
    assert all(plan.opens(number) for number in range(4))
    assert plan.bits == plan.outcomes == ()
    small = {"model": seir(beta=(1,), f=1), "steps": 1}
    assert MaskingPlan(manifest_of(mode="sum", security="active", **small, max_message=2**53))
    with pytest.raises(WouldWrap, match="an exposure could need 59 bits"):
        MaskingPlan(manifest_of(mode="sum", security="active", **small, max_message=2**55))


def test_a_level_that_lying_clients_could_bring_round_the_words_of_an_honest_one_is_refused_in_sum_mode(
    manifest_of, seir
):
    """People at most would stay within 2**63; a range ends at the next power of two."""
    given = {"mode": "sum", "security": "active", "model": seir(beta=(1,), f=1), "max_message": 2**52}
    fits, wraps = (manifest_of(steps=steps, **given) for steps in (200, 300))
    assert MaskingPlan(fits)
    assert wraps.level_bound < 2**63
    with pytest.raises(WouldWrap, match=r"a total could reach 2\*\*63"):
        MaskingPlan(wraps)


def test_outcomes_reveal_in_decisions_alone(manifest_of):
    plan = MaskingPlan(manifest_of(mode="outcome", steps=1))
    assert [plan.reveals(number) for number in range(4)] == [(), (), (True,), ()]


def test_levels_that_begin_anew_take_a_product_in_decisions(manifest_of, seir):
    plan = MaskingPlan(manifest_of(mode="outcome", steps=2, model=seir(waning=(2**31, 2**31))))
    assert plan.products == ((0, "anew", 0),)
    assert [plan.multiplies(number) for number in range(5)] == [False, False, True, False, True]
    assert not any(MaskingPlan(manifest_of(mode="outcome", steps=2)).multiplies(number) for number in range(5))


def test_a_level_that_lying_clients_could_bring_to_2_to_the_57_is_refused(manifest, seir):
    """A liar that stays in its range in each step must not bring the sum round the ring in the whole run."""
    model = seir(beta=(2**38,), f=40)
    assert MaskingPlan(manifest(model=model, steps=64, max_message=100))
    with pytest.raises(WouldWrap, match=r"level of .* fraction bits"):
        MaskingPlan(manifest(model=model, steps=4096, max_message=100))


def test_a_tally_that_the_manifest_does_not_name_stays_closed(manifest):
    releases = Releases(each=(Release(name="cells"),))
    plan = MaskingPlan(manifest(releases=releases))
    assert plan.release_mask().tolist() == [1, 1, 0, 0, 0, 0]
    assert MaskingPlan(manifest()).release_mask().all()
