"""Who goes where: agents meet through venues, by setting, instead of along edges."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError

I32 = npt.NDArray[np.int32]
MIXING_BITS = 8


@final
@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One kind of venue: households, schools, workplaces, wards.

    Attributes:
        name: of the setting; a contact channel.
        venue: int32[n], each agent's venue; -1 where it has none.
        size: int64[v], what an exposure is divided by: people whom a member of the venue mixes with.
        mixing: int64[b, b], for venues told apart by age band (venue = place * b + band): contacts of band a with
            band b, as a multiple of 1 / 256; none where everybody in a venue mixes alike.

    Raises:
        ParameterError: a venue that is not there, a size below 1, or sizes that do not fit the mixing.
    """

    name: str
    venue: I32 = field(repr=False)
    size: I64 = field(repr=False)
    mixing: I64 | None = field(repr=False, default=None)

    def __post_init__(self) -> None:
        """Check the values."""
        if self.venue.size and not -1 <= int(self.venue.min()) <= int(self.venue.max()) < self.size.size:
            raise ParameterError(f"{self.name}: venue {int(self.venue.max())} is named; there are {self.size.size}")
        if self.size.size and int(self.size.min()) < 1:
            raise ParameterError(f"{self.name}: a venue has size {int(self.size.min())}; it must be at least 1")
        if self.mixing is not None and (self.mixing.min() < 0 or self.size.size % len(self.mixing)):
            raise ParameterError(f"{self.name}: mixing has {len(self.mixing)} bands for {self.size.size} venues")

    def share(self, total: Any, size: Any, mixing: Any, *, bits: int) -> Any:
        """Return the exposure of each venue's members: `floor(2**bits total / size)`, mixed by age where told.

        Written for numpy and torch: int64[v] to int64[v]. Totals and sizes are integers, so every back end computes
        the same bits.
        """
        value = (total << bits) // size
        if mixing is None:
            return value
        place = value.reshape(-1, 1, len(mixing))
        return ((place * mixing[None]).sum(-1) >> MIXING_BITS).reshape(-1)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Venues:
    """All settings of n agents, one contact channel each.

    Attributes:
        settings: in the order of the model's channels.
        member: int32[n, c], each agent's venues, numbered through all settings; who has none is in the setting's last
            venue, where nobody is heard.
        first: where each setting's venues begin, and the end: c + 1 of them.
    """

    settings: tuple[Setting, ...]
    member: I32 = field(repr=False)
    first: tuple[int, ...]

    @classmethod
    def of(cls, settings: Sequence[Setting]) -> "Venues":
        """Number the venues of all settings.

        Raises:
            ParameterError: the settings have different agents, or 2**31 venues together.
        """
        if len({setting.venue.size for setting in settings}) != 1:
            raise ParameterError(
                "the settings are of different agents, or there is none; give each agent a venue or -1"
            )
        first = [0]
        for setting in settings:
            first.append(first[-1] + setting.size.size + 1)
        if first[-1] >= 2**31:
            raise ParameterError(f"got {first[-1]} venues; 2**31 are too many")
        member = np.empty((settings[0].venue.size, len(settings)), dtype=np.int32)
        for channel, setting in enumerate(settings):
            member[:, channel] = setting.venue + np.int32(first[channel])
            member[setting.venue < 0, channel] = first[channel + 1] - 1
        return cls(tuple(settings), member, tuple(first))

    @property
    def n(self) -> int:
        """How many agents there are."""
        return len(self.member)

    def largest_exposure(self, says: int, *, bits: int) -> int:
        """Return the largest exposure on one channel if everybody said `says`."""
        largest = 0
        for channel, setting in enumerate(self.settings):
            begin, end = self.first[channel : channel + 2]
            people = np.bincount(self.member[:, channel] - begin, minlength=end - begin)[:-1]
            total = people.astype(np.int64) * says
            value = setting.share(total, setting.size, setting.mixing, bits=bits)
            largest = max(largest, int(value.max(initial=0)))
        return largest
