"""What agents hear from each other through venues, as one differentiable operator: compiled on CPU, torch on CUDA."""

from typing import Any, Final, final

import numpy as np
import torch

from lpm_secure.engine.kernels.jit import compiled
from lpm_secure.engine.kernels.workers import Span, Workers
from lpm_secure.engine.venues import Venues

BLOCK: Final = 2**22  # agents that torch handles at once, which bounds its temporary memory


@compiled
def _gather(span: Span, venue: Any, member: Any, out: Any) -> None:
    for i in range(span[0], span[1]):
        x = venue[member[i, 0]]
        for channel in range(1, member.shape[1]):
            x += venue[member[i, channel]]
        out[i] = x


@compiled
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
