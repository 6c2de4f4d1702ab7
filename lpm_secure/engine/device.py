"""Where the engine computes."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, final

from protocols.errors import ParameterError

ACCELERATORS: Final = ("nvidia*", "nvhost*", "dxg", "kfd")  # in /dev, of a Linux on which torch may find one


class Device(Protocol):
    """What computes; a `torch.device` is one."""

    @property
    def type(self) -> str:
        """Return cpu or cuda."""


@final
@dataclass(frozen=True, slots=True)
class Processor:
    """The CPU: a run on it needs no torch, which takes a second and 200 MiB to load."""

    type: str = "cpu"


def device_of(name: str) -> Device:
    """Return the device of that name; `auto` is cuda where there is one, else cpu.

    Raises:
        ParameterError: another name, or cuda where there is none.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ParameterError(f"got device {name}; auto, cpu and cuda are allowed")
    if name == "cuda" or (name == "auto" and _may_have_cuda()):
        import torch  # noqa: PLC0415 - runs on the CPU do without

        if torch.cuda.is_available():
            return torch.device("cuda")
        if name == "cuda":
            raise ParameterError("got device cuda, but torch finds none here; use --device cpu")
    if (loaded := sys.modules.get("torch")) is not None:
        # Clients and aggregators of a testbed share these cores. With 100,000 agents a second thread gains nothing, and
        # waiting for it on a busy core took 200 times as long as the step.
        loaded.set_num_threads(1)
    return Processor()


def _may_have_cuda() -> bool:
    """Return whether torch has to be asked."""
    return sys.platform != "linux" or any(next(Path("/dev").glob(each), None) for each in ACCELERATORS)
