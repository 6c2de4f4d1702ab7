"""What a manifest asks, in plain sentences and in days: for whoever reads it before they take part."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from protocols.arithmetic.counters import Step
from protocols.quantity import quantity
from protocols.releases.query import SCORE, SERIES, Release
from protocols.report.disclosure import SEEDED, cost_words, describe_cost, describe_knowledge, describe_security
from protocols.report.model_report import parameters_in_words
from protocols.report.terminal import align
from protocols.task.manifest import Manifest, SimulationManifest
from protocols.task.parties import agents_of
from protocols.task.release_plan import ReleasePlan, releases_of
from protocols.task.secure_sum.spec import SecureSum
from protocols.task.timeouts import patience_s

WIDTH: Final = 100  # characters of a line
FIRST, LATER = Step(0), Step(1)
MOST_NAMED: Final = 8  # clients
UNITS: Final = ((3600, "hour"), (60, "minute"), (1, "second"))


def describe_run(manifest: Manifest) -> Mapping[str, tuple[str, ...]]:
    """Return sentences by what they are about; of a simulation also its parameters, in days and per cent."""
    told = "What each party is told, as the run's report will say"
    topics: dict[str, tuple[str, ...]] = {"Who takes part": tuple(_parties(manifest))}
    if isinstance(manifest, SecureSum):
        topics[told] = (describe_knowledge(manifest),)
    else:
        topics |= {"What is simulated": tuple(_simulated(manifest)), "Parameters": tuple(_parameters(manifest))}
        topics[told] = (describe_knowledge(manifest), *_numbers(manifest))
    topics["What the releases cost in privacy"] = (*describe_cost(manifest), cost_words(manifest))
    topics["How long parties wait"] = (_waits(manifest),)
    topics["Who must not collude"] = (describe_security(manifest),)
    return {title: said for title, said in topics.items() if said}


def overview_lines(manifest: Manifest) -> Iterator[str]:
    """Yield the same for a terminal: each heading, and its sentences below it."""
    for title, sentences in describe_run(manifest).items():
        yield title
        for said in sentences:
            yield from textwrap.wrap(said, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
        yield ""


def _parties(manifest: Manifest) -> Iterator[str]:
    if isinstance(manifest, SecureSum):
        clients, turn = quantity(len(manifest.clients), "institution"), "round"
    else:
        agents = quantity(agents_of(manifest.clients), "private agent")
        clients, turn = f"{quantity(len(manifest.clients), 'client')} with {agents} together", "step"
    yield f"{manifest.name}: {clients} ({_named(each.name for each in manifest.clients)})."
    keys = {} if manifest.trust is None else manifest.trust.keys
    servers = [("aggregator", each.name) for each in manifest.aggregators]
    servers += [("dealer", manifest.dealer.name)] if manifest.dealer else []
    who = [f"{kind} {name}{f' of {keys[name].operator}' if name in keys else ''}" for kind, name in servers]
    yield f"Servers: {', '.join(who)}.{f' An engine announces in every {turn}.' if manifest.engine else ''}"
    if manifest.trust is not None:
        trust = manifest.trust
        yield f"The run is of {trust.operator}, between {trust.not_before:%F %T} and {trust.not_after:%F %T} UTC."


def _simulated(manifest: SimulationManifest) -> Iterator[str]:
    model, n = manifest.model, len(manifest.cells)
    fields = [field.stages for field in model.graph.fields.values() if field.stages]
    stages = "; ".join(" | ".join(each) for each in fields) or "no stages"
    start = "no date is given" if manifest.start is msgspec.UNSET else f"the first on {manifest.start:%F}"
    yield (
        f"{quantity(manifest.steps, 'step')} of {_days(manifest.dt)} each, {_days(manifest.days)} in all; {start}. "
        f"The model's stages are {stages}; its graph is {model.digest[:16]}."
    )
    if manifest.channels:
        again = ", which are played again and again" if manifest.period < manifest.steps else ""
        meet = f"contacts are given for {quantity(manifest.period, 'step')}{again}"
        yield f"Agents meet on {', '.join(manifest.channels)}: {meet}."
    if n:
        sizes = " to ".join(f"{size:,}" for size in sorted({min(manifest.cells), max(manifest.cells)}))
        yield f"They mix in {quantity(n, 'cell')}, of {sizes} people each."
    if manifest.testbed_seed is not None:
        yield SEEDED


def _parameters(manifest: SimulationManifest) -> tuple[str, ...]:
    rows = parameters_in_words(manifest.model.graph, manifest.model.parameters, dt=manifest.dt)
    return align((name, f"{value} ({unit})") for name, value, unit in rows) if rows else ()


def _numbers(manifest: SimulationManifest) -> Iterator[str]:
    """Yield how many bits and sums a client, and how many sums the engine and clients, are told at most."""
    n, outcomes = agents_of(manifest.clients) * manifest.copies, manifest.model.agents.outcomes
    bits = sum(each.is_bit for each in outcomes) if manifest.mode == "outcome" else 0
    sums = len(outcomes) - bits if manifest.mode == "outcome" else len(manifest.channels)
    kinds = [quantity(count, kind) for count, kind in ((bits, "bit"), (sums, "exact sum")) if count]
    if kinds:
        told = (bits + sums) * n * manifest.steps
        copies = f" in each of {manifest.copies} replicates" if manifest.copies > 1 else ""
        yield f"In numbers: {' and '.join(kinds)} of each agent and step at most{copies}, {told:,} over the whole run."
    plan = ReleasePlan.of(manifest)
    each = [(release, _released(manifest, release) * plan.width) for release in releases_of(manifest).each]
    stepwise = sum(count for release, count in each if release.name != SCORE)
    score = next(
        (f", and {quantity(count, 'number')} at the end" for release, count in each if release.name == SCORE), ""
    )
    yield f"Opened over all clients: {quantity(stepwise, 'number')} in every step{score}."


def _released(manifest: SimulationManifest, release: Release) -> int:
    """Return how many numbers a release has, each time, of one copy."""
    if release.name in SERIES:
        return 1
    if release.name == SCORE:
        return len(manifest.require_gradient().parameters)
    agents = manifest.model.agents
    return len(manifest.cells) * max(1, len(agents.cell_most)) if release.name == "cells" else len(agents.tally)


def _waits(manifest: Manifest) -> str:
    first, later = (_time(each) for each in (manifest.join_timeout_s, manifest.round_timeout_s))
    longest = [_time(patience_s(manifest, step)) for step in (FIRST, LATER)]
    return (
        f"A round waits for clients for {first} at the beginning and {later} in every later one. A party gives a "
        f"call up after {longest[0]} at the beginning and {longest[1]} later."
    )


def _named(names: Iterable[str]) -> str:
    every = list(names)
    more = f", and {len(every) - MOST_NAMED:,} more" if len(every) > MOST_NAMED else ""
    return f"{', '.join(every[:MOST_NAMED])}{more}"


def _days(days: float) -> str:
    return f"{days:g} {'day' if days == 1 else 'days'}"


def _time(seconds: float) -> str:
    size, unit = next((each for each in UNITS if seconds >= each[0] and seconds % each[0] == 0), (1, "second"))
    return f"{seconds / size:g} {unit}{'' if seconds == size else 's'}"
