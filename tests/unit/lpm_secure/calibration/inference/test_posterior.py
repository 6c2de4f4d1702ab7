"""The posterior's density is that of its draws."""

import torch

from lpm_secure.calibration.inference.posterior import Posterior


def test_log_density_is_that_of_the_draws() -> None:
    posterior = Posterior(4, seed=1)
    with torch.no_grad():
        for parameter in posterior.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)), alpha=0.05)
    normal = torch.randn(600, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    z, log_density = posterior.draw(normal)
    assert torch.allclose(posterior.log_density(z), log_density, rtol=0, atol=1e-7)  # near 0 no ratio is small


def test_a_posterior_that_begins_at_draws_has_their_mean_and_covariance() -> None:
    generator = torch.Generator().manual_seed(4)
    scale = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.3, 0.0], [0.0, 0.2, 2.0]], dtype=torch.float64)
    draws = torch.randn(4000, 3, generator=generator, dtype=torch.float64) @ scale.T + 1.5
    posterior = Posterior(3, seed=1)
    posterior.begin_at(draws)
    with torch.no_grad():
        found = posterior.draw(torch.randn(4000, 3, generator=generator, dtype=torch.float64))[0]
    assert torch.allclose(found.mean(dim=0), draws.mean(dim=0), atol=0.15)
    assert torch.allclose(torch.cov(found.T), torch.cov(draws.T), atol=0.25)
