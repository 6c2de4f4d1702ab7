"""Combinations of exact sums: whom they tell of, held against a search through all groups of clients."""

import itertools
import string

import numpy as np
import pytest

from protocols.releases import differencing
from protocols.releases.differencing import isolate, spanning


def cohorts(*names):
    return [frozenset(each) for each in names]


def rank(matrix):
    return np.linalg.matrix_rank(matrix) if matrix.size else 0


def tells_of(known, group):
    """Tell whether some combination is 0 outside of a group, and not 0 within: the ranks with and without it say."""
    everybody = sorted(frozenset().union(*known))
    matrix = np.array([[name in each for name in everybody] for each in known], dtype=float)
    outside = matrix[:, [name not in group for name in everybody]]
    return rank(outside) < rank(matrix)


CASES = {
    "two that differ by one": (("abcd", "abc"), 2, "d"),
    "two that differ by two": (("abcd", "ab"), 2, ""),
    "three of which no two differ by few": (("abcdefgh", "abcd", "efg"), 2, "h"),
    "four, with a coefficient of two": (("abcdefgh", "abgh", "abef", "cdegh"), 2, "e"),
    "halves": (("ab", "bc", "ca"), 2, "a"),
    "classes of many": (("abcdefgh", "abcd", "efgh"), 4, ""),
    "one alone": (("abcd",), 2, ""),
    "nobody": ((), 2, ""),
}


@pytest.mark.parametrize("case", CASES)
def test_a_combination_that_tells_of_few_is_found(case):
    names, least, expected = CASES[case]
    found = isolate(cohorts(*names), least=least)
    assert bool(found) == bool(expected)
    assert len(found) < least
    if expected:
        assert tells_of(cohorts(*names), found)


def test_what_is_found_is_what_a_search_through_all_groups_finds():
    draws, verdicts = np.random.default_rng(5), set()
    for _ in range(120):
        n, least = int(draws.integers(3, 9)), int(draws.integers(2, 4))
        clients = string.ascii_lowercase[:n]
        known = [frozenset(np.array([*clients])[draws.random(n) < 0.7].tolist()) for _ in range(draws.integers(2, 5))]
        known = [each for each in known if len(each) >= least]
        groups = (group for size in range(1, least) for group in itertools.combinations(clients, size))
        expected = any(tells_of(known, group) for group in groups) if known else False
        found = isolate(known, least=least)
        assert bool(found) == expected, (known, least)
        assert len(found) < least
        assert not found or tells_of(known, found)
        verdicts.add(expected)
    assert verdicts == {True, False}


def test_where_there_are_too_many_to_look_through_nobody_is_called_safe(monkeypatch):
    known = cohorts("abcd", "cdef", "efab")
    assert not isolate(known, least=2)
    monkeypatch.setattr(differencing, "MOST_WORK", 0)
    assert isolate(cohorts("abcd", "cdef", "efabc"), least=2)


def test_a_search_that_takes_few_steps_is_done_to_its_end():
    """However many steps it takes: ten releases, each over another half of the clients, tell of no four together."""
    draws = np.random.default_rng(1)
    names = np.array([f"client-{place}" for place in range(40)])
    known = [frozenset(names[draws.random(40) < 0.5].tolist()) for _ in range(10)]
    groups = itertools.combinations(sorted(frozenset().union(*known)), 3)
    assert not any(tells_of(known, group) for group in groups)
    assert not isolate(known, least=4)


def test_what_a_search_computes_is_bounded_whatever_clients_came_and_went(monkeypatch):
    draws, work = np.random.default_rng(2), []
    names = np.array([f"client-{place}" for place in range(400)])
    known = [frozenset(names[draws.random(400) < 0.5].tolist()) for _ in range(60)]
    monkeypatch.setattr(differencing, "MOST_WORK", 2**24)
    reduce = differencing._independent
    monkeypatch.setattr(differencing, "_independent", lambda rows: work.append(rows.size * len(rows)) or reduce(rows))
    assert isolate(known, least=20)
    assert sum(work) < 2**25


def test_cohorts_that_others_span_add_nothing_and_are_not_kept():
    draws = np.random.default_rng(3)
    groups = [frozenset(f"client-{3 * place + each}" for each in range(3)) for place in range(6)]
    known = [frozenset().union(*(group for group in groups if draws.random() < 0.7)) for _ in range(50)]
    kept = spanning(known)
    assert len(kept) == 6
    assert kept == list(dict.fromkeys(each for each in known if each in kept))
    for least in (2, 3, 4):
        assert bool(isolate(kept, least=least)) == bool(isolate(known, least=least))
    assert spanning([*kept, frozenset(["client-0"])]) == [*kept, frozenset(["client-0"])]
    assert spanning([]) == spanning([frozenset()]) == []


KNOWN_PRIME = 2**31 - 1
CHOSEN = """
3f865229f 3d2c1bd08 3a3adf47e 3284d5e82 1916df2d1 3c8bb12a5 2596fe4fa 3b7420784 17fecc1ef 17281ee51
2529fbff0 02b110fd4 31728534f 0d65f1506 1e2ea78c8 29e1aaeb6 064df278d 3a55f64f4 005365271 3430ee6c0
012d628e3 299bdb40f 0ece9ab7f 1f067b915 0df0591ce 387ed696c 06bd4d711 21c65bad7 3408e2761 0c4894eb2
3e706461c 120b60cdf 108048b02 120117ee0
"""


@pytest.fixture
def chosen():
    rows = [f"{int(each, 16):034b}" for each in CHOSEN.split()]
    return [frozenset(f"client-{place}" for place, bit in enumerate(row) if bit == "1") for row in rows]


def test_cohorts_that_were_chosen_for_a_known_prime_are_found_all_the_same(chosen):
    """The prime divides the determinant of these 34 releases over 34 clients, which together tell of each of them."""
    assert not isolate(chosen[:-1], least=2)
    assert len(isolate(chosen, least=2)) == 1
    assert len(spanning(chosen)) == len(chosen) == 34


def test_a_process_draws_a_prime_of_its_own_which_products_of_residues_do_not_wrap_by(monkeypatch, chosen):
    for _ in range(20):
        drawn = differencing._draw_prime()
        assert 2**30 < drawn < 2**31
        assert all(pow(base, drawn - 1, drawn) == 1 for base in (2, 3, 5, 7))
    assert len({differencing._draw_prime() for _ in range(5)}) > 1
    monkeypatch.setattr(differencing, "PRIME", KNOWN_PRIME)
    assert not isolate(chosen, least=2)  # as whoever chose them wanted it
