"""Connect to all aggregators of a run."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from protocols.errors import ParameterError
from protocols.identity.certificates import Credentials, name_of
from protocols.sealing.route import Route
from protocols.task import manifest as manifests
from protocols.task.manifest import Manifest
from protocols.task.parties import AggregatorParty
from protocols.task.signature import trust_of
from protocols.wire.methods import largest_call_of
from protocols.wire.remote import GrpcTransport
from protocols.wire.sealed_transport import SealedTransport, SessionState
from protocols.wire.transport import Transport


def connect(
    manifest: Manifest,
    credentials: Credentials,
    *,
    relay: str | None = None,
    resumed: Mapping[str, SessionState] = MappingProxyType({}),
) -> list[Transport]:
    """Return a transport to each aggregator, in the manifest's order; connections are made on the first call.

    Args:
        credentials: of a party of the run. What a client says is sealed to each aggregator; the engine and the
            aggregators say nothing that needs it.
        relay: the one aggregator that a client reaches; it passes sealed calls on to the others.
        resumed: a client's sessions by the aggregators' names, if it kept them.

    Raises:
        ParameterError: the manifest pins no keys, or has no aggregator of the relay's name.
    """
    keys = trust_of(manifest).keys
    carriers = _carriers(manifest, relay)
    max_bytes = largest_call_of(manifest)
    name, run = name_of(credentials.certificate), manifests.run_id(manifest)
    sealed = name in {client.name for client in manifest.clients}
    transports: list[Transport] = []
    for party, carrier in zip(manifest.aggregators, carriers, strict=True):
        way = GrpcTransport(carrier.address, name=carrier.name, credentials=credentials, max_bytes=max_bytes)
        key = keys[party.name].sealing
        if sealed and key is not None:
            route = Route(run, name, party.name)
            session = resumed.get(party.name)
            transports.append(SealedTransport(way, route=route, key=key, credentials=credentials, resumed=session))
        else:
            transports.append(way)
    return transports


def _carriers(manifest: Manifest, relay: str | None) -> Sequence[AggregatorParty]:
    if relay is None:
        return manifest.aggregators
    names = [party.name for party in manifest.aggregators]
    if relay not in names:
        raise ParameterError(f"the manifest has no aggregator {relay} to relay; it has {', '.join(names)}")
    return [manifest.aggregators[names.index(relay)]] * len(names)
