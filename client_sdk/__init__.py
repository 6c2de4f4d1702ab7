"""What a phone or an institution installs: private state, step, protection, transport. It imports no torch."""

from client_sdk.config import load as load_config
from client_sdk.private.contacts import ContactTable as ContactTable
from client_sdk.private.files import read_private_state as read_private_state
from client_sdk.private.state import PrivateState as PrivateState
from client_sdk.simulation.client import Client as Client
from protocols.identity.certificates import read as read_credentials
from protocols.task.signature import load_verified as load_manifest
from protocols.wire.connect import connect as connect
from protocols.wire.local import LocalTransport as LocalTransport
from protocols.wire.remote import GrpcTransport as GrpcTransport

__all__ = [
    "Client",
    "ContactTable",
    "GrpcTransport",
    "LocalTransport",
    "PrivateState",
    "connect",
    "load_config",
    "load_manifest",
    "read_credentials",
    "read_private_state",
]
