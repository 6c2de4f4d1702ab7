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
    return torch.device(name)
