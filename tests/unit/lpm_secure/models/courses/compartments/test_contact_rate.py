"""The law of the contact rate: where an autoregression goes, how far it is from there, and what is learned of it."""

import math

import pytest
import torch
from scipy import stats

from lpm_secure.models.courses.compartments.config import LogNormal
from lpm_secure.models.courses.compartments.contact_rate import Autoregression, RandomWalk, half_normal

FIRST = LogNormal(median=2.0, sd=0.1)
MEAN = LogNormal(median=1.25, sd=0.0)
HALF_LIFE = LogNormal(median=28.0, sd=0.0)
LAW = Autoregression(FIRST, MEAN, HALF_LIFE, scale=0.3, knot_days=14)


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


def test_a_deviation_falls_back_by_half_in_the_half_life() -> None:
    z = torch.zeros(5, dtype=torch.float64)
    path = LAW.log_rate(z, torch.zeros(3, dtype=torch.float64)) - math.log(1.25)
    assert torch.allclose(path, path[0] * 0.5 ** (torch.arange(5, dtype=torch.float64) / 2))


def test_paths_spread_around_the_mean_as_is_learned_however_far_they_go() -> None:
    own = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    path = LAW.log_rate(normal(20_000, 60), own)
    sd = float(LAW.law(own)["reproduction_sd"])
    assert sd == pytest.approx(0.3 * stats.halfnorm.ppf(stats.norm.cdf(1.0)))
    for knot in (30, 59):
        assert float(path[:, knot].mean()) == pytest.approx(math.log(1.25), abs=0.01)
        assert float(path[:, knot].std()) == pytest.approx(sd, rel=0.03)
    together = torch.corrcoef(path[:, [30, 31]].T)[0, 1]
    assert float(together) == pytest.approx(0.5**0.5, abs=0.01)


def test_a_walk_has_steps_of_one_size_and_does_not_return() -> None:
    path = RandomWalk(FIRST, 0.15).log_rate(normal(20_000, 40), torch.zeros(0))
    assert float(path[:, 39].var()) == pytest.approx(0.1**2 + 39 * 0.15**2, rel=0.05)


def test_the_half_normal_has_its_quantiles_and_is_finite_far_out() -> None:
    z = torch.tensor([-2.0, 0.0, 1.5, 6.0], dtype=torch.float64)
    assert half_normal(z).numpy() == pytest.approx(stats.halfnorm.isf(stats.norm.sf(z.numpy())), rel=1e-9)
    assert torch.isfinite(half_normal(torch.tensor([-50.0, 50.0], dtype=torch.float64))).all()
