"""Over whom a run's exact releases are, and whether one more would tell of a few clients together with these."""

from collections.abc import Iterable
from typing import final

from protocols.arithmetic.counters import RoundNumber
from protocols.errors import CohortTooSmall
from protocols.quantity import quantity
from protocols.releases.differencing import spanning
from protocols.releases.query import NOISE
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase


@final
class ReleasedCohorts:
    """The cohorts of one run's releases so far.

    Security: a release after which some combination of exact ones is over fewer clients than `min_cohort` is refused
        before it is made, where the manifest says so. Sums are taken for those of one moment: what changes from step
        to step hides more, and how much nobody can promise.
    """

    def __init__(self, plan: ReleasePlan, before: Iterable[tuple[str, ...]] = ()) -> None:
        """Begin, or go on after releases over these clients."""
        exact = any(each.mechanism != NOISE for each in plan.releases.each)
        self._plan, self._is_asked = plan, exact and plan.cohort.apart
        self._cohorts = spanning(map(frozenset, before)) if self._is_asked else []

    def add(self, members: Iterable[str]) -> None:
        """Take in over whom a release was; what the ones before span already adds nothing."""
        one = frozenset(members)
        if self._is_asked and one not in self._cohorts:
            self._cohorts = spanning([*self._cohorts, one])

    def admit(self, number: RoundNumber, members: Iterable[str]) -> None:
        """Take in over whom a round is about to be closed, if anything is released in it.

        Raises:
            CohortTooSmall: see `require_apart`; nothing is taken in.
        """
        if self._plan.schedule.phase(number) == Phase.SPEAK:
            self.require_apart(members)
            self.add(members)

    def require_apart(self, members: Iterable[str]) -> None:
        """Refuse a release that would tell of a few clients together with those before, where the manifest says so.

        Raises:
            CohortTooSmall: some combination of them is over these alone.
        """
        one = frozenset(members)
        if not self._is_asked or one in self._cohorts:
            return
        if few := self._plan.cohort.isolate_few([*self._cohorts, one]):
            raise CohortTooSmall(  # not whom: others are told this, who may not know who takes part
                f"the release and those before it could together tell of {quantity(len(few), 'client')} alone, and the "
                f"manifest promises {quantity(self._plan.cohort.least, 'client')}; the run ends before it is made"
            )
