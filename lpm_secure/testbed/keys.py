"""The keys of a testbed's parties: all made here, by one user, so they protect nothing from that user."""

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeVar, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.identity import certificates, signing
from protocols.identity.certificates import Authority, Credentials
from protocols.identity.server_keys import ServerKeys, digest_of
from protocols.identity.trust import Trust
from protocols.task.manifest import Manifest, Simulation, is_active, refuses_differencing
from protocols.task.parties import ENGINE, servers_of
from protocols.task.policy import Policy, outputs_of
from protocols.task.secure_sum.spec import SecureSum
from protocols.task.signature import trust_of

T = TypeVar("T", Simulation, SecureSum)
VALID: Final = datetime.timedelta(days=30)
EARLY: Final = datetime.timedelta(minutes=5)  # clocks differ


@final
@dataclass(frozen=True, slots=True)
class TestbedKeys:
    """What the parties of a testbed hold.

    Attributes:
        operator: of the run; signs its manifest.
        servers: keys of aggregators and dealer, and `credentials`, by their names.
        identities: the keys by which clients and engine sign, by their names.
    """

    __test__ = False

    operator: Ed25519PrivateKey = field(repr=False)
    authority: Authority
    servers: Mapping[str, ServerKeys]
    credentials: Mapping[str, Credentials]
    identities: Mapping[str, Ed25519PrivateKey] = field(repr=False)


def pin_keys(manifest: T) -> tuple[T, TestbedKeys]:
    """Make keys for all parties of a testbed, and return its manifest with them pinned, each under its own operator.

    Those by which clients and engine sign are pinned where security is active.
    """
    authority = certificates.new_authority(f"testbed {manifest.name}")
    dealer = manifest.dealer.name if manifest.dealer else None
    names = [party.name for party in servers_of(manifest.aggregators, manifest.dealer)]
    active = is_active(manifest)
    servers = {name: ServerKeys.generate(dealer=name == dealer and not active) for name in names}
    identities = {name: signing.new_key() for name in (ENGINE, *(client.name for client in manifest.clients))}
    credentials = {name: authority.issue(name) for name in names}
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    trust = Trust(
        operator="testbed",
        collusion_bound=len(manifest.aggregators) - 1,
        not_before=now - EARLY,
        not_after=now + VALID,
        keys={
            name: keys.public(f"operator-of-{name}"[:63], digest_of(credentials[name].certificate))
            for name, keys in servers.items()
        },
        identities={name: signing.public_of(identities[name]) for name in manifest.signers},
    )
    operator, frozen = signing.new_key(), MappingProxyType
    keys = TestbedKeys(operator, authority, frozen(servers), frozen(credentials), frozen(identities))
    return msgspec.structs.replace(manifest, trust=trust), keys


def permissive(manifest: Manifest) -> str:
    """Return the policy of a simulated client, which allows all that its manifest asks for; a real one is written."""
    trust = trust_of(manifest)
    policy = Policy(
        min_cohort=1,
        max_epsilon=math.inf,
        total_epsilon=math.inf,
        min_aggregators=len(manifest.aggregators),
        modes=(),
        security=manifest.security,
        outputs=outputs_of(manifest),
        operators=tuple(sorted({trust.operator, *(keys.operator for keys in trust.keys.values())})),
    )
    if isinstance(manifest, Simulation):
        outcomes = manifest.model.agents.outcomes
        policy = msgspec.structs.replace(
            policy,
            min_count=manifest.min_count,
            validity=(manifest.validity,),
            modes=(manifest.mode,),
            edges=(manifest.edges,),
            reveals=tuple(sorted({outcome.reveals for outcome in outcomes})),
            thresholds=tuple(sorted({outcome.threshold for outcome in outcomes})),
            twins=bool(manifest.twins),
            replicates=manifest.copies,
            testbed=manifest.testbed_seed is not None,
            refuse_differencing=refuses_differencing(manifest),
        )
    given = {name: getattr(policy, name) for name in policy.__struct_fields__ if name not in ("identities", "consents")}
    return msgspec.toml.encode(given).decode()
