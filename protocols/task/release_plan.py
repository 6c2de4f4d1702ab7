"""What a run releases, as its manifest says or by default, and in which step."""

import msgspec
import numpy as np

from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import TallyWord, stage_ends
from protocols.models.contribution import ContributionBound
from protocols.releases.ledger import ReleaseRecord, RoundRecord
from protocols.releases.query import SCORE, SERIES, Release, Releases
from protocols.releases.records import records_of
from protocols.releases.suppression import FIRST, Suppression
from protocols.task.manifest import Manifest, Simulation, is_active
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase
from protocols.task.secure_sum.spec import SecureSum, answers


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


def _releases_departures(manifest: Simulation) -> bool:
    """Tell whether departures alone are released, of agents of whose later stages nothing is known but their sum."""
    known = manifest.model.stays and manifest.gradient is None
    return any(releases_of(manifest).of(name) for name in SERIES) and not known


def tally_words(manifest: Simulation) -> tuple[TallyWord, ...]:
    """Return what an engine gets to know of a tally: all of it, or who is in the first stage and who is not."""
    tally = manifest.model.agents.tally
    if not _releases_departures(manifest):
        return tally
    first = tally[FIRST]
    return first, TallyWord(f"not_{first.name}", stage_of=first.stage_of)


def reduce_tally(manifest: Simulation, tally: I64) -> I64:
    """Return the `tally_words` of a tally that is known, as of agents in the clear; of relaxed ones int64[q, 1 + p]."""
    if not _releases_departures(manifest):
        return tally
    stages = tally[: stage_ends(manifest.model.agents.tally)[FIRST]]
    return np.stack([stages[FIRST], stages.sum(axis=0) - stages[FIRST]])


def contribution_bound(manifest: Simulation) -> ContributionBound | None:
    """Return what holds a client's relaxed agents within what the noise of a run's releases covers; None without."""
    norms = {release.name: release.norms for release in releases_of(manifest).each}
    departures, cells = norms.get("incidence", msgspec.UNSET), norms.get("cells")
    if manifest.gradient is None or departures is msgspec.UNSET:
        return None
    return ContributionBound(manifest.gradient, departures=departures, cells=cells or None)


def units_of(manifest: Simulation, release: Release) -> tuple[int, ...]:
    """Return what sigma counts in, of each of a release's words in turn, where these are of derivatives; else none."""
    if manifest.gradient is None or release.norms is msgspec.UNSET:
        return manifest.score_changes if release.name == SCORE else ()
    return manifest.gradient.units(*release.norms)


def suppression_of(manifest: Simulation) -> Suppression:
    """Return the rule of a run's small counts, which its manifest was checked for."""
    speakers = manifest.model.agents.speakers
    return Suppression(manifest.min_count, speakers[0] if speakers else FIRST)


def releases_in(manifest: Manifest, step: Step) -> tuple[Release, ...]:
    """Return what a step releases: the score only in the last one, a secure sum where vectors are summed."""
    each = releases_of(manifest).each
    if isinstance(manifest, SecureSum):
        return each if answers(RoundNumber(step)) else ()
    return tuple(release for release in each if release.name != SCORE or step == manifest.steps)


def records_in(manifest: Manifest, step: Step) -> tuple[ReleaseRecord, ...]:
    """Return what a step releases, as every aggregator's ledger has it."""
    if isinstance(manifest, SecureSum):
        return records_of(releases_in(manifest, step), steps=manifest.steps, changes=())
    given = {"steps": manifest.steps, "copies": manifest.copies}
    each = releases_in(manifest, step)
    return sum((records_of([release], changes=units_of(manifest, release), **given) for release in each), start=())


def recipients(manifest: Manifest, agreed: RoundRecord, *, by_messages: bool = False) -> tuple[str, ...]:
    """Return who is told something of a round, in the order of the leaves under its ledger's root.

    Args:
        agreed: what all aggregators have written of it.
        by_messages: whether its sum was asked for by messages, as over Flower, whose answer the engine alone gets.

    Security: a party has one place under a root, which follows from what is signed with it: a ledger's writer cannot
        have two things under one root that it told one party, and show each auditor another one.
    """
    if by_messages:
        return (ENGINE,)
    active, members = is_active(manifest), agreed.members
    if active:  # whose servers go by the manifest's order
        present = {*members}
        members = tuple(client.name for client in manifest.clients if client.name in present)
    return (*members, *((ENGINE,) if agreed.phase == Phase.SPEAK and (manifest.engine or active) else ()))
