"""Who sent garbage, found from sums alone: groups are opened again, each of at least as many as a sum must cover."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from lpm_secure.data.csv_table import F64
from protocols.errors import CohortTooSmall

MOST_TRIES: Final = 300  # groups drawn in one round; most of them are opened
ALONE: Final = 1e-6  # a hospital counts as isolated if opened sums combine to it up to this

Open = Callable[[Sequence[str]], F64 | None]


@final
@dataclass(slots=True)
class Search:
    """Splits the members of a round into those whose contributions are in range, and the others.

    A sum in range clears all of its group. A suspect is guilty if a group of it and cleared members alone is out of
    range. Groups are drawn with the system's randomness; what comes out does not depend on them.

    Attributes:
        members: of the round.
        smallest: hospitals that an opened sum covers at least.
        open: returns the sum over a group, or None where it is out of range.

    Security: besides the sum over all who are cleared, a round with garbage opens sums over some groups of them. No
        combination of those gives a single hospital's contribution, else the group is not opened; combinations can
        give sums over fewer than `smallest`.
    """

    members: tuple[str, ...]
    smallest: int
    open: Open = field(repr=False)
    cleared: set[str] = field(init=False, default_factory=set)
    guilty: set[str] = field(init=False, default_factory=set)
    _opened: list[F64] = field(init=False, repr=False, default_factory=list)  # who is in each sum in range: 0 or 1

    def run(self) -> tuple[F64, tuple[str, ...]]:
        """Return the sum over all members in range, and who they are.

        Raises:
            CohortTooSmall: too few are in range, or nobody can be cleared.
        """
        for _ in range(MOST_TRIES):
            if not self._suspects():
                break
            self._try(self._group())
        good = tuple(name for name in self.members if name in self.cleared)
        total = None
        if len(good) >= self.smallest and not self._suspects() and not self._isolates([self._indicator(good)]):
            total = self.open(good)
        if total is None:
            raise CohortTooSmall(
                f"the sum over {len(self.members)} clients is out of range, and {len(good)} could be cleared by sums "
                f"over {self.smallest} or more; find out whose clients send garbage, then start the round anew"
            )
        return total, good

    def _suspects(self) -> list[str]:
        return [name for name in self.members if name not in self.cleared and name not in self.guilty]

    def _group(self) -> list[str]:
        """Draw half of the suspects, or as few as may be where halves have not come out clean, and cleared members."""
        drawn, suspects = secrets.SystemRandom(), self._suspects()
        if len(self.cleared) >= self.smallest:
            few = drawn.sample(suspects, max(1, len(suspects) // 2) if drawn.random() < 0.5 else 1)
            return few + drawn.sample(sorted(self.cleared), max(self.smallest - len(few), len(self.cleared) // 2))
        half = max(self.smallest, len(self.members) // 2) if drawn.random() < 0.5 else self.smallest
        return drawn.sample(self.members, min(half, len(self.members)))

    def _try(self, group: list[str]) -> None:
        if not self._safe(group):
            return
        suspects = [name for name in group if name not in self.cleared]
        if self.open(group) is not None:
            self._opened.append(self._indicator(group))
            self.cleared |= set(suspects)
        elif len(suspects) == 1:
            self.guilty |= set(suspects)

    def _safe(self, group: Sequence[str]) -> bool:
        """Whether nobody would be isolated by this sum and a total over those who may be left in the end."""
        ends = [{*self.members} - self.guilty - {name} for name in self._suspects()]
        ends += [{*self.members} - self.guilty, self.cleared | set(group)]
        return not any(self._isolates([self._indicator(group), self._indicator(tuple(end))]) for end in ends)

    def _indicator(self, group: Sequence[str]) -> F64:
        return np.array([float(name in group) for name in self.members])

    def _isolates(self, further: list[F64]) -> bool:
        """Whether these sums with those opened before would combine to one hospital's contribution."""
        _, values, basis = np.linalg.svd(np.stack([*self._opened, *further]), full_matrices=False)
        kept = basis[values > ALONE]
        return bool(((kept**2).sum(axis=0) > 1.0 - ALONE).any())
