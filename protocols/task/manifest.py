"""The manifest: the public description of a run that every party holds and hashes.

It is canonical JSON: one byte string per content. Its SHA-256 is the run's id and is named in every call, so a party
that holds another manifest cannot take part. Its operator signs it (`signature`). There are two kinds, told apart by
their tag: a simulation, and a secure sum, in which nobody is simulated.
"""

import datetime
import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec

from protocols import canonical_json
from protocols.arithmetic.sharing import Additive, Clear, Sharing
from protocols.errors import OtherVersion, ParameterError
from protocols.identity.trust import Name
from protocols.models.dynamics import Dynamics, Relaxation
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.releases.query import Releases
from protocols.releases.sensitivity import changes
from protocols.task.base import FORMAT, BaseManifest, Positive, Security
from protocols.task.checks.gradient import check_gradient, check_summands, check_totals
from protocols.task.checks.mode import check_edges, check_environment, check_model, check_outcome, check_permutation
from protocols.task.checks.parties import check_agents, check_cohort, check_names
from protocols.task.checks.releases import (
    check_cell_field,
    check_cells,
    check_derivatives,
    check_no_sum,
    check_series,
    check_small_counts,
    check_tally,
)
from protocols.task.checks.replicates import check_replicates
from protocols.task.checks.twins import check_twins
from protocols.task.devices import Devices
from protocols.task.gradients.turn import turns
from protocols.task.parties import ENGINE, ClientParty, DealerParty, agents_of
from protocols.task.rounds import Schedule
from protocols.task.secure_sum.spec import SecureSum

MAX_BYTES: Final = 256 * 2**20
MOST_COPIES: Final = 4096  # replicates of a run
Count = Annotated[int, msgspec.Meta(ge=0, le=2**32)]


