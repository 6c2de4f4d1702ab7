"""What a run tells whom, in words."""

import math
from typing import Final

import msgspec

from protocols.quantity import quantity
from protocols.releases.query import NOISE, Release
from protocols.task.manifest import Manifest, SimulationManifest, is_active
from protocols.task.parties import agents_of
from protocols.task.policy import epsilon_of, rho_of
from protocols.task.release_plan import releases_of
from protocols.task.secure_sum.spec import SecureSum

SUMS: Final = (
    "Mode sum: each client learned the exact exposure of its agents in every step, and so something about their "
    "neighbours: all of a neighbour's status at one contact, 44 % of its entropy at 3, 15 % at 10."
)
NO_SUMS: Final = (
    "Mode sum: no client learned anything of its agents' neighbours, since this model's agents tell nothing to single "
    "ones."
)
DELTA: Final = 1e-5
SEEDED: Final = (
    "ALL DRAWS DERIVE FROM A SEED IN THE MANIFEST, which hides nothing: for made-up people only, and where the policy "
    "says testbed = true."
)
TREE: Final = " They compare by a tree, so one that crashes while it does ends the run."
RELEASES: Final = {
    "tally": "stage counts in every step",
    "incidence": "departures from {} in every step",
    "running": "totals of departures from {} in every step",
    "cells": "cell totals in every step",
    "score": "a score at the end by {}",
}


def describe_disclosure(manifest: Manifest) -> str:
    """Return what clients and engine learn in a run, and who must not collude, for who takes part or reads a report."""
    return f"{describe_knowledge(manifest)} {describe_security(manifest)}"


def describe_knowledge(manifest: Manifest) -> str:
    """Return what clients and engine learn in a run."""
    if isinstance(manifest, SecureSum):
        return (
            f"Nobody was simulated. In each of {quantity(manifest.rounds, 'round')} the engine announced "
            f"{quantity(manifest.length, 'number')}, and institutions answered with as many, clipped to a norm of "
            f"{manifest.norm:g}. Engine and aggregators learned each round's sum over at least "
            f"{quantity(manifest.min_cohort, 'institution')} ({_noise(manifest.release)}), and nobody one of its "
            "summands."
        )
    public = ", ".join(manifest.model.agents.public)
    heard = f" All heard the public numbers {public}, which the engine announced by these sums alone." if public else ""
    return (
        f"{said + ' ' if (said := describe_replicates(manifest)) else ''}{_learned(manifest)} "
        f"Engine and clients learned sums over at least {manifest.min_cohort} clients: "
        f"{', '.join(describe_releases(manifest)) or 'none'}.{heard}"
        f"{' ' + twins if (twins := describe_twins(manifest)) else ''}"
    )


def describe_releases(manifest: SimulationManifest) -> list[str]:
    """Return what a run opens, in words, and with which noise."""
    tally = manifest.model.agents.tally
    observables, first = [word.name for word in tally if word.stage_of is None], tally[0].name if tally else ""
    words = {**RELEASES, "tally": " and totals of ".join([RELEASES["tally"], *filter(None, [", ".join(observables)])])}
    by = {"score": ", ".join(manifest.gradient.parameters)} if manifest.gradient is not None else {}
    releases = [
        f"{words[release.name].format(by.get(release.name, first))} ({_noise(release)})"
        for release in releases_of(manifest).each
    ]
    if manifest.gradient is not None and manifest.gradient.relaxed:
        noise = "with noise as said there" if releases_of(manifest).has_noise else "exact"
        releases.append(f"{manifest.gradient.way} of these ({noise})")
    return releases


def describe_replicates(manifest: Manifest) -> str:
    """Return how much more than one run replicates tell, in a sentence; nothing of one run."""
    if not isinstance(manifest, SimulationManifest) or manifest.copies == 1:
        return ""
    n, steps, copies = agents_of(manifest.clients), manifest.steps, manifest.copies
    each = len(manifest.model.agents.outcomes) if manifest.mode == "outcome" else len(manifest.channels)
    kind = "outcomes" if manifest.mode == "outcome" else "exposures"
    return (
        f"{copies} replicates: the same people and contacts were simulated {copies} times, with other draws; all "
        f"that follows was told {copies} times: {copies * each} {kind} of each agent and step in place of {each} "
        f"({copies * each * n * steps:,} of all agents and steps), and {copies} numbers for each one of a single run. "
        "What is known of people and not drawn is the same in all: of that, many bits tell nearly as much as sums."
    )


