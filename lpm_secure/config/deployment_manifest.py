"""A manifest for real parties: a deployment's TOML file, with the public file of each server, into one manifest."""

import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, final

import msgspec

from lpm_secure.config.bounds import Days, Positive
from lpm_secure.config.model import ModelConfig, channels_of, check_source, model_of
from lpm_secure.models.axes import Value
from protocols import canonical_json
from protocols.errors import ConfigError
from protocols.identity.signing import PublicKey
from protocols.identity.trust import Name, PartyKeys, Trust
from protocols.masking.plan import check_security
from protocols.task.base import Seconds, Security
from protocols.task.manifest import Simulation
from protocols.task.parties import ENGINE, Address, AggregatorParty, ClientParty, DealerParty
from protocols.toml_file import load_config

Agent = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@final
class PublicFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a server's operator hands to the run's operator: `lpm identity` writes it, and it holds no secret."""

    version: Literal[1] = 1
    name: Name
    keys: PartyKeys


@final
class ServerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An aggregator, or the dealer.

    Attributes:
        public: its operator's public file.
        address: host and port.
        mpc: of an aggregator in outcome mode, for the other aggregators' comparisons; not where security is active.
    """

    public: str
    address: Address
    mpc: Address | None = None


@final
class ClientEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A client, and the numbers of its agents: a list, or a text file with one number a line.

    Attributes:
        identity: where security is active, the key by which it signs, as its request (`lpm enrol`) has it.
    """

    name: Name
    agents: tuple[Agent, ...] | str
    identity: PublicKey | None = None


@final
class DeploymentFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `lpm manifest new FILE` reads; paths are relative to the file.

    Attributes:
        operator: of the run, who will sign.
        steps, dt, period, max_message, mode, security, engine, min_cohort, cells, the timeouts: as in the manifest.
        engine_identity: where security is active, the engine's Ed25519 public key, 32 bytes in base64.
        model, parameters: as in a run's configuration.
        not_before, not_after: UTC, whole seconds.
        collusion_bound: how many aggregators may pool what they have; all but one unless given.
    """

    name: Name
    operator: Name
    not_before: datetime.datetime
    not_after: datetime.datetime
    steps: Positive
    dt: Days = 1.0
    period: Positive = 1
    max_message: Positive
    mode: Literal["outcome", "sum"] = "outcome"
    security: Security = "semi-honest"
    engine: bool = False
    engine_identity: PublicKey | None = None
    cells: tuple[Positive, ...] = ()
    min_cohort: Positive
    collusion_bound: Positive | None = None
    join_timeout_s: Seconds = 60.0
    round_timeout_s: Seconds = 10.0
    model: ModelConfig | str
    parameters: dict[str, Value] = {}
    aggregators: tuple[ServerEntry, ...]
    dealer: ServerEntry | None = None
    clients: tuple[ClientEntry, ...]

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        check_source(self.model, self.parameters)


def new_manifest(path: Path) -> Simulation:
    """Write a manifest from a deployment's file, without a testbed's seed: each client draws its own key.

    Raises:
        ConfigError, ParameterError: a file cannot be read, or its parts contradict each other.
    """
    given, folder = load_config(path, DeploymentFile), path.resolve().parent
    publics = [_public(folder, server) for server in given.aggregators]
    dealer = None if given.dealer is None else (given.dealer, _public(folder, given.dealer))
    keys = {public.name: public.keys for public in (*publics, *((dealer[1],) if dealer else ()))}
    if len(keys) != len(publics) + (dealer is not None):
        raise ConfigError(f"{path}: two servers have the same name; every party needs its own")
    model = model_of(given.model, given.parameters, dt=given.dt)
    bound = given.collusion_bound or max(len(publics) - 1, 1)
    kept = ("name", "steps", "dt", "period", "max_message", "cells", "engine", "mode", "security", "min_cohort")
    plain: dict[str, Any] = {name: getattr(given, name) for name in (*kept, "join_timeout_s", "round_timeout_s")}
    manifest = Simulation(
        **plain,
        model=model,
        model_hash=model.digest,
        channels=channels_of(given.model, model),
        aggregators=tuple(
            AggregatorParty(public.name, server.address, server.mpc)
            for public, server in zip(publics, given.aggregators, strict=True)
        ),
        dealer=None if dealer is None else DealerParty(dealer[1].name, dealer[0].address),
        clients=tuple(ClientParty(client.name, _agents(folder, client)) for client in given.clients),
        trust=Trust(
            operator=given.operator,
            collusion_bound=bound,
            not_before=given.not_before,
            not_after=given.not_after,
            keys=keys,
            identities=_identities(given),
        ),
    )
    check_security(manifest)
    return manifest


def _identities(given: DeploymentFile) -> dict[Name, bytes]:
    """Return the keys by which clients and engine sign, as their owners made them."""
    each = {ENGINE: given.engine_identity} | {client.name: client.identity for client in given.clients}
    return {name: key for name, key in each.items() if key is not None}


def _public(folder: Path, server: ServerEntry) -> PublicFile:
    return canonical_json.load(folder / server.public, PublicFile, what="public file", max_bytes=2**14)


def _agents(folder: Path, client: ClientEntry) -> tuple[int, ...]:
    if not isinstance(client.agents, str):
        return client.agents
    try:
        lines = (folder / client.agents).read_text(encoding="ascii").split()
        return tuple(int(line) for line in lines)
    except OSError as error:
        raise ConfigError(f"cannot read {folder / client.agents}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{folder / client.agents} holds other things than numbers of agents: {error}") from error
