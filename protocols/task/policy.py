"""Consent: what a client's owner allows, held against a manifest, and a signed record that it was given."""

import datetime
import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols import canonical_json
from protocols.errors import PolicyConflict
from protocols.identity import signing
from protocols.identity.signing import PublicKey, Signature, SignaturePurpose
from protocols.identity.trust import Digest, Moment, Name
from protocols.models.outcome import Threshold
from protocols.models.run_model import agent_model_of
from protocols.releases.query import NOISE
from protocols.task import manifest as manifests
from protocols.task.manifest import Manifest, Security
from protocols.task.release_plan import releases_of
from protocols.task.signature import trust_of
from protocols.toml_file import load_config

Output = Literal["tally", "observables", "incidence", "running", "cells", "gradient"]


@final
class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a client's owner allows; a TOML file without tables.

    Attributes:
        min_cohort: a release covers at least so many clients.
        max_epsilon: what all releases together may cost, as their sigmas say: the epsilon that a manifest promises is
            not taken on trust. `inf` allows exact releases, which no epsilon bounds.
        modes: "outcome", "sum", or both.
        edges: how edges between clients may be hidden.
        outputs: what may be released: tally (counts of stages), observables (totals of a model's numbers), incidence,
            running (totals of it), cells (totals), gradient.
        reveals: what of an outcome agents' holders may learn: "bit", and "sum", the exact number.
        thresholds: when a model may set thresholds: "once", when a level begins anew ("restart"), in each "step". Who
            sets them in each step can ask another question of its contacts in each.
        security: "active" refuses runs in which an aggregator has to follow the protocol for nothing to be read.
        operators: who may run the run, its aggregators and its dealer.
        testbed: allow a manifest that holds the seed of all draws: for simulated people only.
    """

    min_cohort: Annotated[int, msgspec.Meta(ge=1)]
    max_epsilon: Annotated[float, msgspec.Meta(ge=0)]
    modes: tuple[Literal["outcome", "sum"], ...]
    edges: tuple[str, ...] = ("dense",)
    outputs: tuple[Output, ...]
    security: Security = "semi-honest"
    operators: tuple[Name, ...]
    reveals: tuple[Literal["bit", "sum"], ...] = ("bit",)
    thresholds: tuple[Threshold, ...] = ("once", "restart")
    testbed: bool = False


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

    def line(self, key: str) -> int:
        """Return the line of a key, from 1; 0 where its default counts."""
        pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
        lines = self.content.decode("utf-8", errors="replace").splitlines()
        return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 0)


@final
class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A client's word that it takes part in a run, under its owner's policy.

    Attributes:
        run: SHA-256 of the manifest; policy: SHA-256 of the policy's file.
        given: when, UTC.
        identity: the client's Ed25519 key, which signs.
    """

    version: Literal[1] = 1
    client: Name
    run: Digest
    policy: Digest
    given: Moment
    identity: PublicKey
    signature: Signature

    def check(self) -> None:
        """Check the signature; BadSignature if it is not the identity's."""
        signing.verify(self.identity, SignaturePurpose.CONSENT, _statement(self), self.signature)


def load_policy(path: Path) -> OwnersPolicy:
    """Read a policy; errors are ConfigError."""
    policy = load_config(path, Policy)
    return OwnersPolicy(policy, path, path.read_bytes())


def outputs_of(manifest: Manifest) -> tuple[Output, ...]:
    """Return what a run releases."""
    each = [release.name for release in releases_of(manifest).each]
    found: tuple[Output, ...] = tuple(name for name in each if name != "score")  # it is a gradient
    if "tally" in each and any(word.stage_of is None for word in agent_model_of(manifest.model).tally):
        found = (*found, "observables")
    return (*found, "gradient") if manifest.gradient is not None else found


def epsilon_of(manifest: Manifest) -> float:
    """Return what all releases of a run may cost at the smallest delta that it names: without noise, no bound.

    Never too low; up to a quarter above what the audit's accountant finds.

    Source: Canonne, Kamath, Steinke 2020 (arXiv 2004.00010), Proposition 12, over a grid of alpha.
    """
    each = releases_of(manifest).each
    if manifest.gradient is not None or not all(release.mechanism == NOISE and release.delta for release in each):
        return math.inf
    if not each:
        return 0.0
    rho = math.fsum(release.rho(manifest.steps + 1) for release in each)
    log_delta = math.log(min(release.delta for release in each))
    alphas = (1 + 1.02**power for power in range(-400, 700))
    return min(a * rho + a * math.log1p(-1 / a) / (a - 1) - (log_delta + math.log(a - 1)) / (a - 1) for a in alphas)


def check(manifest: Manifest, owners: OwnersPolicy) -> None:
    """Hold a manifest against a policy.

    Raises:
        PolicyConflict: the manifest asks for more; every line of the file that does not allow it is named.
    """
    conflicts = [
        f"{owners.path}:{line}: {said}" if (line := owners.line(key)) else f"{owners.path}: {said} (by default)"
        for key, said in _conflicts(manifest, owners.policy)
    ]
    if conflicts:
        raise PolicyConflict("the policy does not allow this run: " + "; ".join(conflicts))


def _conflicts(manifest: Manifest, policy: Policy) -> Iterator[tuple[str, str]]:
    if manifest.min_cohort < policy.min_cohort:
        yield (
            "min_cohort",
            f"releases must cover {policy.min_cohort} clients, and the manifest promises {manifest.min_cohort}",
        )
    if (epsilon := epsilon_of(manifest)) > policy.max_epsilon:
        cost = "releases exact numbers, which no epsilon bounds" if math.isinf(epsilon) else f"spends {epsilon:g}"
        yield "max_epsilon", f"epsilon may be {policy.max_epsilon:g}, and the manifest {cost}"
    if manifest.mode not in policy.modes:
        yield "modes", f"allowed are {_list(policy.modes)}, and the manifest asks for {manifest.mode}"
    if manifest.edges not in policy.edges:
        yield "edges", f"allowed are {_list(policy.edges)}, and the manifest asks for {manifest.edges}"
    if policy.security == "active" and manifest.security != "active":
        yield (
            "security",
            f"it must be active, and the manifest is {manifest.security}: an aggregator that lies reads inputs",
        )
    for outcome in agent_model_of(manifest.model).outcomes if manifest.mode == "outcome" else ():
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
    for output in outputs_of(manifest):
        if output not in policy.outputs:
            yield "outputs", f"allowed are {_list(policy.outputs)}, and the manifest releases {output}"
    trust = trust_of(manifest)
    operators = {trust.operator, *(keys.operator for keys in trust.keys.values())}
    for operator in sorted(operators - set(policy.operators)):
        yield "operators", f"{operator} is not among the operators that are allowed"
    if manifest.testbed_seed is not None and not policy.testbed:
        yield "testbed", "the manifest holds the seed of all draws, which is for simulated people only"


def _list(values: tuple[str, ...]) -> str:
    return ", ".join(values) or "none"


def give(
    manifest: Manifest,
    owners: OwnersPolicy,
    *,
    client: str,
    identity: Ed25519PrivateKey,
    now: datetime.datetime | None = None,
) -> Consent:
    """Check the policy, and sign that the client takes part; see `check`."""
    check(manifest, owners)
    unsigned = Consent(
        client=client,
        run=manifests.run_id(manifest),
        policy=owners.digest,
        given=(now or datetime.datetime.now(datetime.UTC)).replace(microsecond=0),
        identity=signing.public_of(identity),
        signature=bytes(64),
    )
    return msgspec.structs.replace(
        unsigned, signature=signing.sign(identity, SignaturePurpose.CONSENT, _statement(unsigned))
    )


def keep(folder: Path, consent: Consent) -> Path:
    """Write a consent into the client's folder, one file for each run; the first one of a run stays."""
    path = folder / f"consent-{consent.run.hex()[:16]}.json"
    if not path.exists():
        signing.write_private(path, canonical_json.encode(consent))
    return path


def load(path: Path) -> Consent:
    """Read a consent, and check its signature."""
    consent = canonical_json.load(path, Consent, what="consent", max_bytes=2**12)
    consent.check()
    return consent


def _statement(consent: Consent) -> bytes:
    return canonical_json.encode(msgspec.structs.replace(consent, signature=bytes(64)))
