"""The random walk of a logarithm."""

import numpy as np
import pytest
from scipy import special

from lpm_secure.evaluation.baselines import BASELINES
from lpm_secure.evaluation.scores.quantiles import LEVELS

VALUES = np.array([10.0, 12.0, 15.0, 13.0, 18.0, 20.0])
NOTHING = np.zeros(0)


def test_persistence_has_the_quantiles_of_its_walk():
    step = np.sqrt(np.mean(np.diff(np.log(VALUES + 1.0)) ** 2))
    found = BASELINES["persistence"].quantiles(VALUES, NOTHING, 4)
    assert found[3] == pytest.approx(21.0 * np.exp(2.0 * step * special.ndtri(LEVELS)) - 1.0)
