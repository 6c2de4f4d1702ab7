"""A client's enrolment: its keys are made here and stay here; a request goes out, a certificate comes back."""

from pathlib import Path
from typing import Final

from protocols import canonical_json
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.file_mode import PUBLIC_MODE
from protocols.identity import certificates, enrolment, signing
from protocols.identity.server_keys import IDENTITY, digest_of, digest_of_key

REQUEST: Final = "request.json"
PRIVATE: Final = "private.key"


def request(invitation: Path, folder: Path) -> Path:
    """Make this client's keys and its request.

    Args:
        invitation: file from the run's operator.
        folder: for the credentials; no keys may be there.

    Returns:
        The request's file, to hand to the operator.

    Raises:
        BadSignature: the invitation is not what its operator signed, or expired.
        ParameterError: a file is there already, or cannot be read.
    """
    given = enrolment.load_invitation(invitation)
    given.check()
    if (folder / IDENTITY).exists() or (folder / PRIVATE).exists():
        raise ParameterError(f"{folder} holds keys already; take another folder, for keys are not written over")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private, wanted = certificates.new_request(given.terms.name)
    identity = signing.new_key()
    made = canonical_json.encode(enrolment.Request.of(given, wanted, identity))
    signing.write_private(folder / PRIVATE, private)
    signing.write_key(folder / IDENTITY, identity)
    write_atomically(folder / REQUEST, made, mode=PUBLIC_MODE)
    return folder / REQUEST


def accept(answer: Path, folder: Path) -> bytes:
    """Put the operator's answer beside the keys, if it is for them.

    Returns:
        The operator's key, 32 bytes, for `operator_key` in the client's configuration.

    Raises:
        ParameterError: the certificate is for another name or key.
    """
    given = enrolment.load_reply(answer)
    asked = enrolment.load_request(folder / REQUEST)
    certificate = given.certificate.encode()
    name = asked.invitation.terms.name
    key = certificates.key_of_request(asked.certificate.encode(), name=name)
    if certificates.name_of(certificate) != name or digest_of(certificate) != digest_of_key(key):
        raise ParameterError(f"{answer} is not the answer to {folder / REQUEST}; ask the operator for that one")
    certificates.write_public(folder, given.authority.encode(), certificate)
    return asked.invitation.terms.operator_key
