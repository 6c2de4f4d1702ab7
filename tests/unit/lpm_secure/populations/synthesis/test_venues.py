"""Sizes of venues."""

import numpy as np
import pytest

from lpm_secure.populations.synthesis.venues import lognormal_sizes, pareto_sizes


def test_sizes_of_venues_are_heavy_tailed():
    rng = np.random.default_rng(1)
    work = pareto_sizes(rng, 300_000, exponent=1.059, largest=10_000)
    assert work.sum() == 300_000
    assert (work == 1).mean() > 0.4
    assert work.max() > 100 * work.mean()
    school = lognormal_sizes(rng, 300_000, mean=500, sigma=0.6)
    assert school.sum() == 300_000
    assert school.mean() == pytest.approx(500, rel=0.1)
    assert school.max() > 2.5 * school.mean()
