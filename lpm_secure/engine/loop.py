"""The engine's loop: announce, learn the release, update, record. The same for a private and a clear run."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, final

import numpy as np

from lpm_secure.engine.announcement import AnnouncementTerms, announce
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.engine.series import StageSeries
from lpm_secure.engine.tally import ReplicateTallies
from lpm_secure.engine.twins import Twins
from lpm_secure.environments.announcer import Announcer
from lpm_secure.environments.environment import Environment
from protocols.arithmetic.counters import Step
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError, ProtocolError
from protocols.releases.suppression import suppress
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation
from protocols.task.release_plan import ReleasePlan, suppression_of
from protocols.wire.messages import Announcement
from protocols.wire.transport import Transport


@final
@dataclass(frozen=True, slots=True, eq=False)
class StepRelease:
    """What the engine learns of the private agents in a step.

    Attributes:
        cells: int64[cells], their part of each cell's total.
        tally: int64[q], how many are in each stage, and the totals of observables.
        members: clients that took part.
        traffic: bytes of vectors between clients and aggregators in the round; 0 in the clear, or if not told.
        names: of those clients; None where the engine is told their number alone.
        refused: clients that are left out for words out of range, where the engine is told.
    """

    cells: I64
    tally: I64
    members: int
    traffic: int
    names: tuple[str, ...] | None = None
    refused: tuple[str, ...] = ()


OnRelease = Callable[[int, StepRelease], None]
OnCounts = Callable[[int, I64, StepRelease], None]


class EngineAgents(Protocol):
    """The engine's own agents, on whatever computes them."""

    def cell_totals(self) -> I64:
        """Return what the agents say to each cell, int64[w * cells] of w cell channels."""

    def tally(self) -> I64:
        """Return the totals of the model's stages and observables, int64[q]."""

    def update(self, totals: I64, *, step: int) -> None:
        """Move on by one step.

        Args:
            totals: int64[w * cells + e], what everybody together says to each cell, then the environment's numbers.
            step: of the run.
        """


@final
@dataclass(frozen=True, slots=True, eq=False)
class PopulationWithTwins:
    """The engine's own agents, and beside them the twins of private ones: these say and count where they stand in."""

    agents: EngineAgents
    twins: Twins

    def cell_totals(self) -> I64:
        """Return what the agents say to each cell, without twins, int64[w * cells]."""
        return self.agents.cell_totals()

    def tally(self) -> I64:
        """Return the totals of the model's stages and observables, without twins, int64[q]."""
        return self.agents.tally()

    def update(self, totals: I64, *, step: int) -> None:
        """Move all on by one step; arguments are those of `EngineAgents`."""
        self.agents.update(totals, step=step)
        self.twins.update(totals, step=step)


class PrivatePart(abc.ABC):
    """The private agents, as the engine meets them."""

    @abc.abstractmethod
    async def advance(self, step: int, announced: I64) -> StepRelease:
        """Announce synthetic cell totals, public numbers and what twins say, and return the release of the round."""


@final
class ClearPart(PrivatePart):
    """The oracle: all private agents in this process, in the clear."""

    def __init__(self, manifest: Simulation, agents: EngineAgents) -> None:
        """Simulate these agents."""
        self._manifest, self._agents, self._plan = manifest, agents, ReleasePlan.of(manifest)
        self._names = tuple(client.name for client in manifest.clients)

    async def advance(self, step: int, announced: I64) -> StepRelease:
        """Move the agents on, and return their totals before that."""
        cells, tally = self._agents.cell_totals(), self._agents.tally()
        if self._manifest.min_count:
            rule = suppression_of(self._manifest)
            cells, tally = suppress(rule, cells, tally, agents=int(tally.sum()))
        if step < self._manifest.steps:
            public = Layout.of(self._manifest).settle(announced, self._names)
            self._agents.update(_with_cells(public, cells), step=step)
        return StepRelease(cells, self._plan.reduce(tally), len(self._names), 0, self._names)


@final
class RemotePart(PrivatePart):
    """Private agents on their clients, behind the aggregators.

    Security: the engine sees releases only: cell totals and stage counts over at least `min_cohort` clients.
    """

    def __init__(
        self, manifest: Simulation, transports: Sequence[Transport], journal: ReleaseJournal | None = None
    ) -> None:
        """Reach the aggregators by one transport each, in the manifest's order; what is in the journal is over."""
        self._transports, self._journal = transports, journal
        self._layout = Layout.of(manifest)
        self._terms = AnnouncementTerms(manifest.share(), self._layout.release_words, manifest)
        self._id = manifests.run_id(manifest)
        self._reading = ReplicateTallies(ReleasePlan.of(manifest), manifest.model, self._layout)

    async def advance(self, step: int, announced: I64) -> StepRelease:
        """Announce a step to all aggregators, and add up their shares of its release.

        Raises:
            PartiesDisagree: aggregators count other members, or answer with other sizes.
        """
        release = None if self._journal is None else self._journal.release(step, announced)
        if release is None:
            release = await announce(self._terms, self._transports, Announcement(self._id, Step(step), announced))
            if self._journal is not None:
                self._journal.append(step, announced, release)
        cells = self._layout.cells
        tally = self._reading.tally(release.words[cells:])
        names = release.names if self._layout.twins else None  # else the engine is told their number alone
        return StepRelease(release.words[:cells], tally, release.members, release.traffic, names)


