"""The relaxed S-E-I-R epidemic in venues: every agent in every stage with a probability; differentiable.

The hazard is that of Eq. 8 of Chopra 2025 (arXiv 2507.09901) with probabilities in place of states (a mean field), and
stays are geometric. It is biased against the discrete epidemic, as `lpm_secure` reports for every estimator; it is for
gradients, and no oracle of anything. No command runs it: it is here for the benchmark of a backward pass over a city.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from lpm_secure.engine.kernels.workers import Span, Workers
from lpm_secure.engine.venues.channels import Venues
from protocols.arithmetic.jit import compile_kernel
from protocols.errors import ParameterError

Three = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
SHRINK: Final = 1e-6  # no rate of leaving a stage is closer to 0 or 1
BLOCK: Final = 2**22  # agents that torch handles at once, which bounds its temporary memory


@compile_kernel
def _gather(span: Span, venue: Any, member: Any, out: Any) -> None:
    for i in range(span[0], span[1]):
        x = venue[member[i, 0]]
        for channel in range(1, member.shape[1]):
            x += venue[member[i, channel]]
        out[i] = x


@compile_kernel
def _scatter(span: Span, value: Any, member: Any, total: Any) -> None:
    for i in range(span[0], span[1]):
        for channel in range(member.shape[1]):
            total[member[i, channel]] += value[i]


@final
class Mixer:
    """Sums over the members of every venue, and back; for one device.

    Security: in the clear; for synthetic agents.
    """

    def __init__(self, venues: Venues, *, device: torch.device, threads: int = 1) -> None:
        """Keep who is where."""
        self._member = venues.member
        self._places = torch.from_numpy(venues.member).to(device)
        self._workers = Workers(venues.n, threads)
        self.venues, self.agents, self._device = venues.first[-1], venues.n, device
        self._first = venues.first

    def scatter(self, value: torch.Tensor) -> torch.Tensor:
        """Return what is said in every venue, [venues], from what each agent says, [n]."""
        if self._device.type != "cpu":
            total = torch.zeros(self.venues, dtype=value.dtype, device=value.device)
            for block in range(0, self.agents, BLOCK):
                for channel in range(self._places.shape[1]):
                    total.index_add_(0, self._places[block : block + BLOCK, channel], value[block : block + BLOCK])
            return total
        parts = np.zeros((len(self._workers), self.venues), dtype=_kind(value))
        said, member = value.detach().contiguous().numpy(), self._member
        self._workers.each(lambda thread, span: _scatter(span, said, member, parts[thread]))
        return torch.from_numpy(parts.sum(axis=0) if len(parts) > 1 else parts[0])

    def gather(self, venue: torch.Tensor) -> torch.Tensor:
        """Return the sum over each agent's venues, [n], of a number for each venue, [venues]."""
        if self._device.type != "cpu":
            total = venue[self._places[:, 0]]
            for channel in range(1, self._places.shape[1]):
                total += venue[self._places[:, channel]]
            return total
        out = np.empty(self.agents, dtype=_kind(venue))
        heard, member = venue.detach().contiguous().numpy(), self._member
        self._workers.each(lambda _, span: _gather(span, heard, member, out))
        return torch.from_numpy(out)

    def weights(self, beta: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        """Return the weight of each venue: its setting's beta times its share, 1 / size, or 0 for nobody's venue."""
        sizes = torch.diff(torch.tensor(self._first, device=beta.device))
        return torch.repeat_interleave(beta, sizes) * share


@final
class Mix(torch.autograd.Function):
    """`X_i = sum over i's venues v of w_v * (sum of y over members of v)`.

    The operator is symmetric in agents, so its adjoint is itself: the backward pass of such a sum is such a sum.
    """

    @staticmethod
    def forward(ctx: Any, said: torch.Tensor, weight: torch.Tensor, mixer: Mixer) -> torch.Tensor:
        """Return what each agent hears, [n]."""
        total = mixer.scatter(said)
        ctx.save_for_backward(weight, total)
        ctx.mixer = mixer
        return mixer.gather(total * weight)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        """Return the adjoints of what was said and of the weights."""
        weight, total = ctx.saved_tensors
        told = ctx.mixer.scatter(grads[0])
        return ctx.mixer.gather(told * weight), told * total, None


def _kind(tensor: torch.Tensor) -> Any:
    return np.float64 if tensor.dtype == torch.float64 else np.float32


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
