"""What a run releases, as its manifest says or by default, and in which step."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, final

import msgspec
import numpy as np

from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import TallyWord, stage_ends
from protocols.models.contribution import ContributionBound
from protocols.models.gradient import Gradient
from protocols.releases.differencing import isolate
from protocols.releases.ledger import ReleaseRecord, RoundRecord
from protocols.releases.query import SCORE, SERIES, Release, Releases
from protocols.releases.records import records_of
from protocols.releases.suppression import FIRST, Suppression
from protocols.task.manifest import Manifest, SimulationManifest, is_active, refuses_differencing
from protocols.task.parties import ENGINE, contributors
from protocols.task.rounds import Phase, Schedule
from protocols.task.secure_sum.spec import SecureSum, answers

_KEPT: Final = "release plan"


def releases_of(manifest: Manifest) -> Releases:
    """Return what a run may open, as its manifest says.

    Unless it says otherwise, that is the exact sum of a secure sum, and of a simulation the exact tally, and exact
    cells where it has any.
    """
    if manifest.releases is not None:
        return manifest.releases
    if isinstance(manifest, SecureSum):
        return Releases(each=(manifest.release,))
    each = [Release(name="tally")]
    if manifest.cells:
        each.append(Release(name="cells"))
    if manifest.gradient is not None and manifest.gradient.way == SCORE:
        each.append(Release(name=SCORE))
    return Releases(each=tuple(each))


@final
@dataclass(frozen=True, slots=True)
class CohortRule:
    """Over how many clients each release is.

    Attributes:
        counted: who counts in a cohort: see `contributors`.
        least: of these, in every cohort.
        apart: whether the run ends before exact releases together tell of fewer.
    """

    counted: frozenset[str]
    least: int
    apart: bool

    @classmethod
    def of(cls, manifest: Manifest) -> "CohortRule":
        """Return what a manifest promises."""
        return cls(contributors(manifest.clients), manifest.min_cohort, refuses_differencing(manifest))

    def size(self, members: Iterable[str]) -> int:
        """Return how many of some clients count, each once."""
        return len(self.counted.intersection(members))

    def isolate_few(self, cohorts: Iterable[Iterable[str]]) -> frozenset[str]:
        """Return of whom alone exact sums over cohorts together tell, if these are fewer than promised."""
        return isolate((self.counted.intersection(each) for each in cohorts), least=self.least)


@final
@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What of a manifest counts for whoever opens a run's releases, adds noise to them, or reads them.

    Attributes:
        releases: all that the run may open.
        cohort: over whom.
        schedule: of its rounds.
        steps: T; of a secure sum its last round.
        sums: whether vectors are summed, which only every second round answers.
        tally: the model's, of one replicate; empty of a secure sum.
        copies: R, replicates of the run.
        gradient: which derivatives are taken, if any.
        changes: by how much one agent can change each word of the score, at most; none without scores.
        engine: whether an engine is told what is released.
        order: of clients, by which an active run's servers go; else empty.
        departs: whether departures alone are released, of agents of whose later stages nothing is known but their sum.
    """

    releases: Releases
    cohort: CohortRule
    schedule: Schedule
    steps: int
    engine: bool
    order: tuple[str, ...]
    sums: bool = False
    tally: tuple[TallyWord, ...] = ()
    copies: int = 1
    gradient: Gradient | None = None
    changes: tuple[int, ...] = ()
    departs: bool = False

    @classmethod
    def of(cls, manifest: Manifest) -> "ReleasePlan":
        """Return the plan that every party of a run derives from its manifest; derived once."""
        known: ReleasePlan | None = manifest.__dict__.get(_KEPT)
        if known is None:
            known = manifest.__dict__[_KEPT] = cls._derive(manifest)
        return known

    @classmethod
    def _derive(cls, manifest: Manifest) -> "ReleasePlan":
        releases, cohort = releases_of(manifest), CohortRule.of(manifest)
        active = is_active(manifest)
        order = tuple(client.name for client in manifest.clients) if active else ()
        told: Any = {"engine": manifest.engine or active, "order": order}
        if isinstance(manifest, SecureSum):
            return cls(releases, cohort, manifest.schedule, manifest.steps, **told, sums=True)
        return cls(
            releases,
            cohort,
            manifest.schedule,
            manifest.steps,
            **told,
            tally=manifest.model.agents.tally,
            copies=manifest.copies,
            gradient=manifest.gradient,
            changes=manifest.score_changes,
            departs=any(map(releases.of, SERIES)) and not (manifest.gradient is None and manifest.model.stays),
        )

    @property
    def width(self) -> int:
        """Return how many words stand side by side for each number: replicates, or a value with its derivatives."""
        return self.gradient.width if self.gradient is not None and self.gradient.relaxed else self.copies

    @property
    def tally_words(self) -> tuple[TallyWord, ...]:
        """Return what an engine gets to know of a tally: all of it, or who is in the first stage and who is not."""
        if not self.departs:
            return self.tally
        first = self.tally[FIRST]
        return first, TallyWord(f"not_{first.name}", stage_of=first.stage_of)

    def reduce(self, tally: I64) -> I64:
        """Return the `tally_words` of a known tally, as of agents in the clear; of relaxed ones int64[q, 1 + p]."""
        if not self.departs:
            return tally
        stages = tally[: stage_ends(self.tally)[FIRST]]
        return np.stack([stages[FIRST], stages.sum(axis=0) - stages[FIRST]])

    def contribution_bound(self) -> ContributionBound | None:
        """Return what holds a client's relaxed agents within what the noise of releases covers; None without."""
        norms = {release.name: release.norms for release in self.releases.each}
        departures, cells = norms.get("incidence", msgspec.UNSET), norms.get("cells")
        if self.gradient is None or departures is msgspec.UNSET:
            return None
        return ContributionBound(self.gradient, departures=departures, cells=cells or None)

    def units(self, release: Release) -> tuple[int, ...]:
        """Return what sigma counts in, of each of a release's words, where these are of derivatives; else none."""
        if self.gradient is None or release.norms is msgspec.UNSET:
            return self.changes if release.name == SCORE else ()
        return self.gradient.units(*release.norms)

    def in_step(self, step: Step) -> tuple[Release, ...]:
        """Return what a step releases: the score only in the last one, a secure sum where vectors are summed."""
        if self.sums:
            return self.releases.each if answers(RoundNumber(step)) else ()
        return tuple(release for release in self.releases.each if release.name != SCORE or step == self.steps)

    def records(self, step: Step) -> tuple[ReleaseRecord, ...]:
        """Return what a step releases, as every aggregator's ledger has it."""
        each, given = self.in_step(step), {"steps": self.steps, "copies": self.copies}
        return sum((records_of([release], changes=self.units(release), **given) for release in each), start=())

    def recipients(self, agreed: RoundRecord, *, by_messages: bool = False) -> tuple[str, ...]:
        """Return who is told something of a round, in the order of the leaves under its ledger's root.

        Args:
            agreed: what all aggregators have written of it.
            by_messages: whether its sum was asked for by messages, as over Flower, whose answer the engine alone gets.

        Security: a party has one place under a root, which follows from what is signed with it: a ledger's writer
            cannot have two things under one root that it told one party, and show each auditor another one.
        """
        if by_messages:
            return (ENGINE,)
        members = tuple(dict.fromkeys(agreed.members))  # a line that names one twice gives it no second place
        if self.order:
            present = {*members}
            members = tuple(name for name in self.order if name in present)
        return (*members, *((ENGINE,) if self.engine and agreed.phase == Phase.SPEAK else ()))


def suppression_of(manifest: SimulationManifest) -> Suppression:
    """Return the rule of a run's small counts, which its manifest was checked for."""
    speakers = manifest.model.agents.speakers
    return Suppression(manifest.min_count, speakers[0] if speakers else FIRST)
