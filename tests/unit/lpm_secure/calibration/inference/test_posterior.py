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
