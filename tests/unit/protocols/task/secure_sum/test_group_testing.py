"""Who sent garbage, from which sums are out of range alone: the rule that all aggregators follow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.releases.ledger import Trial
from protocols.task.secure_sum.group_testing import MOST_TRIALS, Inquiry, _isolates, coin, mark
from tests.repetitions import repetitions

RUN = bytes(range(32))
DRAWN = [
    "xxxxxxxxxx",
    ".x.x..xxx.",
    "xxx...x..x",
    "xxx.x..x.x",
    "xxx.x...x.",
    "xxxx.x....",
    "..xx..xxxx",
    ".xx..xxxx.",
    "x.x.xx...x",
]


def names_of(n):
    return tuple(f"h{index:02}" for index in range(n))


def held(n, smallest, verdict, *, number=1, without=(), seen=()):
    """Hold an inquiry in which `verdict` says of each group whether its sum is in range."""
    members = tuple(name for name in names_of(n) if name not in without)
    inquiry = Inquiry(members, smallest, coin(RUN, number), seen)
    while (group := inquiry.next()) is not None:
        inquiry.tell(group, fits=verdict(frozenset(group)))
    return inquiry


def rows_of(*inquiries, without=()):
    """Return who is in each opened sum, float64[sums, n], less whose contributions are known."""
    names = sorted({*inquiries[0].members} - {*without})
    return np.array([[name in trial.members for name in names] for each in inquiries for trial in each.trials], float)


def isolated(rows):
    """Return how many contributions a combination of the sums gives; by least squares, unlike the rule."""
    alone = np.eye(rows.shape[1])
    combined = rows.T @ (np.linalg.pinv(rows.T) @ alone)
    return int((np.abs(combined - alone).max(axis=0) < 1e-6).sum())


@pytest.mark.parametrize(("n", "smallest"), [(8, 4), (9, 4), (10, 5), (12, 5), (26, 5), (26, 10)])
def test_one_that_sends_garbage_is_named_and_nobody_is_isolated_even_to_it(n, smallest):
    for number in range(4):
        liar = names_of(n)[(5 * number) % n]
        inquiry = held(n, smallest, lambda group, liar=liar: liar not in group, number=number)
        assert inquiry.culprits == (liar,)
        assert liar not in inquiry.summands
        assert len(inquiry.summands) >= n - 5
        assert min(len(trial.members) for trial in inquiry.trials) >= smallest
        assert len(inquiry.trials) <= 12
        assert isolated(rows_of(inquiry)) == isolated(rows_of(inquiry, without=[liar])) == 0


def test_two_that_send_garbage_are_named_or_nobody_is_and_the_largest_sum_in_range_counts():
    found = []
    for number in range(10):
        liars = {f"h{number:02}", f"h{(number + 9) % 26:02}"}
        inquiry = held(26, 5, lambda group, liars=liars: not liars & group, number=number)
        assert set(inquiry.culprits) in (set(), liars)
        assert not liars & set(inquiry.summands)
        assert isolated(rows_of(inquiry)) == 0
        found.append(bool(inquiry.culprits))
    assert sum(found) >= 7


def test_a_second_one_is_found_in_a_later_round_or_a_sum_without_it_counts():
    found = []
    for number in range(5):
        first, second = f"h{number:02}", f"h{number + 9:02}"
        one = held(26, 5, lambda group, liar=first: liar not in group, number=number)
        seen = [[name for name in trial.members if name != first] for trial in one.trials]
        other = held(
            26, 5, lambda group, liar=second: liar not in group, number=number + 50, without=[first], seen=seen
        )
        assert other.culprits in ((), (second,))
        assert second not in other.summands
        assert len(other.summands) >= 5
        assert isolated(rows_of(one, other, without=[first])) == 0
        found.append(bool(other.culprits))
    assert any(found)


@pytest.mark.parametrize("seed", range(8))
def test_an_aggregator_that_lies_about_every_sum_in_many_rounds_isolates_nobody(seed):
    """It can have anybody named; and it knows by how much it shifts a sum, so all sums are open to it.

    That somebody is away from a later round, as who was named is, the rule cannot help.
    """
    rng, n = np.random.default_rng(seed), 8 + seed
    inquiries, gone, seen = [], [], []
    for number in range(4):
        if n - len(gone) < 5:
            break
        inquiry = held(n, 4, lambda group: bool(rng.integers(2)), number=number, without=gone, seen=seen)
        inquiries.append(inquiry)
        assert isolated(rows_of(inquiry)) == 0
        opened = {tuple(name for name in trial.members if name not in gone) for trial in inquiry.trials}
        if opened - {*seen, inquiry.members}:
            assert isolated(rows_of(*inquiries, without=gone)) == 0
        gone += inquiry.culprits
        seen = sorted({tuple(name for name in group if name not in gone) for group in {*seen, *opened}})


@settings(max_examples=repetitions(12))
@given(st.data(), st.integers(8, 20), st.integers(0, 1000))
def test_one_that_lies_gets_nobody_else_named_however_its_garbage_shows(data, n, number):
    """Garbage may pass in some groups: the liar knows the coin, and aims at it."""
    liar = names_of(n)[number % n]
    inquiry = held(n, 4, lambda group: liar not in group or data.draw(st.booleans()), number=number)
    assert inquiry.culprits in ((), (liar,))
    assert isolated(rows_of(inquiry, without=[liar])) == 0


@pytest.mark.parametrize("seed", range(30))
def test_whom_sums_isolate_where_some_contributions_are_known_is_what_least_squares_find(seed):
    rng, n = np.random.default_rng(seed), 6
    rows = rng.random((int(rng.integers(1, 5)), n)) < rng.choice([0.4, 0.7])
    groups = [frozenset(np.flatnonzero(row).tolist()) for row in rows]
    for known in ((), (2,), (0, 5), (4, 5)):
        left = np.delete(rows.astype(float), known, axis=1)
        held = {frozenset(known)} if known else set()
        assert _isolates(groups, held) == (isolated(left) + isolated(rows.astype(float)) > 0)


def test_the_same_coin_and_sums_draw_the_same_groups_and_another_round_draws_others():
    one, again, other = (held(26, 5, lambda group: "h07" not in group, number=number) for number in (1, 1, 3))
    assert one.trials == again.trials
    assert one.trials[1:] != other.trials[1:]
    assert len({coin(RUN, 1), coin(RUN, 3), coin(bytes(32), 1)}) == 3


def test_groups_are_drawn_as_ever():
    """Aggregators of other versions must draw the same. Source: drawn by this rule when it was written."""
    inquiry = held(10, 5, lambda group: "h03" not in group)
    drawn = ["".join("x" if name in trial.members else "." for name in inquiry.members) for trial in inquiry.trials]
    assert drawn == DRAWN


@pytest.mark.parametrize(("n", "smallest"), [(5, 5), (6, 5), (7, 5)])
def test_among_too_few_nothing_is_opened_that_isolates_one_and_nobody_is_named(n, smallest):
    inquiry = held(n, smallest, lambda group: "h01" not in group)
    assert inquiry.culprits == inquiry.summands == ()
    assert inquiry.trials == [Trial(names_of(n), fits=False)]


def test_an_inquiry_ends_where_no_sum_is_in_range():
    inquiry = held(26, 5, lambda group: False)
    assert inquiry.culprits == inquiry.summands == ()
    assert len(inquiry.trials) <= MOST_TRIALS


def test_the_digest_of_names_tells_them_apart():
    assert len({mark(("a", "b")), mark(("b", "a")), mark(("a",)), mark(("ab",)), mark(())}) == 5