@final
class _Replicate:
    """What the engine simulates of one replicate of a run: its own agents, the environment, and what came of both."""

    def __init__(self, manifest: Simulation, synthetic: EngineAgents, environment: Environment | None) -> None:
        self._manifest, self._layout, self._synthetic = manifest, Layout.of(manifest), synthetic
        self._plan = ReleasePlan.of(manifest)
        self._announcer = Announcer.of(manifest.dynamics, self._plan, environment)
        self._twins = _twins_of(self._layout, synthetic)
        self._announced = np.zeros(0, dtype=np.int64)
        self._counts: list[I64] = []

    def announce(self, step: int) -> I64:
        """Return synthetic totals of cells, public numbers, and what twins say."""
        said = [] if self._twins is None else [self._twins.words()]
        self._announced = np.concatenate([self._synthetic.cell_totals(), self._announcer.announce(step), *said])
        return self._announced

    def observe(self, step: int, release: StepRelease) -> I64:
        """Take in what a step released, move on, and return the totals of private and synthetic agents, int64[2, q]."""
        if self._twins is not None and release.names is None:
            raise ProtocolError("the run has twins, and the engine is not told who took part; the run stops here")
        names = release.names or ()
        own = self._synthetic.tally()
        if self._twins is not None:
            own = own + self._twins.tally(names)
        counts = np.stack([release.tally, self._plan.reduce(own)])
        self._counts.append(counts)
        everybody = _with_cells(self._layout.settle(self._announced, names), release.cells)
        self._announcer.observe(release.tally, counts[1], everybody[: release.cells.size])
        if step < self._manifest.steps:
            self._synthetic.update(everybody, step=step)
        return counts

    def series(self) -> StageSeries:
        """Return what the run yielded."""
        counts, words = np.stack(self._counts), self._plan.tally_words
        return StageSeries.of_tally(counts, self._manifest.dt, words, self._announcer.numbers)


async def simulate(
    manifest: Simulation,
    private: PrivatePart,
    synthetic: EngineAgents,
    *,
    environment: Environment | None = None,
    on_step: OnRelease = lambda step, release: None,
    on_counts: OnCounts = lambda step, counts, release: None,
) -> StageSeries:
    """Run steps 0 to T, and return the series of stage counts; arguments and errors are `simulate_replicates`'."""
    watchers: dict[str, Any] = {"on_step": on_step, "on_counts": on_counts}
    return (await simulate_replicates(manifest, private, [synthetic], [environment], **watchers))[0]


async def simulate_replicates(
    manifest: Simulation,
    private: PrivatePart,
    synthetic: Sequence[EngineAgents],
    environments: Sequence[Environment | None],
    *,
    on_step: OnRelease = lambda step, release: None,
    on_counts: OnCounts = lambda step, counts, release: None,
) -> tuple[StageSeries, ...]:
    """Run steps 0 to T of all replicates, and return the series of stage counts of each.

    Args:
        manifest: of the run.
        private: the private agents, remote or in the clear.
        synthetic: the engine's own, of each replicate; may be none at all.
        environments: of the model, one for each replicate, if it hears public numbers.
        on_step: told each step's release as soon as it is there, of the first replicate.
        on_counts: told then the totals of its private and of synthetic agents too: int64[2, q].

    Raises:
        ConfigError, ModelError: the environment is missing, or has a mistake.
        ParameterError: the run has twins, and these agents have none.
        ProtocolError: it has, and nobody tells who took part.
    """
    layout = Layout.of(manifest)
    own = [manifest] if manifest.copies == 1 else [manifest.replicate(copy) for copy in range(manifest.copies)]
    each = [_Replicate(*given) for given in zip(own, synthetic, environments, strict=True)]
    for step in range(manifest.steps + 1):
        announced = np.stack([replicate.announce(step) for replicate in each], axis=1).reshape(-1)
        release = await private.advance(step, announced)
        told = zip(layout.split(release.cells), layout.split(release.tally), strict=True)
        releases = [replace(release, cells=cells, tally=tally) for cells, tally in told]
        counts = [replicate.observe(step, its) for replicate, its in zip(each, releases, strict=True)]
        on_step(step, releases[0])
        on_counts(step, counts[0], releases[0])
    return tuple(replicate.series() for replicate in each)


def _twins_of(layout: Layout, synthetic: EngineAgents) -> Twins | None:
    if not layout.twins:
        return None
    if not isinstance(synthetic, PopulationWithTwins):
        raise ParameterError("the run has twins, and the engine's agents have none; begin them by Synthetic.agents")
    return synthetic.twins


def _with_cells(announced: I64, cells: I64) -> I64:
    """Return everybody's cell totals, then public numbers, from what the engine announced and others' totals."""
    everybody = announced.copy()
    everybody[: cells.size] += cells
    return everybody
