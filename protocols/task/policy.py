"""A policy: what a client's owner allows, held against a manifest."""

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, final

import msgspec

from protocols.errors import BadSignature, ConfigError, ParameterError, PolicyConflict
from protocols.identity.signing import PublicKey
from protocols.identity.trust import Name, Trust
from protocols.models.outcome import Threshold
from protocols.releases.query import NOISE, Release
from protocols.task.base import Security
from protocols.task.manifest import MOST_COPIES, Manifest, SimulationManifest, compares, is_active, refuses_differencing
from protocols.task.release_plan import releases_of
from protocols.task.secure_sum.spec import SecureSum
from protocols.task.signature import require_countersigned, trust_of
from protocols.toml_file import load_config

Output = Literal["tally", "observables", "incidence", "running", "cells", "gradient", "sum"]
Epsilon = Annotated[float, msgspec.Meta(ge=0)]


@final
class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a client's owner allows; a TOML file without tables.

    Attributes:
        min_cohort: a release covers at least so many clients that have agents.
        max_epsilon: what all releases of a run together may cost, as their sigmas say: the epsilon and the delta that
            a manifest promises are not taken on trust. `inf` allows exact releases, which no epsilon bounds.
        max_delta: at which that epsilon is reckoned.
        total_epsilon: what all runs that this client has consented to may cost together; max_epsilon unless given.
        consents: the folder where these are kept, relative to this file: one for all kits of the same people. That of
            the client's configuration unless given.
        min_count: smaller counts are suppressed, as the manifest promises.
        min_aggregators: among so many servers at least every number is split.
        validity: "bits" asks that numbers of all clients are held against their ranges before they count; "off" allows
            a run in which they are not.
        modes: "outcome", "sum", or both.
        edges: how edges between clients may be hidden.
        outputs: what may be released: tally (counts of stages), observables (totals of a model's numbers), incidence,
            running (totals of it), cells (totals), gradient (of a simulation), sum (of institutions' vectors).
        reveals: what of an outcome agents' holders may learn: "bit", and "sum", the exact number.
        thresholds: when a model may set thresholds: "once", when a level begins anew ("restart"), in each "step". Who
            sets them in each step can ask another question of its contacts in each.
        security: "active" refuses runs in which an aggregator has to follow the protocol for nothing to be read. It
            allows both ways to compare, by keys and by a tree.
        operators: who may run the run, its aggregators and its dealer.
        identities: of some of these, by their names, the Ed25519 key, 32 bytes in base64, that their server must have.
        countersigned: the operator of every server has signed the manifest too, by its server's key.
        compare_contacts: allow that each other client of a run learns which of its own contacts this one lists too.
        twins: allow that all parties read how many of this client's agents are in each cell, and that the engine is
            told in which steps it takes part, so that synthetic agents stand in for its own when it does not.
        refuse_differencing: an exact release that would tell, together with those before it, of fewer than the
            manifest's min_cohort alone ends the run before it is made; it may not go on without one that is cut off.
        replicates: at most so many replicates of a run may be made at once: each tells as much as a run does.
        testbed: allow a manifest that holds the seed of all draws: for simulated people only.
    """

    min_cohort: Annotated[int, msgspec.Meta(ge=1)]
    max_epsilon: Epsilon
    max_delta: Annotated[float, msgspec.Meta(gt=0, le=0.001)] = 1e-5
    total_epsilon: Epsilon | None = None
    consents: str | None = None
    min_count: Annotated[int, msgspec.Meta(ge=0)] = 0
    min_aggregators: Annotated[int, msgspec.Meta(ge=1)] = 2
    validity: tuple[Literal["bits", "off"], ...] = ("bits",)
    modes: tuple[Literal["outcome", "sum"], ...]
    edges: tuple[str, ...] = ("dense",)
    outputs: tuple[Output, ...]
    security: Security = "semi-honest"
    operators: tuple[Name, ...]
    identities: dict[Name, PublicKey] = {}
    reveals: tuple[Literal["bit", "sum"], ...] = ("bit",)
    thresholds: tuple[Threshold, ...] = ("once", "restart")
    countersigned: bool = False
    compare_contacts: bool = True
    twins: bool = False
    refuse_differencing: bool = False
    replicates: Annotated[int, msgspec.Meta(ge=1, le=MOST_COPIES)] = 1
    testbed: bool = False

    def __post_init__(self) -> None:
        """Check that every key that is pinned is of an operator who may take part: another name pins nothing.

        Raises:
            ParameterError: one is not.
        """
        if strangers := sorted(self.identities.keys() - {*self.operators}):
            raise ParameterError(
                f"identities pins a key of {strangers[0]}, who is not among operators: {_list(self.operators)}; "
                "correct the name, or leave it out"
            )


@final
@dataclass(frozen=True, slots=True)
class OwnersPolicy:
    """A policy, and the file that a refusal points to."""

    policy: Policy
    path: Path
    content: bytes

    @property
    def digest(self) -> bytes:
        """Return the SHA-256 of the file, as the consent names it."""
        return hashlib.sha256(self.content).digest()

    def consents(self, folder: Path) -> Path:
        """Return where consents are kept of a client whose configuration is in `folder`.

        Raises:
            ConfigError: the policy names no folder.
        """
        if self.policy.consents is None:
            return folder
        if not (kept := self.path.parent / self.policy.consents).is_dir():
            raise ConfigError(
                f"{self.path}:{self.line('consents')}: {kept} is no folder; make it once, with what its owner has "
                "consented to before"
            )
        return kept

    def line(self, key: str) -> int:
        """Return the line of a key, from 1; 0 where its default counts."""
        pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
        lines = self.content.decode("utf-8", errors="replace").splitlines()
        return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 0)


def load_policy(path: Path) -> OwnersPolicy:
    """Read a policy; errors are ConfigError."""
    policy = load_config(path, Policy)
    return OwnersPolicy(policy, path, path.read_bytes())


def check_countersignatures(manifest: Manifest, path: Path, owners: OwnersPolicy) -> None:
    """Hold the signatures beside a manifest's file against a policy.

    Raises:
        PolicyConflict: the policy asks for one of each server's operator, and one is missing or wrong.
    """
    if not owners.policy.countersigned:
        return
    try:
        require_countersigned(path, manifest)
    except (BadSignature, ParameterError) as error:
        where = f"{owners.path}:{owners.line('countersigned')}"
        raise PolicyConflict(
            f"the policy does not allow this run: {where}: every server's operator signs: {error}"
        ) from error


def outputs_of(manifest: Manifest) -> tuple[Output, ...]:
    """Return what a run releases."""
    each = [release.name for release in releases_of(manifest).each]
    found: tuple[Output, ...] = tuple(name for name in each if name != "score")  # it is a gradient
    if isinstance(manifest, SecureSum):
        return found
    if "tally" in each and any(word.stage_of is None for word in manifest.model.agents.tally):
        found = (*found, "observables")
    return (*found, "gradient") if manifest.gradient is not None else found


def rho_of(manifest: Manifest) -> float:
    """Return what all releases of a run may cost in zero-concentrated privacy; without noise, no bound: infinity."""
    each = releases_of(manifest).each
    scored = (
        isinstance(manifest, SimulationManifest) and manifest.gradient is not None and not manifest.gradient.relaxed
    )
    if scored or any(release.mechanism != NOISE for release in each):
        return math.inf
    copies = manifest.copies if isinstance(manifest, SimulationManifest) else 1
    return math.fsum(release.rho(_most(manifest, release), copies=copies) for release in each)


def epsilon_of(rho: float, delta: float) -> float:
    """Return the epsilon of a cost in zero-concentrated privacy, at a delta.

    Never too low; up to a quarter above what the audit's accountant finds.

    Source: Canonne, Kamath, Steinke 2020 (arXiv 2004.00010), Proposition 12, over a grid of alpha.
    """
    if rho == 0 or math.isinf(rho):
        return rho
    alphas = (1 + 1.02**power for power in range(-400, 700))
    least = min(
        a * rho + a * math.log1p(-1 / a) / (a - 1) - (math.log(delta) + math.log(a - 1)) / (a - 1) for a in alphas
    )
    return max(least, 0.0)


def _most(manifest: Manifest, release: Release) -> int:
    """Return how often a release may be made: of a secure sum, also for the pools of a round."""
    return release.times if isinstance(manifest, SecureSum) else manifest.steps + 1


def check(manifest: Manifest, owners: OwnersPolicy, *, spent: float = 0.0) -> None:
    """Hold a manifest against a policy.

    Args:
        spent: what the runs cost that the client has consented to before, in zero-concentrated privacy.

    Raises:
        PolicyConflict: the manifest asks for more; every line of the file that does not allow it is named.
    """
    conflicts = [
        f"{owners.path}:{line}: {said}" if (line := owners.line(key)) else f"{owners.path}: {said} (by default)"
        for key, said in _conflicts(manifest, owners.policy, spent)
    ]
    if conflicts:
        raise PolicyConflict("the policy does not allow this run: " + "; ".join(conflicts))


def _conflicts(manifest: Manifest, policy: Policy, spent: float) -> Iterator[tuple[str, str]]:
    for key, asked, promised in (
        ("min_cohort", policy.min_cohort, manifest.min_cohort),
        ("min_aggregators", policy.min_aggregators, len(manifest.aggregators)),
    ):
        if promised < asked:
            yield key, f"{key} must be {asked} or more, and the manifest promises {promised}"
    yield from _costs(rho_of(manifest), policy, spent)
    if policy.security == "active" and not is_active(manifest):
        yield "security", "it must be active, and the manifest's is not: an aggregator that lies finds out about inputs"
    if isinstance(manifest, SimulationManifest):
        yield from _conflicts_of_simulation(manifest, policy)
    for output in outputs_of(manifest):
        if output not in policy.outputs:
            yield "outputs", f"allowed are {_list(policy.outputs)}, and the manifest releases {output}"
    yield from _strangers(trust_of(manifest), policy)


def _conflicts_of_simulation(manifest: SimulationManifest, policy: Policy) -> Iterator[tuple[str, str]]:
    if manifest.min_count < policy.min_count:
        said = f"min_count must be {policy.min_count} or more, and the manifest promises {manifest.min_count}"
        yield "min_count", said
    if manifest.validity not in policy.validity:
        yield "validity", f"allowed are {_list(policy.validity)}, and the manifest asks for {manifest.validity}"
    if manifest.mode not in policy.modes:
        yield "modes", f"allowed are {_list(policy.modes)}, and the manifest asks for {manifest.mode}"
    if manifest.edges not in policy.edges:
        yield "edges", f"allowed are {_list(policy.edges)}, and the manifest asks for {manifest.edges}"
    for outcome in manifest.model.agents.outcomes if manifest.mode == "outcome" else ():
        if outcome.reveals not in policy.reveals:
            yield (
                "reveals",
                f"allowed are {_list(policy.reveals)}, and the outcome {outcome.name} reveals a {outcome.reveals}",
            )
        if outcome.is_bit and outcome.threshold not in policy.thresholds:
            yield (
                "thresholds",
                f"allowed are {_list(policy.thresholds)}, and that of {outcome.name} may change: {outcome.threshold}",
            )
    if policy.refuse_differencing and not refuses_differencing(manifest):
        yield "refuse_differencing", "the manifest allows exact releases that together tell of a few clients"
    if compares(manifest) and not policy.compare_contacts:
        yield "compare_contacts", "clients of this run compare what they list of contacts between their agents"
    if manifest.twins and not policy.twins:
        yield "twins", "the manifest says how many agents are in each cell, for twins that stand in for who is away"
    if manifest.copies > policy.replicates:
        said = f"{policy.replicates} may be made at once, and the manifest asks for {manifest.copies} replicates"
        yield "replicates", f"{said}, each of which tells as much as a run"
    if manifest.testbed_seed is not None and not policy.testbed:
        yield "testbed", "the manifest holds the seed of all draws, which is for simulated people only"


def _costs(rho: float, policy: Policy, spent: float) -> Iterator[tuple[str, str]]:
    """Yield what a run costs too much: by itself, and beside those that the client has consented to before."""
    alone, together = epsilon_of(rho, policy.max_delta), epsilon_of(rho + spent, policy.max_delta)
    if alone > policy.max_epsilon:
        cost = "releases exact numbers, which no epsilon bounds" if math.isinf(alone) else f"spends {alone:g}"
        yield "max_epsilon", f"epsilon may be {policy.max_epsilon:g}, and the manifest {cost}"
    elif together > (total := policy.max_epsilon if policy.total_epsilon is None else policy.total_epsilon):
        yield (
            "total_epsilon",
            f"all runs of this client may spend an epsilon of {total:g} together, and with this one it is {together:g}",
        )


def _strangers(trust: Trust, policy: Policy) -> Iterator[tuple[str, str]]:
    operators = {trust.operator, *(keys.operator for keys in trust.keys.values())}
    for operator in sorted(operators - set(policy.operators)):
        yield "operators", f"{operator} is not among the operators that are allowed"
    for keys in trust.keys.values():
        if (pinned := policy.identities.get(keys.operator, keys.identity)) != keys.identity:
            yield (
                "identities",
                f"the key of {keys.operator} is {pinned.hex()[:16]}, and the manifest's {keys.identity.hex()[:16]}",
            )


def _list(values: tuple[str, ...]) -> str:
    return ", ".join(values) or "none"
