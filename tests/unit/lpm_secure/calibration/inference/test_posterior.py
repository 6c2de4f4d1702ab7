"""The posterior's density is that of its draws."""

import torch

from lpm_secure.calibration.inference.posterior import Posterior


def test_log_density_is_that_of_the_draws() -> None:
    posterior = Posterior(4, seed=1)
    with torch.no_grad():
        for parameter in posterior.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)), alpha=0.05)
    z, log_density = posterior.draw(torch.randn(6, 4, dtype=torch.float64))
    assert torch.allclose(posterior.log_density(z), log_density)
