"""The run's operator's answer to the requests of all parties: certificates, and the manifest, signed."""

import datetime
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpm_secure.project.authority import INVITATIONS, authority_in, operator_key_in
from lpm_secure.project.kind import REQUESTS, request_path
from lpm_secure.project.kits import AUTHORITY_DAYS, OPERATOR, load_kind
from protocols import canonical_json
from protocols.atomic_file import write_atomically
from protocols.errors import ConfigError
from protocols.file_mode import PUBLIC_MODE
from protocols.identity import certificates, enrolment, server_request, signing
from protocols.identity.certificates import Authority
from protocols.identity.enrolment import EnrolmentReply
from protocols.kit.kit import MANIFEST
from protocols.task import manifest as manifests
from protocols.task.manifest import Manifest
from protocols.task.signature import sign, signature_path

DAYS: Final = 90.0  # of certificates, or until the run is over
SPARE: Final = 7.0
ANSWERS: Final = "answers"  # in the operator's folder: each request that was answered, and its answer


def answer(path: Path, out: Path) -> tuple[Manifest, list[Path]]:
    """Certify all parties' keys, write and sign the manifest, and return it with a folder for each party.

    It may be called again, with another folder too: the same request has the same answer.

    Args:
        path: of the project; the requests are beside it.
        out: folder for the answers; nothing is written there unless all requests are right.

    Raises:
        ConfigError, ParameterError, NotEnrolled: the project has a mistake, the run's time is over, or a request is
            missing, wrong or used.
    """
    kind = load_kind(path)
    project, folder = kind.project, kind.folder
    project.require_open()
    own, requests = folder / OPERATOR, folder / REQUESTS
    if not own.is_dir():
        raise ConfigError(f"{own} is not there: make the kits first, with lpm project kit {path}")
    manifest, authority, key = kind.manifest_with_keys(), authority_in(own, days=AUTHORITY_DAYS), operator_key_in(own)
    content, signature = manifests.encode(manifest), canonical_json.encode(sign(manifest, key))
    days = max(DAYS, (project.not_after - datetime.datetime.now(datetime.UTC)) / datetime.timedelta(days=1) + SPARE)
    makers: dict[str, Callable[[Path], EnrolmentReply]] = {
        party.name: partial(_of_server, authority=authority, days=days) for party in project.operated
    }
    for client in manifest.clients:
        makers[client.name] = partial(
            _of_client, name=client.name, authority=authority, invitations=own / INVITATIONS, key=key, days=days
        )
    (own / ANSWERS).mkdir(exist_ok=True)
    replies = {name: _reply(request_path(requests, name), own / ANSWERS, make) for name, make in makers.items()}
    for name, reply in replies.items():
        (out / name).mkdir(parents=True, exist_ok=True)
        write_atomically(out / name / f"{name}.enrolled", reply, mode=PUBLIC_MODE)
        write_atomically(out / name / MANIFEST, content, mode=PUBLIC_MODE)
        write_atomically(signature_path(out / name / MANIFEST), signature, mode=PUBLIC_MODE)
    return manifest, [out / name for name in replies]


def _reply(path: Path, own: Path, make: Callable[[Path], EnrolmentReply]) -> bytes:
    """Return the answer that a request has had, or make one and keep it with the request."""
    request, earlier = own / path.name, own / f"{path.stem}.enrolled"
    same_size = request.exists() and request.stat().st_size == path.stat().st_size  # of any size, before it is checked
    if same_size and request.read_bytes() == path.read_bytes():
        return earlier.read_bytes()
    reply = canonical_json.encode(make(path))
    write_atomically(earlier, reply)
    write_atomically(request, path.read_bytes())
    return reply


def _of_server(path: Path, *, authority: Authority, days: float) -> EnrolmentReply:
    asked = server_request.load(path)
    certificate = authority.certify(asked.certificate.encode(), name=asked.name, days=days)
    pem = certificates.pem_of(authority.certificate).decode()
    return EnrolmentReply(name=asked.name, authority=pem, certificate=certificate.decode())


def _of_client(
    path: Path, *, name: str, authority: Authority, invitations: Path, key: Ed25519PrivateKey, days: float
) -> EnrolmentReply:
    asked = enrolment.load_request(path)
    if asked.invitation.terms.name != name:
        raise ConfigError(f"{path} is of {asked.invitation.terms.name}; ask {name} for its own")
    return enrolment.enrol(invitations, authority, asked, operator_key=signing.public_of(key), days=days)