def describe_twins(manifest: Manifest) -> str:
    """Return what twins tell of clients, and how many bits that is at most; nothing where a run has none."""
    if not isinstance(manifest, SimulationManifest) or not manifest.twins:
        return ""
    cells = len(manifest.cells)
    bits = {name: math.log2(math.comb(sum(each) + cells - 1, cells - 1)) for name, each in manifest.twins.items()}
    return (
        "Twins stand in for who is away: all parties read how many of each client's agents are in each cell "
        f"({max(bits.values()):.1f} bits of one client at most, {sum(bits.values()):.1f} of all), and the engine is "
        "told in each step who takes part (1 bit of each client and step; without twins, how many do)."
    )


def describe_cost(manifest: Manifest) -> list[str]:
    """Return what releases cost in privacy, a sentence for each that has noise, and one for all that have none."""
    each = releases_of(manifest).each
    copies = manifest.copies if isinstance(manifest, SimulationManifest) else 1
    all_of = f"series of all {copies} replicates together" if copies > 1 else "whole series"
    one = "institution" if isinstance(manifest, SecureSum) else "agent"
    later = "" if one == "institution" else " What an agent does to others later in the run is not covered."
    lines = [
        f"{release.name}: with noise. Whoever sees the {all_of} learns of what one {one} adds to it at most as "
        f"much as epsilon {release.epsilon:.4g} allows, but for a chance of {release.delta:g}.{later}"
        for release in each
        if release.mechanism == NOISE
    ]
    exact = [release.name for release in each if release.mechanism != NOISE]
    if exact:
        least = manifest.min_count if isinstance(manifest, SimulationManifest) else 0
        lines.append(
            f"{' and '.join(exact)}: exact. No budget bounds what they tell; what protects a person is that each is "
            f"over at least {manifest.min_cohort} clients"
            + (f", and that counts below {least} are released as 0." if least else ".")
        )
    return lines


def cost_words(manifest: Manifest) -> str:
    """Return what all releases of a run cost together, in a sentence."""
    epsilon = epsilon_of(rho_of(manifest), DELTA)
    if epsilon < float("inf"):
        return f"All releases together cost an epsilon of at most {epsilon:.3g} at a delta of {DELTA:g}."
    return "Exact numbers are released, which no epsilon bounds."


def describe_security(manifest: Manifest) -> str:
    """Return who must not pool what they have, and whether a server that lies reads anything, for who consents."""
    if is_active(manifest):
        decides = isinstance(manifest, SimulationManifest) and manifest.schedule.outcome
        read = "totals, levels and bits" if decides else "sums alone"
        tree = TREE if isinstance(manifest, SimulationManifest) and manifest.comparison else ""
        return (
            "Active: one aggregator that lies, with the engine and any clients, reads no input, nor does the dealer as "
            "long as it follows the protocol. The dealer and an aggregator must not pool what they have: together they "
            f"read all inputs. Both aggregators together read {read}, and more if they lie.{tree}"
        )
    bound = len(manifest.aggregators) - 1 if manifest.trust is None else manifest.trust.collusion_bound
    dealer = ", nor the dealer with any of them" if manifest.dealer else ""
    return (
        f"Semi-honest: an aggregator that lies can read inputs. More than {bound} of the {len(manifest.aggregators)} "
        f"aggregators must not pool what they have{dealer}."
    )


def reveals_sums(manifest: SimulationManifest) -> bool:
    """Return whether clients learn exact sums of what others told their agents."""
    if manifest.mode == "sum":
        return bool(manifest.channels)
    return not all(outcome.is_bit for outcome in manifest.model.agents.outcomes)


def _learned(manifest: SimulationManifest) -> str:
    if manifest.mode == "sum":
        return SUMS if reveals_sums(manifest) else NO_SUMS
    outcomes = "; ".join(outcome.disclosure for outcome in manifest.model.agents.outcomes)
    said = f"Mode outcome: each client learned, for each of its agents and steps, {outcomes or 'nothing'}."
    if manifest.common_draws is not msgspec.UNSET:
        said += f" Its agents had the same draws in groups of {manifest.common_draws}, and other contacts."
    return f"{said} An exact sum says much about neighbours." if reveals_sums(manifest) else said


def _noise(release: Release) -> str:
    if release.mechanism != NOISE:
        return "exact"
    if release.norms is msgspec.UNSET:
        return f"with noise of sigma {release.sigma:g}"
    value, derivative = (release.sigma * norm for norm in release.norms)
    return f"with noise of sigma {value:g}, and {derivative:g} in derivatives by each parameter"