@final
class Simulation(BaseManifest, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="simulation"):
    """What a simulation is, for everybody in it.

    Attributes:
        steps: T, each of `dt` days.
        channels: names of the contact channels, c of them.
        period: contacts are given for days 0 to period - 1; step t replays day t modulo period.
        max_message: largest message m_ij on one channel in one step.
        cells: size of each cell: how many people mix in it, or could where they move. Empty where nothing couples
            through cells.
        engine: whether an engine announces synthetic totals, and the environment's public numbers, in every step.
        sharing: "additive", or "clear": an oracle for tests that hides nothing.
        mode: "outcome" tells a client of each agent and step what the model's outcomes reveal, by default one bit.
            "sum" tells it the exact exposures of its agents (the README says what that reveals).
        validity: "bits": in outcome mode, the aggregators check on shares that every number a client tells is in its
            range; the run ends for all where one is not. "off" trusts the clients.
        edges: "dense": each client sends one vector over all agents, so nobody sees which entries are zero.
            "permuted": for clients of one agent each, which share so many slots as `devices` says; three servers
            permute them, so that none sees an edge.
        security: "active": one aggregator that lies reads nothing, and neither does a dealer that follows the protocol;
            the run is one that `protocols.masking.plan` takes. "semi-honest": servers have to follow the protocol.
        min_count: in outcome mode, a cell total or a count of the tally below it is released as 0, on shares.
        testbed_seed: where given, all simulation keys derive from it, so thresholds are known to whoever holds the
            manifest. For simulated people only.
        gradient: which derivatives the run yields.
        devices: of clients that hide their contacts.
        releases: without it the tally, and cell totals, are opened exact.
        start: the day of the first step, where clients' files have dates.
        compare_contacts: before they join, clients compare what they list of undirected contacts between their agents,
            and none joins where two differ. Each pair learns which of its own contacts the other lists.
        twins: for each client how many of its agents are in each cell. In a step in which a client takes no part, the
            engine's twins of its agents, one for each and in its cell, stand in for them there and in the engine's
            tally. All parties read these counts here, and the engine is told who takes part. Unset, neither is told.
        refuse_differencing: the run ends before an exact release that would tell, together with those before it, of
            fewer than `min_cohort` clients alone: by a difference, or any other combination.
        replicates: how many copies of the run are made at once, each with draws of its own. Unset, there is one.
        common_draws: agents of a client are in groups of so many, in its order; a group has the draws of its first
            (common random numbers): one person under several behaviours. Unset, each has its own.
        comparison: "tree": aggregators of an active run compare by opening masked bits to each other. Unset, by keys.
    """

    model: GraphModel
    model_hash: str
    steps: Positive
    dt: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    channels: tuple[Name, ...]
    period: Positive = 1
    max_message: Positive
    cells: tuple[Positive, ...] = ()
    engine: bool = False
    sharing: Literal["additive", "clear"] = "additive"
    mode: Literal["outcome", "sum"] = "outcome"
    validity: Literal["bits", "off"] = "bits"
    edges: Literal["dense", "permuted"] = "dense"
    security: Security = "semi-honest"
    dealer: DealerParty | None = None
    clients: tuple[ClientParty, ...]
    min_count: Annotated[int, msgspec.Meta(ge=0, le=2**32)] = 0
    testbed_seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    gradient: Gradient | None = None
    devices: Devices | None = None
    start: datetime.date | msgspec.UnsetType = msgspec.UNSET  # unset, it is not encoded: of manifests without it
    compare_contacts: bool | msgspec.UnsetType = msgspec.UNSET
    twins: dict[Name, tuple[Count, ...]] | msgspec.UnsetType = msgspec.UNSET
    refuse_differencing: bool | msgspec.UnsetType = msgspec.UNSET
    replicates: Annotated[int, msgspec.Meta(ge=2, le=MOST_COPIES)] | msgspec.UnsetType = msgspec.UNSET
    common_draws: Annotated[int, msgspec.Meta(ge=2, le=64)] | msgspec.UnsetType = msgspec.UNSET
    comparison: Literal["tree"] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        check_names(self.aggregators, self.dealer, self.clients)
        self.share()
        check_agents(self.clients)
        check_model(self.model, self.model_hash, channels=self.channels)
        check_environment(self.model.agents, engine=self.engine)
        check_cohort(self.clients, self.min_cohort)
        check_tally(self.model.agents, agents=agents_of(self.clients), cells=self.cells)
        check_cell_field(self.model.agents, agents=agents_of(self.clients), cells=self.cells)
        if self.twins is not msgspec.UNSET:
            derives = self.gradient is not None
            check_twins(
                self.twins, self.clients, self.model.agents, cells=self.cells, engine=self.engine, derives=derives
            )
        if self.trust is not None:
            aggregators, dealer = [party.name for party in self.aggregators], self.dealer.name if self.dealer else None
            self.trust.check(aggregators=aggregators, dealer=dealer, signers=self.signers)
        if self.replicates is not msgspec.UNSET:
            refused = {
                "permuted edges": self.devices is not None,
                "twins": bool(self.twins),
                "a gradient": self.gradient is not None,
            }
            model = self.model.agents
            words = agents_of(self.clients) * len(self.channels) + len(self.cells) * max(1, len(model.cell_most))
            seed, numbers = self.testbed_seed, len(model.public)
            check_replicates(self.copies, seed=seed, words=words, numbers=numbers, refused=refused)
        if self.common_draws is not msgspec.UNSET and self.gradient is not None:
            raise ParameterError("common_draws and a gradient: scores are of draws that each agent has by itself")
        self._check_mode()
        if self.gradient is not None:
            self._check_gradient(self.gradient)
        if self.releases is not None:
            self._check_releases(self.releases)

    def _check_mode(self) -> None:
        bound = self.level_bound
        if self.mode == "outcome":
            model = self.model.agents
            masked = self.security == "active"
            check_outcome(model, self.aggregators, self.dealer, masked=masked, sharing=self.sharing, bound=bound)
        elif self.min_count:
            raise ParameterError("min_count needs a secure comparison, which sum mode has not; use outcome mode")
        if self.min_count:
            check_small_counts(self.model.agents, self.releases, cells=len(self.cells))
        check_edges(self.edges, self.devices)
        if self.devices is not None and self.compare_contacts is True:
            raise ParameterError(
                "compare_contacts is of dense edges: where they are permuted, servers see what has no other side; "
                "leave it out"
            )
        if self.devices is not None:
            check_permutation(
                self.aggregators,
                self.dealer,
                self.clients,
                mode=self.mode,
                channels=len(self.channels),
                derivatives=self.gradient is not None,
            )

    def _check_gradient(self, gradient: Gradient) -> None:
        n = agents_of(self.clients)
        check_gradient(gradient, self.model, mode=self.mode, engine=self.engine, agents=n, steps=self.steps)
        check_summands(self.clients, min_cohort=self.min_cohort, min_count=self.min_count)
        model = self.model.agents
        largest = max(1, *model.cell_most, *(abs(end) for word in model.tally for end in (word.low, word.high)))
        check_totals(gradient, agents=n, max_message=self.max_message, cells=self.cells, largest=largest)

    def _check_releases(self, releases: Releases) -> None:
        check_no_sum(releases)
        check_cells(releases, cells=len(self.cells))
        n, k, changes = agents_of(self.clients), len(self.aggregators), self.score_changes
        check_derivatives(releases, self.gradient, changes=changes, agents=n, aggregators=k, steps=self.steps)
        check_series(releases, self.model, steps=self.steps)

    @property
    def copies(self) -> int:
        """Return how many replicates there are: 1 unless the manifest says more."""
        return 1 if self.replicates is msgspec.UNSET else self.replicates

    def replicate(self, number: int) -> "Simulation":
        """Return the manifest of a replicate's own run, from 0: what it has the bits of, where a seed is named."""
        seed = None if self.testbed_seed is None else self.testbed_seed + number
        return msgspec.structs.replace(self, replicates=msgspec.UNSET, testbed_seed=seed)

    @property
    def signers(self) -> tuple[str, ...]:
        """Return who signs messages beside the servers: clients and engine, where security is active."""
        if self.security != "active":
            return ()
        return (*(client.name for client in self.clients), *((ENGINE,) if self.engine else ()))

    @property
    def level_bound(self) -> int:
        """Return a number that no agent's level of any outcome exceeds in the whole run."""
        return max(self.level_bounds, default=0)

    @cached_property
    def level_bounds(self) -> tuple[int, ...]:
        """Return of each outcome a number that no agent's level exceeds; WouldWrap if one is 2**63 or more."""
        n = agents_of(self.clients)
        return self.model.agents.level_bounds(n=n, max_message=self.max_message, steps=self.steps)

    @cached_property
    def schedule(self) -> Schedule:
        """Return the order of the run's rounds: a relaxed run has sums alone, one with adjoints also a way back."""
        outcome, gradient = self.mode == "outcome", self.gradient
        if gradient is None or not gradient.relaxed:
            return Schedule(outcome, self.steps, devices=self.devices is not None)
        back = gradient.way == "adjoints"
        return Schedule(False, gradient.passes * turns(self.steps) - 1 if back else self.steps)

    @cached_property
    def score_changes(self) -> tuple[int, ...]:
        """Return by how much one agent can change each word of the score, at most; none without scores."""
        return changes(self.gradient, self.model, steps=self.steps)

    def require_gradient(self) -> Gradient:
        """Return what the manifest says of derivatives.

        Raises:
            ParameterError: it asks for none.
        """
        if self.gradient is None:
            raise ParameterError("the manifest asks for no gradient; name one in it")
        return self.gradient

    @property
    def dynamics(self) -> Dynamics:
        """Return what agents live by."""
        return Dynamics(self.model, self.steps, self.period, self.cells, self.gradient)

    @property
    def relaxation(self) -> Relaxation:
        """Return what relaxed agents are computed by; ParameterError where the manifest asks for no gradient."""
        return Relaxation(self.model, self.require_gradient(), self.steps, self.cells)

    @property
    def days(self) -> float:
        """Length of the run."""
        return self.steps * self.dt

    def share(self) -> Sharing:
        """Return the run's sharing, for all of its aggregators."""
        k = len(self.aggregators)
        if self.sharing == "additive":
            return Additive(k)
        if k != 1:
            raise ParameterError(f"got {k} aggregators for the clear sharing, an oracle for tests: it has exactly one")
        return Clear()


