"""Where the engine computes."""

import torch

from protocols.errors import ParameterError


def device_of(name: str) -> torch.device:
    """Return the device of that name; `auto` is cuda where there is one, else cpu.

    Raises:
        ParameterError: another name, or cuda where there is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise ParameterError(f"got device {name}; auto, cpu and cuda are allowed")
    if name == "cuda" and not torch.cuda.is_available():
        raise ParameterError("got device cuda, but torch finds none here; use --device cpu")
    if name == "cpu":
        # Clients and aggregators of a testbed share these cores. With 100,000 agents a second thread gains nothing, and
        # waiting for it on a busy core took 200 times as long as the step.
        torch.set_num_threads(1)
    return torch.device(name)
