"""The manifest: the public description of a run that every party holds and hashes.

It is canonical JSON: one byte string per content. Its SHA-256 is the run's id and is named in every call, so a party
that holds another manifest cannot take part. Its operator signs it (`signed_manifest`).
"""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec

from protocols import canonical_json
from protocols.arithmetic.sharing import Additive, Clear, Sharing
from protocols.errors import ManifestMismatch, ParameterError
from protocols.identity.trust import Trust, require_client
from protocols.models import Seir
from protocols.releases.query import Releases
from protocols.task.devices import Devices, check_edges
from protocols.task.gradients.spec import Gradient
from protocols.task.rounds import Schedule
from protocols.task.secure_sum.spec import Calibration

MAX_BYTES: Final = 256 * 2**20
COMPARE_BITS: Final = 62  # what a secure comparison takes
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}\Z")]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**32)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Address = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.\-\[\]:]{1,255}:[0-9]{1,5}\Z")]


@final
class AggregatorParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator's server. Its certificate names it.

    Attributes:
        address: for clients, the engine and the other aggregators.
        mpc: for the other aggregators' secure comparison; in outcome mode only.
        permutation: for the other servers of the secret permutation; where edges are permuted only.
    """

    name: Name
    address: Address
    mpc: Address | None = None
    permutation: Address | None = None


@final
class DealerParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A further operator, which hands the aggregators correlated randomness and sees no input."""

    name: Name
    address: Address
    permutation: Address | None = None


