"""What every descent here shares: a rate that falls along a cosine, and a state that goes into arrays and back."""

import math
from typing import Final

import torch
from torch import nn

from lpm_secure.checkpoint import Arrays

MODULE: Final = "module"
OPTIMISER: Final = "optimiser"


def anneal(done: float, back: float) -> float:
    """Return the share of the learning rate after `done`, 0 to 1, of all rounds: from 1 down to `back`."""
    return back + (1.0 - back) * 0.5 * (1.0 + math.cos(math.pi * done))


def arrays_of(module: nn.Module, optimiser: torch.optim.Optimizer) -> Arrays:
    """Return a module's weights and its optimiser's moments."""
    arrays = {f"{MODULE}.{name}": value.numpy() for name, value in module.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        arrays |= {f"{OPTIMISER}.{index}.{name}": value.numpy() for name, value in state.items()}
    return arrays


def put_back(arrays: Arrays, module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Give a module and its optimiser what `arrays_of` has returned.

    Raises:
        RuntimeError, KeyError, ValueError, TypeError: arrays of another module.
    """
    weights: dict[str, torch.Tensor] = {}
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in arrays.items():
        part, _, name = key.partition(".")
        if part == MODULE:
            weights[name] = torch.from_numpy(value)
        else:
            index, _, moment = name.partition(".")
            moments.setdefault(int(index), {})[moment] = torch.from_numpy(value)
    module.load_state_dict(weights)
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
