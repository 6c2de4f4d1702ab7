"""The probability of an escape, in floats that every machine has."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from protocols.models.escape import escape


@given(st.floats(0, 60))
def test_the_probability_of_an_infection_is_exact(hazard):
    assert float(escape(np.array([hazard]))[0]) == pytest.approx(-math.expm1(-hazard), rel=3e-15, abs=1e-300)


def test_torch_computes_the_same_bits():
    hazard = np.random.default_rng(3).exponential(size=10_001)
    assert escape(torch.from_numpy(hazard)).numpy().tobytes() == escape(hazard).tobytes()
