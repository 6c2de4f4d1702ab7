"""Gradients of the relaxed epidemic."""

import numpy as np
import pytest
import torch

from lpm_secure.engine.venues.channels import Setting, Venues
from protocols.errors import ParameterError
from tests.benchmarks.mean_field_venues import MeanFieldVenues, VenueTheta

CPU = torch.device("cpu")
START = [0.4, 0.3, 0.5, 0.25, 0.02]


def venues(n=300):
    """Return homes, and workplaces that some have."""
    generator = np.random.default_rng(2)
    work = generator.integers(-1, 12, size=n).astype(np.int32)
    homes = Setting("home", np.arange(n, dtype=np.int32) // 3, np.full(-(-n // 3), 2))
    return Venues.of([homes, Setting("work", work, np.full(12, 24))])


def theta_of(values):
    """Return parameters from five numbers."""
    return VenueTheta(values[:2], values[2], values[3], values[4])


def loss_of(values, *, keep=None, threads=1):
    """Return a smooth function of the incidence."""
    model = MeanFieldVenues(venues(), device=CPU, dtype=torch.float64, threads=threads)
    incidence = model.incidence(theta_of(values), steps=10, keep=keep)
    return (incidence * torch.arange(1, 11)).sum() / 10


def gradient(**options):
    values = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    loss_of(values, **options).backward()
    return values.grad.numpy()


def test_gradients_are_those_of_finite_differences():
    step, differences = 1e-6, []
    for k in range(5):
        ends = []
        for sign in (1, -1):
            values = torch.tensor(START, dtype=torch.float64)
            values[k] += sign * step
            ends.append(loss_of(values).item())
        differences.append((ends[0] - ends[1]) / (2 * step))
    np.testing.assert_allclose(gradient(), differences, rtol=1e-6)


@pytest.mark.parametrize("options", [{"keep": 1}, {"keep": 4}, {"threads": 2}])
def test_recomputation_and_threads_do_not_change_the_gradient(options):
    np.testing.assert_allclose(gradient(**options), gradient(keep=10), rtol=1e-12)


def test_probabilities_stay_between_nobody_and_everybody():
    model = MeanFieldVenues(venues(), device=CPU)
    new = model.incidence(theta_of(torch.tensor(START)), steps=200)
    assert (new >= 0).all()
    assert new.sum() < 300


def test_mixing_by_age_is_refused():
    setting = Setting("ward", np.zeros(4, dtype=np.int32), np.ones(2, dtype=np.int64), np.ones((2, 2), dtype=np.int64))
    with pytest.raises(ParameterError, match="mixes by age"):
        MeanFieldVenues(Venues.of([setting]), device=CPU)
