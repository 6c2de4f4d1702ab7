"""What the ledgers of a run must satisfy, given its manifest."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lpm_secure.accounting import Cost, epsilon_of
from protocols.ledger import Agreed, Begin, Closing, Event, Opened, Refusal
from protocols.manifest import Manifest
from protocols.privacy import RunningNoise
from protocols.releases import NOISE, SCORE, Release, opened_in, releases_of
from protocols.schedule import Phase
from protocols.score_noise import changes

MOST_COHORTS: Final = 200  # that are compared with each other
Ledgers = Mapping[str, Sequence[Event]]


def rounds(events: Sequence[Event]) -> list[Agreed]:
    """Return what one ledger says of the rounds, in their order."""
    return [event.agreed for event in events if isinstance(event, Closing)]


def disagreements(manifest: Manifest, run: bytes, ledgers: Ledgers) -> list[str]:
    """Return where ledgers are of another run or party, or tell different things."""
    lines = [
        f"{name}: the ledger is of another run or aggregator"
        for name, events in ledgers.items()
        if events[0] != Begin(run, name)
    ]
    told = {name: rounds(events) for name, events in ledgers.items()}
    first, *others = told.items()
    for name, other in others:
        if other != first[1]:
            both = list(zip(first[1], other, strict=False))
            place = next((i for i, (a, b) in enumerate(both) if a != b), len(both))
            lines.append(f"{first[0]} and {name} tell different things from round {place} on")
    for name, own in told.items():
        if [each.number for each in own] != list(range(len(own))):
            lines.append(f"{name}: rounds are missing or out of order")
        if any(
            (each.step, each.phase) != (manifest.schedule.step(each.number), manifest.schedule.phase(each.number))
            for each in own
        ):
            lines.append(f"{name}: a round is not the schedule's")
    return lines


def cut_off(manifest: Manifest, ledgers: Ledgers) -> list[str]:
    """Return the ledgers that end before the schedule does, and do not say why: cut off, all of them perhaps."""
    rounds_of_run, lines = manifest.schedule.rounds, []
    for name, events in ledgers.items():
        closed = len(rounds(events))
        why = isinstance(events[-1], Refusal) and events[-1].number == closed
        if closed < rounds_of_run and not why:
            lines.append(f"{name}: ends after {closed} rounds of {rounds_of_run}, and does not say why")
    return lines


def not_allowed(manifest: Manifest, agreed: Sequence[Agreed]) -> list[str]:
    """Return the rounds whose releases, members or cohorts the manifest does not allow."""
    clients = {client.name for client in manifest.clients}
    lines = []
    for each in agreed:
        allowed = tuple(Opened(may.name, may.mechanism, may.sigma) for may in opened_in(manifest, each.step))
        if each.releases != (allowed if each.phase == Phase.SPEAK else ()):
            lines.append(f"round {each.number}: it opened what the manifest does not allow")
        if len(each.members) < manifest.min_cohort:
            lines.append(
                f"round {each.number}: {len(each.members)} clients, and the manifest promises {manifest.min_cohort}"
            )
        if not clients.issuperset(each.members):
            lines.append(f"round {each.number}: a member is not in the manifest")
    return lines


def differencing(manifest: Manifest, agreed: Sequence[Agreed]) -> list[str]:
    """Return pairs of exact releases whose cohorts differ by fewer clients than the manifest promises."""
    exact = [each.name for each in releases_of(manifest).each if each.mechanism != NOISE]
    cohorts: dict[frozenset[str], int] = {}
    for each in agreed:
        if each.phase == Phase.SPEAK:
            cohorts.setdefault(frozenset(each.members), each.step)
    lines = []
    known = list(cohorts.items())[:MOST_COHORTS]
    if exact and len(cohorts) > len(known):
        lines.append(f"{len(cohorts)} cohorts are too many to compare: those after step {known[-1][1]} were not")
    for place, (one, step) in enumerate(known):
        for other, later in known[:place]:
            if exact and 0 < len(one ^ other) < manifest.min_cohort:
                lines.append(
                    f"steps {later} and {step}: cohorts differ by {', '.join(sorted(one ^ other))} alone, and "
                    f"{' and '.join(exact)} were opened exact: their difference tells of these"
                )
    return lines


def costs(manifest: Manifest, agreed: Sequence[Agreed]) -> list[tuple[Release, Cost]]:
    """Return what each noised release cost, by the rounds that the ledger has."""
    made = sum(each.phase == Phase.SPEAK for each in agreed)
    found = []
    for each in releases_of(manifest).each:
        if each.mechanism != NOISE or not made:
            continue
        if each.name == "running":
            norm = RunningNoise(each.sigma, manifest.steps + 1).sensitivity
            found.append((each, Cost(each.sigma * norm, norm)))
        elif each.name == SCORE:
            if any(one.phase == Phase.SPEAK and one.step == manifest.steps for one in agreed):
                least = min(changes(manifest))  # the smallest word is the coarsest: its law is the furthest from smooth
                found.append((each, Cost(each.sigma * least, least, each.times)))
        else:
            found.append((each, Cost(each.sigma, each.sensitivity, min(made, each.times))))
    return found


def overspent(manifest: Manifest, agreed: Sequence[Agreed]) -> tuple[list[str], list[dict[str, Any]]]:
    """Recompute epsilon, and return where it is above what the manifest promises, and the table of all."""
    lines: list[str] = []
    table: list[dict[str, Any]] = []
    for release, cost in costs(manifest, agreed):
        delta = release.delta or 1e-9
        epsilon = epsilon_of([cost], delta)
        table.append(
            {
                "release": str(release.name),
                "unit": release.unit,
                "sigma": release.sigma,
                "epsilon": epsilon,
                "delta": delta,
            }
            | {"promised": release.epsilon}
        )
        if epsilon > release.epsilon:
            lines.append(f"{release.name}: costs epsilon {epsilon:.4g}, and the manifest promises {release.epsilon:g}")
    nothing = {"unit": "none", "sigma": 0, "epsilon": None, "delta": 0, "promised": None}
    exact = (each.name for each in releases_of(manifest).each if each.mechanism != NOISE)
    table.extend({"release": name} | nothing for name in exact)
    return lines, table


def received(events: Sequence[Event]) -> dict[str, dict[str, Any]]:
    """Return what each party was told by one aggregator: answers, bytes, and the hash of all their hashes."""
    found: dict[str, list[Any]] = defaultdict(lambda: [0, 0, hashlib.sha256()])
    for event in events:
        for told in event.told if isinstance(event, Closing) else ():
            entry = found[told.party]
            entry[0] += 1
            entry[1] += told.size
            entry[2].update(told.digest)
    return {party: {"count": n, "bytes": size, "sha256": h.hexdigest()} for party, (n, size, h) in found.items()}


def refusals(events: Sequence[Event]) -> list[str]:
    """Return why rounds did not close, and which clients were missing when."""
    lines = [f"round {each.number}: {each.reason}" for each in events if isinstance(each, Refusal)]
    for event in events:
        if isinstance(event, Closing) and event.absent:
            lines.append(f"round {event.agreed.number}: without {', '.join(event.absent)}")
        if isinstance(event, Closing) and event.agreed.refused:
            lines.append(f"round {event.agreed.number}: shares out of range of {', '.join(event.agreed.refused)}")
    return lines