@final
class ClientParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client, and the numbers by which the others know its agents.

    Security: public. That an agent takes part, and with which client, is visible to all parties.
    """

    name: Name
    agents: tuple[Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)], ...]


@final
class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a run is, for everybody in it.

    Attributes:
        steps: T, each of `dt` days.
        channels: names of the contact channels, c of them.
        period: contacts are given for days 0 to period - 1; step t replays day t modulo period.
        max_message: largest message m_ij on one channel in one step.
        cells: size of each cell: how many people mix in it. Empty where nothing couples through cells.
        engine: whether an engine announces synthetic totals in every step.
        sharing: "additive", or "clear": an oracle for tests that hides nothing.
        mode: "outcome" tells a client one bit per agent and step: whether it is infected by now. "sum" tells it the
            exact exposures of its agents (the README says what that reveals).
        validity: "bits": in outcome mode, the aggregators check on shares that every number a client tells is in its
            range, and leave a client out of a round where one is not. "off" trusts the clients.
        edges: "dense": each client sends one vector over all agents, so nobody sees which entries are zero.
            "permuted": for clients of one agent each, which share so many slots as `devices` says; three servers
            permute them, so that none sees an edge.
        min_cohort: a release covers at least so many clients.
        trust: whose run it is, until when, and all parties' keys. Without it nothing can be sealed: for tests inside
            one process only; every process refuses such a manifest.
        min_count: in outcome mode, a cell total or a count of the tally below it is released as 0, which the
            aggregators decide on shares; 0 releases every count.
        join_timeout_s: how long the first round waits for clients; `round_timeout_s` likewise for every later one.
        testbed_seed: where given, all simulation keys derive from it, so thresholds are known to whoever holds the
            manifest. For simulated people only.
        gradient: which derivatives the run yields.
        devices: of clients that hide their contacts.
        releases: what is opened to all, with what noise; without it the tally, and cell totals, exact.
        calibration: where clients are institutions that answer draws with gradients, and nobody is simulated.
    """

    version: Literal[1] = 1
    name: Name
    model: Seir
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
    aggregators: tuple[AggregatorParty, ...]
    dealer: DealerParty | None = None
    clients: tuple[ClientParty, ...]
    min_cohort: Positive
    trust: Trust | None = None
    min_count: Annotated[int, msgspec.Meta(ge=0, le=2**32)] = 0
    join_timeout_s: Seconds = 60.0
    round_timeout_s: Seconds = 10.0
    testbed_seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    gradient: Gradient | None = None
    devices: Devices | None = None
    releases: Releases | None = None
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        self._check_names()
        self.share()
        if not self.clients or not self.channels:
            raise ParameterError("a run needs at least one client and one contact channel")
        agents = [agent for client in self.clients for agent in client.agents]
        if len(set(agents)) != len(agents):
            raise ParameterError("an agent is listed twice; every agent has one client")
        if len(self.model.beta) != len(self.channels):
            raise ParameterError(
                f"got {len(self.model.beta)} values of beta for {len(self.channels)} channels; give one each"
            )
        if self.model_hash != self.model.model().hash:
            raise ManifestMismatch(
                "the manifest was made for another version of the model; install the version it names"
            )
        if self.min_cohort > len(self.clients):
            raise ParameterError(
                f"min_cohort is {self.min_cohort}, but the run has {len(self.clients)} clients: set it lower"
            )
        if self.trust is not None:
            aggregators = [party.name for party in self.aggregators]
            self.trust.check(aggregators=aggregators, dealer=self.dealer.name if self.dealer else None)
        bound = self.hazard_bound
        if self.mode == "outcome":
            self._check_outcome(bound)
        elif self.min_count:
            raise ParameterError("min_count needs a secure comparison, which sum mode has not; use outcome mode")
        check_edges(self)
        for part in (self.gradient, self.releases, self.calibration):
            if part is not None:
                part.check(self)

    def _check_names(self) -> None:
        names = [party.name for party in self.aggregators] + [party.name for party in self.clients]
        names += [self.dealer.name] if self.dealer else []
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise ParameterError(f"the name {repeated[0]} is given to two parties; every party needs its own")
        if ENGINE in names:
            raise ParameterError(f"a party is named {ENGINE}; that name is the engine's")
        for client in self.clients:
            require_client(client.name)

    def _check_outcome(self, bound: int) -> None:
        if self.dealer is None or any(party.mpc is None for party in self.aggregators):
            raise ParameterError("outcome mode needs a dealer and an mpc address of every aggregator; name them")
        if self.sharing != "additive":
            raise ParameterError("outcome mode compares additive shares; the clear sharing has sum mode only")
        if (bound + 1).bit_length() > COMPARE_BITS:
            raise ParameterError(
                f"a hazard could need {(bound + 1).bit_length()} bits, and a comparison takes {COMPARE_BITS}; "
                "use fewer fraction bits or steps"
            )

    @property
    def hazard_bound(self) -> int:
        """Return a number that no agent's hazard exceeds in the whole run; WouldWrap if it is 2**63 or more."""
        n = sum(len(client.agents) for client in self.clients)
        return self.model.prove(n=n, max_message=self.max_message, steps=self.steps)

    @property
    def schedule(self) -> Schedule:
        """Return the order of the run's rounds."""
        outcome = self.mode == "outcome"
        if self.devices is not None:
            return Schedule(outcome, self.steps, devices=True)
        return self.gradient.schedule(self.steps, outcome=outcome) if self.gradient else Schedule(outcome, self.steps)

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


ENGINE: Final = "engine"


def encode(manifest: Manifest) -> bytes:
    """Return the canonical bytes."""
    return canonical_json.encode(manifest)


def run_id(manifest: Manifest) -> bytes:
    """Return the run's id: SHA-256 of the canonical bytes, 32 of them."""
    return hashlib.sha256(encode(manifest)).digest()


def decode(content: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        ParameterError: not a manifest, or not in canonical form.
    """
    return canonical_json.decode(content, Manifest, what="manifest", max_bytes=MAX_BYTES)


def load(path: Path) -> Manifest:
    """Read a manifest's file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ParameterError(f"cannot read the manifest {path}: {error.strerror}") from error
    return canonical_json.decode(content, Manifest, what=f"manifest {path}", max_bytes=MAX_BYTES)