Manifest = Simulation | SecureSum
KINDS: Final[dict[str, type[Simulation] | type[SecureSum]]] = {"simulation": Simulation, "secure-sum": SecureSum}


def is_active(manifest: Manifest) -> bool:
    """Tell whether a run's security is active: one aggregator that lies reads nothing either."""
    return manifest.security == "active"


def compares(manifest: Manifest) -> bool:
    """Tell whether a run's clients compare their contacts before they join."""
    return isinstance(manifest, Simulation) and manifest.compare_contacts is True


def refuses_differencing(manifest: Manifest) -> bool:
    """Tell whether a run ends before exact releases together tell of a few clients."""
    return isinstance(manifest, Simulation) and manifest.refuse_differencing is True


def encode(manifest: Manifest) -> bytes:
    """Return the canonical bytes."""
    return canonical_json.encode(manifest)


def run_id(manifest: Manifest) -> bytes:
    """Return the run's id: SHA-256 of the canonical bytes, 32 of them."""
    return hashlib.sha256(encode(manifest)).digest()


def decode(content: bytes, *, what: str = "manifest") -> Manifest:
    """Read a manifest of either kind; `what` it is called in messages.

    Raises:
        ParameterError: not a manifest, not in canonical form, or of another format.
    """
    return canonical_json.decode(content, _kind_of(content, what), what=what, max_bytes=MAX_BYTES)


