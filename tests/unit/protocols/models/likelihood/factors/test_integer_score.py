"""Scores as integers, within the error that is stated."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.models.likelihood.factors.integer_score import HAZARD_BITS, UNIT, coarse, terms


@given(st.floats(0, 4))
def test_an_infection_scores_within_the_stated_error(hazard):
    z = round(hazard * 2**HAZARD_BITS)
    x = z / 2**HAZARD_BITS
    exact = x / math.expm1(x) if x else 1.0
    score = int(terms(np.array([z]), np.array([0]), np.array([1]))[0]) / UNIT
    assert abs(score - exact) <= x**4 / 720 + 1e-12


@given(st.floats(0, 30))
def test_an_escape_scores_its_hazard_exactly(hazard):
    z = round(hazard * 2**HAZARD_BITS)
    assert int(terms(np.array([z]), np.array([1]), np.array([0]))[0]) / UNIT == -z / 2**HAZARD_BITS


def test_hazards_are_rounded_to_the_nearest():
    assert coarse(np.array([2**26 - 1, 2**25, 2**25 - 1, 0]), 40).tolist() == [1, 1, 0, 0]
    assert coarse(np.array([3]), 10).tolist() == [48]
