"""Defaults: a cascade by hand, cascades of drawn balance sheets to their fixed points, and a ring that must fall."""

import random
from fractions import Fraction

import pytest

from lpm_secure.models.library.banks import BITS, Banks

# Who owes whom: 0 fails first. 1 and 2 are its creditors; 3 is exposed to both, and stands until both have failed.
OWED = [(0, 1, 10), (0, 2, 5), (1, 2, 6), (1, 3, 4), (2, 3, 7), (3, 4, 20), (4, 0, 50)]
BUFFERS = [1, 10, 11, 11, 21]


def test_a_small_cascade_goes_as_it_does_by_hand(world_of, series_of):
    world = world_of(Banks, 5, OWED, columns={"buffer": BUFFERS}, known={"state": [1, 0, 0, 0, 0]})
    assert series_of(world, "state", 4) == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],  # 1 loses 10 of 10; 2 loses 5 of 11
        [1, 1, 1, 0, 0],  # 2 loses 5 + 6 of 11; 3 loses 4 of 11
        [1, 1, 1, 1, 0],  # 3 loses 4 + 7 of 11
        [1, 1, 1, 1, 0],  # 4 loses 20 of 21: here it ends
    ]


def test_recovery_halts_what_a_total_loss_would_not(world_of, series_of):
    half = world_of(Banks, 5, OWED, columns={"buffer": BUFFERS}, known={"state": [1, 0, 0, 0, 0]}, loss_rate=2**15)
    assert series_of(half, "state", 4)[-1] == [1, 0, 0, 0, 0]


def cascade(buffers, failed, owed, rate):
    """Yield which banks have failed, by the law, on dictionaries of debts and in fractions."""
    debts = {}
    for debtor, creditor, amount in owed:
        debts.setdefault(creditor, []).append((debtor, amount))
    while True:
        yield sorted(failed)
        lost = {bank: sum(rate * amount for debtor, amount in owes if debtor in failed) for bank, owes in debts.items()}
        failed = failed | {bank for bank, loss in lost.items() if loss >= buffers[bank]}


@pytest.mark.parametrize("seed", range(5))
def test_drawn_balance_sheets_fail_as_they_do_in_fractions(seed, world_of, series_of):
    draw, n = random.Random(seed), 80
    owed = [(*draw.sample(range(n), 2), draw.randint(1, 20)) for _ in range(4 * n)]
    buffers, first = [draw.randint(1, 30) for _ in range(n)], set(draw.sample(range(n), 6))
    rate = Fraction(draw.randint(2**15, 2**16), 2**BITS)
    state = [int(bank in first) for bank in range(n)]
    world = world_of(Banks, n, owed, columns={"buffer": buffers}, known={"state": state}, loss_rate=int(rate * 2**BITS))
    series = series_of(world, "state", 20)
    law = cascade(buffers, first, owed, rate)
    assert [[bank for bank in range(n) if each[bank]] for each in series] == [next(law) for _ in series]
    assert 6 < sum(series[-1]) < n


def test_in_a_ring_the_cascade_stops_at_the_first_bank_with_capital_enough(world_of, series_of):
    n, strong = 30, 17
    ring = [(bank, (bank + 1) % n, 8) for bank in range(n)]
    buffers = [9 if bank == strong else 8 for bank in range(n)]
    world = world_of(Banks, n, ring, columns={"buffer": buffers}, known={"state": [1] + [0] * (n - 1)})
    assert [sum(each) for each in series_of(world, "state", n)] == [min(1 + step, strong) for step in range(n + 1)]
