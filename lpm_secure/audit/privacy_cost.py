"""What a run's releases cost, from the rounds of one ledger and nothing else."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from lpm_secure.accounting import SMOOTH, Cost, epsilon_of
from protocols.releases.ledger import ReleaseRecord, RoundRecord
from protocols.releases.query import NOISE, SUM

DELTA: Final = 1e-9  # of a release that promises none


@final
@dataclass(frozen=True, slots=True)
class PrivacyCost:
    """All noised releases of a run together.

    Attributes:
        epsilon: of all of them, for somebody who contributes to each of them; at `delta`.
        delta: the smallest that one of them promises.
        rho: the same in zero-concentrated privacy, which is what a manifest budgets.
        releases: their names.
        exact: names of the releases that no budget covers.
    """

    epsilon: float
    delta: float
    rho: float
    releases: tuple[str, ...]
    exact: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in a line."""
        rest = f"; {', '.join(self.exact)} opened exact, with no bound" if self.exact else ""
        if not self.releases:
            return f"all releases together: no noise, so no epsilon{rest}"
        return f"{', '.join(self.releases)} together: epsilon {self.epsilon:.4g} at delta {self.delta:g}{rest}"


def costs(agreed: Sequence[RoundRecord]) -> dict[ReleaseRecord, Cost]:
    """Return what each noised release cost, in all rounds that made it."""
    made = Counter(opened for each in agreed for opened in each.releases if opened.mechanism == NOISE)
    return {opened: _cost(opened, _numbers(opened, rounds)) for opened, rounds in made.items()}


def _cost(opened: ReleaseRecord, numbers: int) -> Cost:
    """Return what so many numbers cost; a secure sum counts in norms, of which its lattice is a small part."""
    unit = SMOOTH if opened.name == SUM else opened.sensitivity
    return Cost(opened.sigma * unit / opened.sensitivity, unit, numbers)


def _numbers(opened: ReleaseRecord, made: int) -> int:
    """Return how many of a release's numbers a unit of privacy changed; of a secure sum it is in every one."""
    return made if opened.name == SUM else min(made * opened.each, opened.times)


def delta_of(opened: ReleaseRecord) -> float:
    """Return the delta at which a release's epsilon is told."""
    return opened.delta or DELTA


def joint(agreed: Sequence[RoundRecord]) -> PrivacyCost:
    """Return what all releases cost together, by privacy loss distributions of all their numbers."""
    found = costs(agreed)
    delta = min(map(delta_of, found), default=DELTA)
    exact = {opened.name for each in agreed for opened in each.releases if opened.mechanism != NOISE}
    return PrivacyCost(
        epsilon_of(list(found.values()), delta),
        delta,
        math.fsum(1 / (2 * cost.multiplier**2) for cost in found.values()),
        tuple(sorted({opened.name for opened in found})),
        tuple(sorted(exact)),
    )
