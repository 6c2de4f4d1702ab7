"""One person's risk, as the person's device computes, keeps and reads it."""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, final

import msgspec
import numpy as np
import numpy.typing as npt

from protocols import canonical_json
from protocols.arithmetic.fixed_point import I64
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.releases.suppression import FIRST

RISK: Final = "risk.json"
BEHAVIOURS: Final = 2  # as before, halved
Bits = tuple[Annotated[int, msgspec.Meta(ge=0, le=1)], ...]


@final
class Worlds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One behaviour in all worlds in which the person begins healthy.

    Attributes:
        infected: one bit for each of these worlds.
    """

    infected: Bits

    def __repr__(self) -> str:
        """Tell how many worlds there are, and nothing of them."""
        return f"Worlds({self.count}, hidden)"

    @property
    def count(self) -> int:
        """Return how many worlds there are."""
        return len(self.infected)

    @property
    def cases(self) -> int:
        """Return in how many of them the person is infected."""
        return sum(self.infected)

    @property
    def risk(self) -> float:
        """Share of worlds with an infection; 0 without any world."""
        return self.cases / max(self.count, 1)


@final
class Personal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's worlds under two behaviours: the share of infected ones is the risk, as these few worlds have it.

    Security: for the person alone. Its file has mode 0600 and stays in the device's folder; nothing of it is sent but
        the bin of `before`, as shares.
    """

    before: Worlds
    halved: Worlds

    @classmethod
    def of(cls, first: I64, last: I64) -> "Personal":
        """Return the risk from a device's agents' stages on the first day and on the last, int64[2 * worlds] each."""
        begun, ended = first.reshape(BEHAVIOURS, -1), last.reshape(BEHAVIOURS, -1)
        healthy, infected = begun == FIRST, ended != FIRST
        each = [_bits(infected[behaviour, healthy[behaviour]]) for behaviour in range(BEHAVIOURS)]
        return cls(Worlds(each[0]), Worlds(each[1]))

    def bin(self, edges: Sequence[float]) -> int:
        """Return the bin of the risk when the person goes on as before: that of an edge begins with it."""
        return bisect_right(edges, self.before.risk)

    def write(self, folder: Path) -> None:
        """Write it for its owner's eyes."""
        write_atomically(folder / RISK, canonical_json.encode(self))


def read(folder: Path) -> Personal:
    """Read what a device wrote.

    Raises:
        ParameterError: it is missing, open to others, or no risk.
    """
    path = folder / RISK
    try:
        if path.stat().st_mode & 0o077:
            raise ParameterError(f"{path} can be read by others; set its mode to 0600")
    except OSError as error:
        raise ParameterError(f"{path} is missing: the device did not finish its week; run it again") from error
    return canonical_json.load(path, Personal, what="personal risk")


def _bits(infected: npt.NDArray[np.bool_]) -> Bits:
    return tuple(infected.astype(np.int64).tolist())
