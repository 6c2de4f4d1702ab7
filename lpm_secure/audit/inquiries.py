"""Who was left out of a secure sum for garbage, followed anew from what its ledgers say was opened."""

from collections.abc import Sequence

from protocols.releases.ledger import Event, RoundEvent, RoundRecord
from protocols.releases.query import NOISE, SUM
from protocols.task.manifest import Manifest, SimulationManifest, is_active
from protocols.task.release_plan import releases_of
from protocols.task.secure_sum.group_testing import Inquiry, coin
from protocols.task.secure_sum.spec import SecureSum, answers


def misjudgements(manifest: Manifest, run: bytes, agreed: Sequence[RoundRecord]) -> list[str]:
    """Return the rounds that opened other groups than the rule draws, or left out others than it names, or kept them.

    Args:
        run: id of the run, 32 bytes.
        agreed: its rounds, in their order.
    """
    if isinstance(manifest, SimulationManifest) or is_active(manifest):
        return _returns(agreed) + [
            f"round {each.number}: sums over groups, and the run opens none" for each in agreed if each.trials
        ]
    lines, gone, opened, seen = [], set[str](), 0, list[tuple[str, ...]]()
    for each in agreed:
        opened += len(each.releases)
        if gone.intersection(each.members, *(trial.members for trial in each.trials)):
            lines.append(f"round {each.number}: it has a client that was left out before")
        known = [tuple(name for name in group if name not in gone) for group in seen]
        if each.trials and not _by_the_rule(manifest, run, each, known, spent=opened >= _most(manifest)):
            lines.append(f"round {each.number}: the groups opened, or who was left out, are not those of the rule")
        if each.refused and not each.trials:
            lines.append(f"round {each.number}: {', '.join(each.refused)} left out, and nothing opened shows why")
        gone.update(each.refused)
        seen += [trial.members for trial in each.trials]
    return lines


def _returns(agreed: Sequence[RoundRecord]) -> list[str]:
    """Return the rounds that have a client which failed its proof before."""
    lines, gone = [], set[str]()
    for each in agreed:
        if gone.intersection(each.members):
            lines.append(f"round {each.number}: it has a client that was left out before")
        gone.update(each.refused)
    return lines


def _most(manifest: Manifest) -> float:
    """Return how many sums may be opened."""
    release = releases_of(manifest).of(SUM)
    return release.times if release is not None and release.mechanism == NOISE else float("inf")


def _by_the_rule(
    manifest: Manifest, run: bytes, each: RoundRecord, seen: Sequence[Sequence[str]], *, spent: bool
) -> bool:
    """Whether an inquiry with the round's coin opens these groups, and ends as the round did."""
    first, *later = each.trials
    whole = list(first.members) == sorted({client.name for client in manifest.clients}.intersection(first.members))
    if first.fits or not whole or len(first.members) < manifest.min_cohort or not answers(each.number):
        return False
    inquiry = Inquiry(first.members, manifest.min_cohort, coin(run, each.number), seen)
    for trial in later:
        if inquiry.next() != trial.members:
            return False
        inquiry.tell(trial.members, fits=trial.fits)
    ended = spent or inquiry.next() is None
    return ended and (each.refused, each.members) == (inquiry.culprits, inquiry.summands or first.members)


def find_culprits(manifest: Manifest, agreed: Sequence[RoundRecord]) -> frozenset[str]:
    """Return the clients of a secure sum that were left out for garbage: cohorts may differ by these."""
    return frozenset(name for each in agreed for name in each.refused if isinstance(manifest, SecureSum))


def inquiry_notes(events: Sequence[Event]) -> list[str]:
    """Return what a reader should know of rounds whose sum was out of range."""
    rounds = [event.agreed for event in events if isinstance(event, RoundEvent) and event.agreed.trials]
    return [
        f"round {each.number}: a sum was out of range, and {len(each.trials)} were opened, over groups of its clients, "
        + ("to find whose fault it is" if each.refused else "which did not tell whose fault it is")
        + "; together they can tell sums over fewer clients than promised"
        for each in rounds
    ]