def read(path: Path) -> bytes:
    """Read the bytes of a manifest's file, not one more than a manifest may have."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ParameterError(f"cannot read the manifest {path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ParameterError(f"the manifest {path} has more than {MAX_BYTES} bytes")
    return content


def load(path: Path) -> Manifest:
    """Read a manifest's file."""
    return decode(read(path), what=f"manifest {path}")


def require_simulation(manifest: Manifest) -> Simulation:
    """Return a simulation's manifest.

    Raises:
        ParameterError: it is of a secure sum.
    """
    if not isinstance(manifest, Simulation):
        raise ParameterError(
            f"{manifest.name} is a secure sum, and this needs a simulation; institutions take part in a sum with "
            "python -m client_sdk.institution"
        )
    return manifest


def require_sum(manifest: Manifest) -> SecureSum:
    """Return a secure sum's manifest.

    Raises:
        ParameterError: it is of a simulation.
    """
    if not isinstance(manifest, SecureSum):
        raise ParameterError(
            f"{manifest.name} is a simulation, and this needs a secure sum; take part in it with python -m client_sdk"
        )
    return manifest


class _ModelHeader(msgspec.Struct, frozen=True):
    kind: str = ""


class _ManifestHeader(msgspec.Struct):
    """What a manifest of any format and kind has."""

    version: int = FORMAT
    task: str = ""
    model: _ModelHeader = _ModelHeader("graph")


def _kind_of(content: bytes, what: str) -> type[Simulation] | type[SecureSum]:
    """Return which kind a manifest says that it is of.

    Raises:
        OtherVersion: of another format; the message names the version that reads it.
        ParameterError: none that there is. What is no manifest at all is for the decoder to say.
    """
    if len(content) > MAX_BYTES:
        return Simulation
    try:
        header = msgspec.json.decode(content, type=_ManifestHeader)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Simulation
    if header.version != FORMAT:
        first = "43c3b14e" if header.model.kind else "73fd98ca"  # the last commits that read it
        reader = f"lpm-secure 0.1.0 as of commit {first}" if header.version < FORMAT else "a later lpm-secure"
        raise OtherVersion(
            f"the {what} is of format {header.version}, and this version reads format {FORMAT}: read it, and audit its "
            f"run, with {reader}"
        )
    if header.task not in KINDS:
        known = " and ".join(KINDS)
        raise ParameterError(f"cannot read the {what}: it is of the task {header.task[:80]!r}; there are {known}")
    if header.model.kind != "graph":
        raise OtherVersion(
            f"the {what} has a model of the kind {header.model.kind[:80]!r}, and this version reads graphs: read it, "
            "and audit its run, with lpm-secure 0.1.0 as of commit 0a362e2; a run is made anew from its configuration"
        )
    return KINDS[header.task]
