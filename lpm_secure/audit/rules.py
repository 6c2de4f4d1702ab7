"""What the ledgers of a run must satisfy, given its manifest."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lpm_secure.accounting import ROUNDED, epsilon_of
from lpm_secure.audit import inquiries
from lpm_secure.audit.privacy_cost import costs, delta_of, joint
from protocols.arithmetic.counters import RoundNumber
from protocols.errors import ParameterError
from protocols.models.graph.inputs import check_public
from protocols.quantity import quantity
from protocols.releases.deliveries import DeliveryProof
from protocols.releases.ledger import Event, RefusalEvent, RepeatEvent, RoundEvent, RoundRecord, StartEvent
from protocols.releases.query import NOISE, SCORE
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, SimulationManifest, is_active
from protocols.task.release_plan import CohortRule, ReleasePlan, releases_of
from protocols.task.rounds import Phase
from protocols.task.secure_sum.spec import SecureSum

SLACK: Final = 1e-6  # of a sum of floats
EVERYBODY: Final = "all parties"  # of whom nothing is shown one by one
MOST_NAMED: Final = 20  # parties in one line
MOST_COHORTS: Final = 200  # that are compared with each other
Ledgers = Mapping[str, Sequence[Event]]


def rounds(events: Sequence[Event]) -> list[RoundRecord]:
    """Return what one ledger says of the rounds, in their order."""
    return [event.agreed for event in events if isinstance(event, RoundEvent)]


def disagreements(manifest: Manifest, run: bytes, ledgers: Ledgers) -> list[str]:
    """Return where ledgers are of another run or party, or tell different things."""
    lines = [
        f"{name}: the ledger is of another run or aggregator"
        for name, events in ledgers.items()
        if events[0] != StartEvent(run, name)
    ]
    told = {name: rounds(events) for name, events in ledgers.items()}
    first, *others = told.items()
    for name, other in others:
        if other != first[1]:
            both = list(zip(first[1], other, strict=False))
            place = next((i for i, (a, b) in enumerate(both) if a != b), len(both))
            lines.append(f"{first[0]} and {name} tell different things from round {place} on")
    for name, own in told.items():
        if not in_order(manifest, [each.number for each in own]):
            lines.append(f"{name}: rounds are missing or out of order")
        if any(
            (each.step, each.phase) != (manifest.schedule.step(each.number), manifest.schedule.phase(each.number))
            for each in own
        ):
            lines.append(f"{name}: a round is not the schedule's")
    return lines


def in_order(manifest: Manifest, numbers: Sequence[int]) -> bool:
    """Tell whether rounds follow each other, from the first one on.

    Sums that are asked for by messages, as over Flower, are announced without the aggregators: they write down the
    rounds alone in which sums are opened.
    """
    odd = _by_messages(manifest, numbers)
    return list(numbers) == (list(range(1, 2 * len(numbers), 2)) if odd else list(range(len(numbers))))


def _by_messages(manifest: Manifest, numbers: Sequence[int]) -> bool:
    return isinstance(manifest, SecureSum) and bool(numbers) and numbers[0] == 1


def cut_off(manifest: Manifest, ledgers: Ledgers) -> list[str]:
    """Return the ledgers that end before the schedule does, and do not say why: cut off, all of them perhaps.

    A secure sum ends when its centre asks no more: see `early_end`.
    """
    rounds_of_run, lines = manifest.schedule.rounds, []
    for name, events in ledgers.items() if isinstance(manifest, SimulationManifest) else ():
        closed = len(rounds(events))
        why = isinstance(events[-1], RefusalEvent) and events[-1].number == closed
        if closed < rounds_of_run and not why:
            lines.append(f"{name}: ends after {closed} rounds of {rounds_of_run}, and does not say why")
    return lines


def early_end(manifest: Manifest, agreed: Sequence[RoundRecord]) -> list[str]:
    """Return a line where a secure sum has fewer rounds than it might have had."""
    played = _end(agreed)
    if isinstance(manifest, SimulationManifest) or played >= manifest.schedule.rounds:
        return []
    return [
        f"the secure sum ended after {played} rounds of at most {manifest.schedule.rounds}, as its centre may; "
        "that no ledger was cut off can be told by institutions alone, which know what they have answered"
    ]


def _end(agreed: Sequence[RoundRecord]) -> RoundNumber:
    """Return the number of the round after the last one that was written."""
    return RoundNumber(agreed[-1].number + 1 if agreed else 0)


def breaches(manifest: Manifest, agreed: Sequence[RoundRecord]) -> list[str]:
    """Return the rounds whose releases, members or cohorts the manifest does not allow."""
    clients = {client.name for client in manifest.clients}
    plan, lines = ReleasePlan.of(manifest), []
    for each in agreed:
        allowed = plan.records(each.step)
        if each.releases != (max(1, len(each.trials)) * allowed if each.phase == Phase.SPEAK else ()):
            lines.append(f"round {each.number}: it opened what the manifest does not allow")
        if (count := plan.cohort.size(each.members)) < manifest.min_cohort:
            lines.append(f"round {each.number}: {count} clients, and the manifest promises {manifest.min_cohort}")
        if not clients.issuperset(each.members):
            lines.append(f"round {each.number}: a member is not in the manifest")
    return lines


def announcements(manifest: SimulationManifest, agreed: Sequence[RoundRecord]) -> list[str]:
    """Return the rounds in which the engine announced other public numbers than the model hears, or out of range."""
    public, lines = Layout.of(manifest).environment, []
    for each in agreed:
        try:
            check_public(public if each.phase == Phase.SPEAK else {}, each.public)
        except ParameterError as error:
            lines.append(f"round {each.number}: {error}")
    return lines


def unwritten(manifest: Manifest, agreed: Sequence[RoundRecord]) -> list[RoundRecord]:
    """Return the round in which an active run stopped, if it releases anything; by nobody, as none is known.

    Each aggregator has a release as soon as the dealer has answered, and may stop the run before the other writes it.
    """
    number = _end(agreed)
    if not is_active(manifest) or number >= manifest.schedule.rounds:
        return []
    step, phase = manifest.schedule.step(number), manifest.schedule.phase(number)
    if phase != Phase.SPEAK:
        return []
    releases = ReleasePlan.of(manifest).records(step)
    return [RoundRecord(number=number, step=step, phase=int(phase), members=(), refused=(), releases=releases)]


def differencing(manifest: Manifest, agreed: Sequence[RoundRecord]) -> list[str]:
    """Return exact releases that together tell of fewer clients than the manifest promises: pairs, else more of them.

    Cohorts may differ by who was left out for garbage: it had to be. What it shared before can be told from them.
    Rounds that found it out are held against the rule of their groups instead, and a note says what they can tell.
    """
    gone = inquiries.find_culprits(manifest, agreed)
    exact = [each.name for each in releases_of(manifest).each if each.mechanism != NOISE]
    cohorts: dict[frozenset[str], int] = {}
    rule = CohortRule.of(manifest)
    for each in agreed:
        if each.phase == Phase.SPEAK and each.releases and not each.trials:
            cohorts.setdefault(rule.counted.intersection(each.members), each.step)
    lines = []
    known = list(cohorts.items())[:MOST_COHORTS]
    if exact and len(cohorts) > len(known):
        lines.append(f"{len(cohorts)} cohorts are too many to compare: those after step {known[-1][1]} were not")
    for place, (one, step) in enumerate(known):
        for other, later in known[:place]:
            if exact and (few := rule.isolate_few((one, other))) and not few <= gone:
                lines.append(
                    f"steps {later} and {step}: cohorts differ by {', '.join(sorted(few))} alone, and "
                    f"{' and '.join(exact)} were opened exact: their difference tells of these"
                )
    if exact and not lines and (few := rule.isolate_few((cohort - gone for cohort, _ in known))):
        lines.append(
            f"steps {known[0][1]} to {known[-1][1]}: some combination of cohorts is over {', '.join(sorted(few))} "
            f"alone, and {' and '.join(exact)} were opened exact: it tells of these"
        )
    return lines


def overspending(manifest: Manifest, agreed: Sequence[RoundRecord]) -> tuple[list[str], list[dict[str, Any]]]:
    """Recompute epsilon, and return where it is above what the manifest promises, and the table of all."""
    lines: list[str] = []
    table: list[dict[str, Any]] = []
    promised = {str(release.name): release for release in releases_of(manifest).each}
    for opened, cost in costs(agreed).items():
        release, delta = promised.get(opened.name), delta_of(opened)
        if release is None:
            continue  # another check names it
        epsilon = epsilon_of([cost], delta)
        row = {
            "release": _title(manifest, opened.name),
            "unit": opened.unit,
            "sigma": release.sigma,
            "epsilon": epsilon,
        }
        table.append(row | {"delta": delta, "promised": release.epsilon})
        # Epsilon is rounded up, which is no leave to promise less than the law itself.
        if epsilon > release.epsilon * (1 + ROUNDED) or cost.delta(release.epsilon) > delta * (1 + ROUNDED):
            lines.append(f"{opened.name}: costs epsilon {epsilon:.6g}, and the manifest promises {release.epsilon:g}")
    budget, spent = releases_of(manifest).rho, joint(agreed).rho
    if spent > budget * (1 + SLACK):
        lines.append(f"all releases together cost rho {spent:.6g}, and the manifest's budget is {budget:.6g}")
    nothing = {"unit": "none", "sigma": 0, "epsilon": None, "delta": 0, "promised": None}
    exact = (_title(manifest, each.name) for each in releases_of(manifest).each if each.mechanism != NOISE)
    table.extend({"release": name} | nothing for name in exact)
    return lines, table


def _title(manifest: Manifest, name: str) -> str:
    """Return the name of a release; of a score with its parameters."""
    if name != SCORE or not isinstance(manifest, SimulationManifest) or manifest.gradient is None:
        return name
    return f"{name} by {', '.join(manifest.gradient.parameters)}"


def disclosures(events: Sequence[Event], proofs: Mapping[int, DeliveryProof]) -> dict[str, dict[str, Any]]:
    """Return what each party was told by one aggregator: answers, bytes, and the hash of all their hashes.

    Args:
        events: of its ledger.
        proofs: what it has shown of it, by round; without any of a round that it closed, all parties are one.
    """
    found: dict[str, list[Any]] = defaultdict(lambda: [0, 0, hashlib.sha256()])
    closed = [each for each in events if isinstance(each, RoundEvent)]
    nothing_shown = proofs.keys().isdisjoint(each.agreed.number for each in closed)
    for event in closed:
        shown = proofs[event.agreed.number].told.values() if event.agreed.number in proofs else event.told
        lines = [(told.party, 1, told.size, told.digest) for told in shown]
        if event.deliveries is not None and nothing_shown:
            lines = [(EVERYBODY, event.deliveries.parties, event.deliveries.size, event.deliveries.root)]
        for party, count, size, digest in lines:
            entry = found[party]
            entry[0] += count
            entry[1] += size
            entry[2].update(digest)
    return {party: {"count": n, "bytes": size, "sha256": h.hexdigest()} for party, (n, size, h) in found.items()}


def misstatements(manifest: Manifest, events: Sequence[Event], proofs: Mapping[int, DeliveryProof]) -> list[str]:
    """Return the rounds of which an aggregator shows something else than its ledger has the root of.

    Each party has the place under the root that the ledger's line gives it: with two of them it could be shown as two.
    """
    lines, told = [], _recipients(manifest, events)
    for event in (each for each in events if isinstance(each, RoundEvent)):
        number, deliveries = event.agreed.number, event.deliveries
        if deliveries is not None and deliveries.parties != len(told[number]):
            lines.append(f"round {number}: a root of {deliveries.parties} parties, and {len(told[number])} were told")
        elif (proof := proofs.get(number)) is not None:
            try:
                same = deliveries is not None and (proof.parties, proof.root) == (deliveries.parties, deliveries.root)
            except ParameterError as error:
                lines.append(f"round {number}: {error}")
                continue
            if not same:
                lines.append(f"round {number}: what is shown has not the root of the ledger")
            elif any(each.party != told[number][place] for place, each in proof.told.items()):
                lines.append(f"round {number}: a party is shown in another one's place")
    return lines


def unshown(manifest: Manifest, events: Sequence[Event], proofs: Mapping[int, DeliveryProof]) -> list[str]:
    """Return what an aggregator leaves out of what it shows: of a round that told parties of whom it shows others."""
    told = _recipients(manifest, events)
    rooted = [each.agreed.number for each in events if isinstance(each, RoundEvent) and each.deliveries is not None]
    numbers = proofs.keys() & {*rooted}  # a crash may leave a line of a round alone
    if rooted and not numbers:
        return ["what it told each party is not shown; ask its operator for the deliveries beside its ledger"]
    shown = {number: {each.party for each in proofs[number].told.values()} for number in numbers}
    anywhere = {party for parties in shown.values() for party in parties}
    missing = {number: anywhere.intersection(told[number]) - shown.get(number, set()) for number in rooted}
    gaps = {number: parties for number, parties in missing.items() if parties}
    if not gaps:
        return []
    first = min(gaps)
    return [
        f"what it told parties in {quantity(len(gaps), 'round')} is not shown, though of others it is; "
        f"the first is round {first}: {', '.join(sorted(gaps[first])[:MOST_NAMED])}"
    ]


def _recipients(manifest: Manifest, events: Sequence[Event]) -> dict[int, tuple[str, ...]]:
    """Return who was told something of each round, in the order of its root's leaves."""
    agreed = rounds(events)
    by_messages = _by_messages(manifest, [each.number for each in agreed])
    plan = ReleasePlan.of(manifest)
    return {each.number: plan.recipients(each, by_messages=by_messages) for each in agreed}


def refusals(events: Sequence[Event]) -> list[str]:
    """Return why rounds did not close or were computed again, and which clients were missing when."""
    lines = [f"round {each.number}: {each.reason}" for each in events if isinstance(each, RefusalEvent)]
    repeats = (each for each in events if isinstance(each, RepeatEvent))
    lines += [f"round {each.number}: computed again, for {each.reason}" for each in repeats]
    for event in events:
        if isinstance(event, RoundEvent) and event.absent:
            lines.append(f"round {event.agreed.number}: without {', '.join(event.absent)}")
        if isinstance(event, RoundEvent) and event.agreed.refused:
            lines.append(f"round {event.agreed.number}: shares out of range of {', '.join(event.agreed.refused)}")
    return lines + inquiries.inquiry_notes(events)
