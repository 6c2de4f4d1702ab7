"""The relaxed S-E-I-R epidemic in venues: every agent in every stage with a probability; differentiable.

The hazard is that of Eq. 8 of Chopra 2025 (arXiv 2507.09901) with probabilities in place of states (a mean field), and
stays are geometric. It is biased against the discrete epidemic, as `lpm_secure` reports for every estimator; it is for
gradients, and no oracle of anything.
"""

import math
from dataclasses import dataclass
from typing import Final, final

import torch
from torch.utils.checkpoint import checkpoint

from lpm_secure.engine.tensors.mix import Mix, Mixer
from lpm_secure.engine.venues import Venues
from protocols.errors import ParameterError

Three = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
SHRINK: Final = 1e-6  # no rate of leaving a stage is closer to 0 or 1


@final
@dataclass(frozen=True, slots=True)
class VenueTheta:
    """Parameters, each a tensor that may ask for a gradient.

    Attributes:
        beta: hazard per setting and step if everybody one mixes with there were infectious, [c].
        leave_exposed, leave_infectious: probability of leaving the stage in a step.
        initial: probability of being infectious at the start.
    """

    beta: torch.Tensor
    leave_exposed: torch.Tensor
    leave_infectious: torch.Tensor
    initial: torch.Tensor


@final
class MeanFieldVenues:
    """n agents as probabilities, on one torch device."""

    def __init__(
        self, venues: Venues, *, device: torch.device, dtype: torch.dtype = torch.float32, threads: int = 1
    ) -> None:
        """Keep who is where.

        Raises:
            ParameterError: a setting mixes by age, which this form does not know.
        """
        if any(setting.mixing is not None for setting in venues.settings):
            raise ParameterError("a setting mixes by age; the relaxed form takes settings in which all mix alike")
        self._mixer = Mixer(venues, device=device, threads=threads)
        share = torch.zeros(venues.first[-1], dtype=dtype)
        for first, setting in zip(venues.first[:-1], venues.settings, strict=True):
            share[first : first + setting.size.size] = 1.0 / torch.from_numpy(setting.size).to(dtype)
        self._share = share.to(device)
        self._n, self._dtype, self._device = venues.n, dtype, device

    def incidence(self, theta: VenueTheta, *, steps: int, keep: int | None = None) -> torch.Tensor:
        """Return the expected new infections of each step, float64[steps].

        Args:
            theta: parameters.
            steps: T.
            keep: states that are kept for the backward pass are so many steps apart, and what lies between is
                computed again; the square root of T where not given, T to compute nothing again.
        """
        length = keep or max(1, math.isqrt(steps))
        ill = theta.initial.to(self._dtype).expand(self._n)
        stages: Three = (1 - ill, torch.zeros_like(ill), ill)
        parts = []
        for begin in range(0, steps, length):
            count = min(length, steps - begin)
            *stages_new, new = checkpoint(
                self._segment, *stages, theta.beta, theta.leave_exposed, theta.leave_infectious, count,
                use_reentrant=False, preserve_rng_state=False,
            )  # fmt: skip
            stages = (stages_new[0], stages_new[1], stages_new[2])
            parts.append(new)
        return torch.cat(parts)

    def _segment(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Move on by some steps; return susceptible, exposed, infectious, and new infections."""
        s, e, i, beta, leave_exposed, leave_infectious, count = given
        weight = self._mixer.weights(beta.to(self._dtype), self._share)
        to_i = leave_exposed.clamp(SHRINK, 1 - SHRINK).to(self._dtype)
        to_r = leave_infectious.clamp(SHRINK, 1 - SHRINK).to(self._dtype)
        seen = []
        for _ in range(int(count)):
            hazard: torch.Tensor = Mix.apply(i, weight, self._mixer)  # type: ignore[no-untyped-call]
            new = -s * torch.expm1(-hazard)
            s = s - new
            i = i - i * to_r + e * to_i
            e = e - e * to_i + new
            seen.append(new.sum(dtype=torch.float64))
        return s, e, i, torch.stack(seen)
