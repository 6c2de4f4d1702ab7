"""The run's operator's answer to the requests of all parties: certificates, and the manifest, signed."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpm_secure.project.authority import INVITATIONS, authority_in, operator_key_in
from lpm_secure.project.kits import AUTHORITY_DAYS, OPERATOR
from lpm_secure.project.manifest import REQUESTS, new_manifest, request_path
from lpm_secure.project.project_file import load
from protocols import canonical_json
from protocols.atomic_file import PUBLIC_MODE, write_atomically
from protocols.errors import ConfigError
from protocols.identity import certificates, enrolment, server_request, signing
from protocols.identity.certificates import Authority
from protocols.identity.enrolment import EnrolmentReply
from protocols.kit.kit import MANIFEST
from protocols.task import manifest as manifests
from protocols.task.manifest import Simulation
from protocols.task.signature import sign, signature_path

DAYS: Final = 90.0  # of certificates


def answer(path: Path, out: Path) -> tuple[Simulation, list[Path]]:
    """Certify all parties' keys, write and sign the manifest, and return it with a folder for each party.

    It may be called again: who has an answer keeps its certificate.

    Args:
        path: of the project; the requests are beside it.
        out: folder for the answers.

    Raises:
        ConfigError, ParameterError, NotEnrolled: the project has a mistake, or a request is missing, wrong or used.
    """
    project, folder = load(path), path.resolve().parent
    own, requests = folder / OPERATOR, folder / REQUESTS
    if not own.is_dir():
        raise ConfigError(f"{own} is not there: make the kits first, with lpm project kit {path}")
    manifest, authority, key = new_manifest(path), authority_in(own, days=AUTHORITY_DAYS), operator_key_in(own)
    content, signature = manifests.encode(manifest), canonical_json.encode(sign(manifest, key))
    servers = [server.name for server in project.servers]
    folders = [out / name for name in (*servers, *(client.name for client in manifest.clients))]
    for place in folders:
        place.mkdir(parents=True, exist_ok=True)
        file, request = place / f"{place.name}.enrolled", request_path(requests, place.name)
        if not file.exists():
            reply = (
                _of_server(request, authority)
                if place.name in servers
                else _of_client(request, place.name, authority, own / INVITATIONS, key)
            )
            write_atomically(file, canonical_json.encode(reply), mode=PUBLIC_MODE)
        write_atomically(place / MANIFEST, content, mode=PUBLIC_MODE)
        write_atomically(signature_path(place / MANIFEST), signature, mode=PUBLIC_MODE)
    return manifest, folders


def _of_server(path: Path, authority: Authority) -> EnrolmentReply:
    asked = server_request.load(path)
    certificate = authority.certify(asked.certificate.encode(), name=asked.name, days=DAYS)
    pem = certificates.pem_of(authority.certificate).decode()
    return EnrolmentReply(name=asked.name, authority=pem, certificate=certificate.decode())


def _of_client(
    path: Path, name: str, authority: Authority, invitations: Path, key: Ed25519PrivateKey
) -> EnrolmentReply:
    asked = enrolment.load_request(path)
    if asked.invitation.terms.name != name:
        raise ConfigError(f"{path} is of {asked.invitation.terms.name}; ask {name} for its own")
    return enrolment.enrol(invitations, authority, asked, operator_key=signing.public_of(key), days=DAYS)
