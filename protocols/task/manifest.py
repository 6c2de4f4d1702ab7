"""The manifest: the public description of a run that every party holds and hashes.

It is canonical JSON: one byte string per content. Its SHA-256 is the run's id and is named in every call, so a party
that holds another manifest cannot take part. Its operator signs it (`signature`).
"""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec

from protocols import canonical_json
from protocols.arithmetic.sharing import Additive, Clear, Sharing
from protocols.errors import ParameterError
from protocols.identity.trust import Name, Trust
from protocols.models.gradient import Gradient
from protocols.models.run_model import RunModel, agent_model_of
from protocols.releases.query import Releases
from protocols.releases.sensitivity import changes
from protocols.task.checks.gradient import (
    check_hidden_score,
    check_parameters,
    check_summands,
    check_totals,
    check_way,
)
from protocols.task.checks.mode import check_edges, check_environment, check_model, check_outcome, check_permutation
from protocols.task.checks.parties import check_agents, check_cohort, check_names
from protocols.task.checks.releases import check_cells, check_derivatives, check_series, check_small_counts, check_tally
from protocols.task.checks.secure_sum import check_noise, check_rounds, check_sums_alone
from protocols.task.devices import Devices
from protocols.task.gradients.hidden_score import is_hidden
from protocols.task.gradients.turn import turns
from protocols.task.parties import ENGINE, AggregatorParty, ClientParty, DealerParty, agents_of
from protocols.task.rounds import Schedule
from protocols.task.secure_sum.spec import Calibration

MAX_BYTES: Final = 256 * 2**20
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**32)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Security = Literal["semi-honest", "active"]


@final
class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """What a run is, for everybody in it; `dict` keeps what follows from it, such as its layout.

    Attributes:
        steps: T, each of `dt` days.
        channels: names of the contact channels, c of them.
        period: contacts are given for days 0 to period - 1; step t replays day t modulo period.
        max_message: largest message m_ij on one channel in one step.
        cells: size of each cell: how many people mix in it. Empty where nothing couples through cells.
        engine: whether an engine announces synthetic totals, and the environment's public numbers, in every step.
        sharing: "additive", or "clear": an oracle for tests that hides nothing.
        mode: "outcome" tells a client of each agent and step what the model's outcomes reveal, by default one bit.
            "sum" tells it the exact exposures of its agents (the README says what that reveals).
        validity: "bits": in outcome mode, the aggregators check on shares that every number a client tells is in its
            range; the run ends for all where one is not. "off" trusts the clients.
        edges: "dense": each client sends one vector over all agents, so nobody sees which entries are zero.
            "permuted": for clients of one agent each, which share so many slots as `devices` says; three servers
            permute them, so that none sees an edge.
        security: "active": one aggregator that lies reads nothing either, nor does the dealer; the run is one that
            `protocols.masking.plan` takes. "semi-honest": servers have to follow the protocol.
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
    model: RunModel
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
        check_names(self.aggregators, self.dealer, self.clients)
        self.share()
        check_agents(self.clients)
        check_model(self.model, self.model_hash, channels=self.channels)
        check_environment(agent_model_of(self.model), engine=self.engine)
        check_cohort(self.clients, self.min_cohort)
        check_tally(agent_model_of(self.model), agents=agents_of(self.clients), cells=self.cells)
        if self.trust is not None:
            aggregators, dealer = [party.name for party in self.aggregators], self.dealer.name if self.dealer else None
            self.trust.check(aggregators=aggregators, dealer=dealer, signers=self.signers)
        self._check_mode()
        if self.gradient is not None:
            self._check_gradient(self.gradient)
        if self.releases is not None:
            self._check_releases(self.releases)
        if self.calibration is not None:
            self._check_calibration(self.calibration)

    def _check_mode(self) -> None:
        bound = self.level_bound
        if self.mode == "outcome":
            model = agent_model_of(self.model)
            masked = self.security == "active"
            check_outcome(model, self.aggregators, self.dealer, masked=masked, sharing=self.sharing, bound=bound)
        elif self.min_count:
            raise ParameterError("min_count needs a secure comparison, which sum mode has not; use outcome mode")
        if self.min_count:
            check_small_counts(agent_model_of(self.model), self.releases, cells=len(self.cells))
        check_edges(self.edges, self.devices)
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
        n, model = agents_of(self.clients), self.model.require_seir("gradients")
        check_parameters(gradient, model, channels=self.channels, mode=self.mode)
        check_summands(self.clients, min_cohort=self.min_cohort, min_count=self.min_count)
        check_way(gradient, model, mode=self.mode, engine=self.engine)
        if is_hidden(gradient, self.mode):
            check_hidden_score(gradient, model, agents=n, steps=self.steps)
        check_totals(gradient, agents=n, max_message=self.max_message, cells=self.cells)

    def _check_releases(self, releases: Releases) -> None:
        check_cells(releases, cells=len(self.cells))
        n, k, changes = agents_of(self.clients), len(self.aggregators), self.score_changes
        check_derivatives(releases, self.gradient, changes=changes, agents=n, aggregators=k)
        check_series(releases, self.model, steps=self.steps)

    def _check_calibration(self, calibration: Calibration) -> None:
        sums, derivatives, devices = self.mode == "sum" and self.engine, self.gradient is not None, bool(self.devices)
        check_sums_alone(
            self.model.require_seir("calibrations"),
            sums=sums,
            cells=self.cells,
            derivatives=derivatives,
            devices=devices,
        )
        check_rounds(min_cohort=self.min_cohort, steps=self.steps)
        n, k = len(self.clients), len(self.aggregators)
        check_noise(calibration, self.releases, steps=self.steps, clients=n, aggregators=k)

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
        return agent_model_of(self.model).level_bounds(n=n, max_message=self.max_message, steps=self.steps)

    @property
    def schedule(self) -> Schedule:
        """Return the order of the run's rounds: a relaxed run has sums alone, one with adjoints also a way back."""
        outcome, gradient = self.mode == "outcome", self.gradient
        if gradient is None or not gradient.relaxed:
            return Schedule(outcome, self.steps, devices=self.devices is not None)
        back = gradient.way == "adjoints"
        return Schedule(False, gradient.passes * turns(self.steps) - 1 if back else self.steps)

    @property
    def score_changes(self) -> tuple[int, ...]:
        """Return by how much one agent can change each word of the score, at most; none without scores."""
        if self.gradient is None:
            return ()
        return changes(self.gradient, self.model.require_seir("gradients"), steps=self.steps)

    def require_gradient(self) -> Gradient:
        """Return what the manifest says of derivatives.

        Raises:
            ParameterError: it asks for none.
        """
        if self.gradient is None:
            raise ParameterError("the manifest asks for no gradient; name one in it")
        return self.gradient

    def require_calibration(self) -> Calibration:
        """Return what the manifest says of a calibration.

        Raises:
            ParameterError: the run is none.
        """
        if self.calibration is None:
            raise ParameterError(f"{self.name} is no calibration, and sums no gradients")
        return self.calibration

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


def encode(manifest: Manifest) -> bytes:
    """Return the canonical bytes."""
    return canonical_json.encode(manifest)


def run_id(manifest: Manifest) -> bytes:
    """Return the run's id: SHA-256 of the canonical bytes, 32 of them."""
    return hashlib.sha256(encode(manifest)).digest()


def decode(content: bytes, *, what: str = "manifest") -> Manifest:
    """Read a manifest; `what` it is called in messages.

    Raises:
        ParameterError: not a manifest, or not in canonical form.
    """
    return canonical_json.decode(content, Manifest, what=what, max_bytes=MAX_BYTES)


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
