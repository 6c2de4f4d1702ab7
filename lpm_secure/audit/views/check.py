"""The view audit: what aggregators of this build see in a small run does not depend on what is private in it.

Whole runs over real parties in this process, with the clients' coins chosen. An aggregator that expands its shares
from keys receives the same bytes whatever the secrets. At the last aggregator, all but the words of shares are the
same, and those words are fair coins in either world. Broken sharings go through the same code, as often, against the
same bound, and must be caught.

Security: joint computations are stood in for by ideal ones here, and edges are dense: what those servers see of each
    other has tests of its own.
"""

from typing import Final

import msgspec
import numpy as np

from lpm_secure.audit.views.mutants import BROKEN
from lpm_secure.audit.views.recording import RecordedWorld, RunRecording, record
from lpm_secure.audit.views.statistic import smallest
from lpm_secure.audit.views.sum_world import SumWorld
from lpm_secure.audit.views.world import World
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing import Sharing
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, SimulationManifest, is_active
from protocols.task.parties import ClientParty, DealerParty, InstitutionParty
from protocols.task.rounds import Phase
from protocols.task.secure_sum.spec import SecureSum

RUNS: Final = 3_000  # in each world
LEVEL: Final = 1e-6  # bound of the smallest p-value, corrected for the number of tests; seeds are fixed
AGENTS: Final = ((1, 2, 3), (4, 5))
INSTITUTIONS: Final = (InstitutionParty("client-0"), InstitutionParty("client-1"))
MUTANTS: Final = {type(each).__name__: each for each in BROKEN}


def small(manifest: Manifest) -> Manifest:
    """Return a run of the kind and with the number of aggregators of another, and of few clients."""
    return small_sum(manifest) if isinstance(manifest, SecureSum) else small_simulation(manifest)


def small_sum(manifest: SecureSum) -> SecureSum:
    """Return sums of five words over two institutions."""
    changes = {"clients": INSTITUTIONS, "shape": (5,), "rounds": 2, "min_cohort": 2, "releases": None, "trust": None}
    return msgspec.structs.replace(manifest, **changes, join_timeout_s=30.0, round_timeout_s=30.0)


def small_simulation(manifest: SimulationManifest) -> SimulationManifest:
    """Return a simulation in the mode and with the model of another, of five agents."""
    mpc = tuple(msgspec.structs.replace(party, mpc=party.mpc or party.address) for party in manifest.aggregators)
    outcome, model, masked = manifest.mode == "outcome", manifest.model.agents, is_active(manifest)
    changes = {
        "clients": tuple(ClientParty(f"client-{at}", agents) for at, agents in enumerate(AGENTS)),
        "aggregators": mpc if outcome and not masked else manifest.aggregators,
        "dealer": (manifest.dealer or DealerParty("dealer", "localhost:1")) if outcome or masked else None,
        "cells": (5,) * (len(model.cell_names) or 2),
        "steps": 3,
        "period": 2,
        "max_message": 200 * max(model.most, default=1),
        "min_cohort": 1,
        "min_count": 0,
        "engine": bool(model.public),
        "edges": "dense",
        "devices": None,
        "gradient": None,
        "releases": None,
        "trust": None,
        "join_timeout_s": 30.0,
        "round_timeout_s": 30.0,
        "testbed_seed": 7,
        "replicates": 2 if manifest.copies > 1 else msgspec.UNSET,
    }
    return msgspec.structs.replace(manifest, **changes)


def draw(manifest: Manifest, seed: int) -> RecordedWorld:
    """Return a world of a run in which all that is private is drawn."""
    return SumWorld.draw(manifest, seed) if isinstance(manifest, SecureSum) else World.draw(manifest, seed)


def receives_the_same(manifest: Manifest) -> list[str]:
    """Return which aggregators receive, in two worlds, what differs by more than the words of shares."""
    one, other = (record(draw(manifest, world), seed=5) for world in (1, 2))
    *keyed, last = (party.name for party in manifest.aggregators)
    lines = [
        f"{name} sees different bytes in two worlds" for name in keyed if one.bytes_to(name) != other.bytes_to(name)
    ]
    if one.bytes_to(last, words=False) != other.bytes_to(last, words=False):
        lines.append(f"{last} sees, beside the words of shares, something that differs in two worlds")
    if one.bytes_to(last) == other.bytes_to(last):
        lines.append("two worlds are the same to the last aggregator, words included: this check cannot fail")
    return lines


def split(sharing: Sharing, recording: RunRecording, client: str, keys: tuple[bytes, ...]) -> U64:
    """Return the words that a client of a recorded run sends under other coins; its vectors do not depend on these."""
    vectors = recording.vectors[client]
    return np.concatenate([sharing.split(vector, keys, round_number=number) for number, vector in vectors])


def lag_of(manifest: Manifest, client: str) -> int:
    """Return how many words of a client lie between a step's and the next one's."""
    layout = Layout.of(manifest)
    return layout.d + manifest.schedule.outcome * layout.words(Phase.DECIDE, client)


def judge(manifest: Manifest, sharing: Sharing, *, runs: int = RUNS) -> tuple[float, str]:
    """Return the last aggregator's verdict on a sharing: its smallest p-value, and of which tests."""
    client = manifest.clients[0].name
    worlds = []
    for number in (1, 2):
        coins = np.random.default_rng([number, 9])
        recording = record(draw(manifest, number), number, sharing)
        keys = (tuple(coins.bytes(32) for _ in range(sharing.k - 1)) for _ in range(runs))
        worlds.append([split(sharing, recording, client, each) for each in keys])
    return smallest(np.array(worlds), lag_of(manifest, client))


def audit(manifest: Manifest, sharing: Sharing | None = None, *, runs: int = RUNS) -> list[str]:
    """Return what is wrong with what aggregators see; nothing of an honest build.

    Args:
        manifest: of the run, for its mode, model and number of aggregators.
        sharing: instead of the build's own.
        runs: in each world.
    """
    given = small(manifest)
    found = [] if sharing else receives_the_same(given)
    if sharing:
        given = msgspec.structs.replace(given, aggregators=given.aggregators[: sharing.k])
    p, name = judge(given, sharing or given.share(), runs=runs)
    if p < LEVEL:
        found.append(f"the last aggregator sees words that are no fair coins: p = {p:.1g} ({name})")
    return found
