"""The posterior over z: a normalising flow that starts as a Gaussian with a full covariance."""

from typing import Final, final

import torch
import zuko
from torch import nn

LAYERS: Final = 3
HIDDEN: Final = (32, 32)
NARROWEST: Final = 1e-8  # variance, where draws do not differ
BEGIN_SD: Final = 0.3  # narrower than the prior, so that the first epidemics are not absurd


@final
class Posterior(nn.Module):
    """`z = mean + L u`, where u comes from coupling layers; float64.

    Source: Chopra 2025 (arXiv 2507.09901), section 5.1, for a flow as posterior.
    """

    def __init__(self, p: int, *, seed: int, context: int = 0) -> None:
        """Begin near the prior.

        Args:
            p: length of z, at least 2.
            seed: of the initial weights.
            context: length of what the posterior is conditioned on; 0 for none.
        """
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            flow = zuko.flows.MAF(p, context, transforms=LAYERS, passes=2, hidden_features=HIDDEN).double()
            self.flow = flow
            self.shift = nn.Linear(context, p).double() if context else None
        for layer in self.flow.transform.transforms:
            last = [part for part in layer.modules() if isinstance(part, nn.Linear)][-1]
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.mean = nn.Parameter(torch.zeros(p, dtype=torch.float64))
        self.log_diagonal = nn.Parameter(torch.full((p,), BEGIN_SD, dtype=torch.float64).log())
        self.below = nn.Parameter(torch.zeros(p, p, dtype=torch.float64))

    def begin_at(self, draws: torch.Tensor) -> None:
        """Begin at the Gaussian of mean and covariance of draws, float64[S, p], S well above p."""
        centred = draws - draws.mean(dim=0)
        covariance = centred.T @ centred / (draws.shape[0] - 1) + NARROWEST * torch.eye(draws.shape[1]).to(draws)
        lower = torch.linalg.cholesky(covariance)
        with torch.no_grad():
            self.mean.copy_(draws.mean(dim=0))
            self.below.copy_(torch.tril(lower, -1))
            self.log_diagonal.copy_(torch.diagonal(lower).log())

    def _matrix(self) -> torch.Tensor:
        return torch.tril(self.below, -1) + torch.diag(self.log_diagonal.exp())

    def _centre(self, context: torch.Tensor | None) -> torch.Tensor:
        return self.mean if context is None or self.shift is None else self.mean + self.shift(context)

    def draw(self, noise: torch.Tensor, context: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return z, float64[S, p], from standard normal noise of that shape, and its log density, float64[S]."""
        flow = self.flow(context)
        u, log_determinant = flow.transform.inv.call_and_ladj(noise)
        z = self._centre(context) + u @ self._matrix().T
        base = -0.5 * (noise**2).sum(-1) - 0.5 * noise.shape[-1] * torch.log(torch.tensor(2.0 * torch.pi))
        return z, base - log_determinant - self.log_diagonal.sum()

    def log_density(self, z: torch.Tensor, context: torch.Tensor | None = None) -> torch.Tensor:
        """Return the log density of z, float64[...]."""
        u = torch.linalg.solve_triangular(self._matrix(), (z - self._centre(context))[..., None], upper=False)[..., 0]
        density: torch.Tensor = self.flow(context).log_prob(u) - self.log_diagonal.sum()
        return density
