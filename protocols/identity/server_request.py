"""What a server's operator hands to the run's operator: its public keys, and a request for a certificate."""

from pathlib import Path
from typing import Final, Literal, final

import msgspec

from protocols import canonical_json
from protocols.errors import BadSignature, ParameterError
from protocols.identity import certificates
from protocols.identity.enrolment import Pem
from protocols.identity.server_keys import ServerKeys, digest_of_key
from protocols.identity.signing import write_private
from protocols.identity.trust import Name, PartyKeys, require_name

MAX_BYTES: Final = 2**14
PRIVATE: Final = "private.key"


@final
class ServerRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A server's public keys, which the manifest pins, and its request for a certificate (PEM). It holds no secret."""

    version: Literal[1] = 1
    name: Name
    keys: PartyKeys
    certificate: Pem

    def check(self) -> None:
        """Check that the request is for the same name and key.

        Raises:
            ParameterError, BadSignature: it is not.
        """
        key = certificates.key_of_request(self.certificate.encode(), name=self.name)
        if digest_of_key(key) != self.keys.certificate:
            raise BadSignature(f"the request of {self.name} is for another key than it names; ask for another one")


def request(folder: Path, name: str, operator: str, *, dealer: bool = False) -> ServerRequest:
    """Make all keys of a server where it runs, and return its request.

    Args:
        folder: for the keys; none may be there.
        name: the server's in the manifest.
        operator: who runs it.
        dealer: of a semi-honest run, or an engine: nothing is sealed to it.
    """
    if (folder / PRIVATE).exists():
        raise ParameterError(f"{folder} holds keys already; take another folder, for keys are not written over")
    require_name(name)
    require_name(operator)
    keys = ServerKeys.generate(dealer=dealer)
    private, wanted = certificates.new_request(name)
    tls = digest_of_key(certificates.key_of_request(wanted, name=name))
    keys.write(folder)
    write_private(folder / PRIVATE, private)
    return ServerRequest(name=name, keys=keys.public(operator, tls), certificate=wanted.decode("ascii"))


def load(path: Path) -> ServerRequest:
    """Read a request's file, and check it."""
    content = canonical_json.load(path, ServerRequest, what="server's request", max_bytes=MAX_BYTES)
    content.check()
    return content
