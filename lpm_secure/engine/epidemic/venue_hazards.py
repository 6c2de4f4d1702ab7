"""From what is said in venues to the hazard that their members meet, with the bits of `Setting.share`."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from lpm_secure.engine.kernels.jit import compile_kernel
from lpm_secure.engine.kernels.workers import Span, Workers
from lpm_secure.engine.venues import MIXING_BITS, Venues
from protocols.arithmetic.fixed_point import I64


@compile_kernel
def speak(speakers: Any, member: Any, total: Any) -> None:
    """Add up how many agents say something in each venue.

    Args:
        speakers: agents.
        member: int32[n, c].
        total: int32[venues], one thread's partial sum.
    """
    for k in range(speakers.size):
        for channel in range(member.shape[1]):
            total[member[speakers[k], channel]] += 1


@compile_kernel
def shares(span: Span, total: Any, size: I64, bits: int, hazard: I64) -> None:
    """Write `floor(2**bits total / size)` of a range of venues, from all threads' partial sums."""
    for v in range(span[0], span[1]):
        value = np.int64(0)
        for part in range(total.shape[0]):
            value += total[part, v]
        hazard[v] = (value << bits) // size[v] if value else 0


@final
class VenueHazards:
    """One number for each venue, anew in every step.

    Attributes:
        total: int32[threads, venues], what each thread's agents say; the caller clears and fills it.
        hazard: int64[venues], what `add_up` writes; 0 in the venues of those who have none.
    """

    def __init__(self, venues: Venues, *, bits: int, threads: int) -> None:
        """Keep sizes and mixing.

        Args:
            venues: of the agents.
            bits: fraction bits of exposures.
            threads: how many share the work.
        """
        count = venues.first[-1]
        self.total = np.zeros((threads, count), dtype=np.int32)
        self.hazard = np.zeros(count, dtype=np.int64)
        self._venues, self._bits, self._workers = venues, bits, Workers(count, threads)
        self._size = np.ones(count, dtype=np.int64)
        for first, setting in zip(venues.first[:-1], venues.settings, strict=True):
            self._size[first : first + setting.size.size] = setting.size

    def add_up(self, weight: Sequence[int]) -> None:
        """Write the hazards: each venue's exposure, mixed by age where told, times its setting's weight."""
        sums, size, bits, hazard = self.total, self._size, self._bits, self.hazard
        self._workers.each(lambda _, span: shares(span, sums, size, bits, hazard))
        for channel, setting in enumerate(self._venues.settings):
            begin, end = self._venues.first[channel : channel + 2]
            part = hazard[begin : end - 1]
            if setting.mixing is not None:
                place = part.reshape(-1, 1, len(setting.mixing))
                part[:] = ((place * setting.mixing[None]).sum(-1) >> MIXING_BITS).reshape(-1)
            part *= weight[channel]
            hazard[end - 1] = 0
