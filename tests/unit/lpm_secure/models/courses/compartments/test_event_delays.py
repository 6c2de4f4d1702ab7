"""Delays by whole days: what comes, what is there, and its derivative."""

import torch

from lpm_secure.models.courses.compartments.event_delays import EventDelays, convolve, toeplitz

DELAYS = EventDelays(mean=9.0, longest=120)


def test_the_event_comes_once_after_its_mean():
    event = DELAYS.event(torch.zeros(2, dtype=torch.float64))
    assert event.shape == (2, 120)
    assert torch.allclose(event.sum(dim=-1), torch.ones(2, dtype=torch.float64), atol=1e-8)
    days = torch.arange(120, dtype=torch.float64)
    assert 9.0 < (event * days).sum(dim=-1)[0] < 10.0  # whole days, rounded up
    assert event[0, 0] == 0


def test_presence_adds_up_to_the_stay_and_has_the_derivative_of_differences():
    stay = torch.tensor([4.0, 12.0], dtype=torch.float64)
    present = EventDelays(mean=9.0, longest=400).presence(stay).sum(dim=-1)
    assert torch.allclose(present, stay, atol=0.6)  # days that have begun count whole
    step = 1e-5
    up, down = (DELAYS.presence(stay + s * step) for s in (1, -1))
    assert torch.allclose(DELAYS.presence_by_stay(stay), (up - down) / (2 * step), atol=1e-8)


def test_a_convolution_is_a_product_with_the_toeplitz_matrix():
    generator = torch.Generator().manual_seed(1)
    daily, kernel = (torch.rand(shape, dtype=torch.float64, generator=generator) for shape in ((6, 2), (4,)))
    assert torch.allclose(convolve(daily, kernel), toeplitz(kernel, 6) @ daily)
