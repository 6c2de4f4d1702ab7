"""Connect to all aggregators of a run."""

from protocols.certificates import Credentials
from protocols.layout import Layout
from protocols.manifest import Manifest
from protocols.wire.methods import largest_call
from protocols.wire.remote import Grpc
from protocols.wire.transport import Transport


def connect(manifest: Manifest, credentials: Credentials) -> list[Transport]:
    """Return a transport to each aggregator, in the manifest's order; connections are made on the first call."""
    max_bytes = largest_call(Layout.of(manifest).d, clients=len(manifest.clients))
    return [
        Grpc(party.address, name=party.name, credentials=credentials, max_bytes=max_bytes)
        for party in manifest.aggregators
    ]
