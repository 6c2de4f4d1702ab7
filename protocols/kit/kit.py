"""A kit: the folder that one party starts from. Its private keys are made in it, and none comes with it."""

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec

from protocols import canonical_json
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.file_mode import PUBLIC_MODE
from protocols.identity import certificates, enrolment, signing
from protocols.identity.server_keys import IDENTITY, digest_of, digest_of_key
from protocols.identity.signing import PublicKey
from protocols.identity.trust import Name
from protocols.task.manifest import Manifest
from protocols.task.parties import Address
from protocols.task.signature import countersign, countersignature_path, load_verified
from protocols.toml_file import load_config

KIT: Final = "kit.toml"
CONFIG: Final = "config.toml"
MANIFEST: Final = "manifest.json"
CREDENTIALS: Final = "credentials"
CERTIFICATE: Final = "certificate.pem"
ENGINE_CONFIG: Final = "engine.toml"
STARTS: Final = {"client": "python -m client_sdk", "engine": "lpm"}  # the others: python -m aggregator


@final
class KitFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`kit.toml`: whose folder it is.

    Attributes:
        role: what the party does in the run.
        name: the party's in the manifest, and in its certificate.
        run: the run's name.
        operator: who runs the party.
        operator_key: of the run's operator, 32 bytes in base64: compare it with what it tells you by another way.
        sealed: of a server, whether clients seal to it; to a dealer they do in active runs alone.
        device: of a client over permuted edges, its agent's number, by which those it meets know its key.
        listen: addresses of this machine that the party serves on.
        made: when, UTC.
    """

    role: Literal["client", "aggregator", "dealer", "engine"]
    name: Name
    run: Name
    operator: Name
    operator_key: PublicKey
    sealed: bool = True
    device: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    listen: tuple[Address, ...] = ()
    made: datetime.datetime


@final
@dataclass(frozen=True, slots=True)
class Kit:
    """A kit's folder, and what its file says."""

    folder: Path
    file: KitFile

    @classmethod
    def load(cls, folder: Path) -> "Kit":
        """Read a kit's file.

        Raises:
            ConfigError: there is none, or it has a mistake.
        """
        return cls(folder, load_config(folder / KIT, KitFile))

    def require_role(self, *roles: str) -> None:
        """Refuse the kit of a party that another program starts.

        Raises:
            ParameterError: it is one.
        """
        if (role := self.file.role) not in roles:
            program = STARTS.get(role, "python -m aggregator")
            what = f"an {role}" if role[0] in "ae" else f"a {role}"
            raise ParameterError(f"{self.folder} is the kit of {what}; start it with: {program} start")

    @property
    def config(self) -> Path:
        """Return the party's configuration file."""
        return self.folder / (ENGINE_CONFIG if self.file.role == "engine" else CONFIG)

    @property
    def credentials(self) -> Path:
        """Return the folder of keys and certificates."""
        return self.folder / CREDENTIALS

    @property
    def request(self) -> Path:
        """Return where the party's request lies, for the run's operator."""
        return self.folder / f"{self.file.name}.request"

    @property
    def answer(self) -> Path:
        """Return where the run's operator's answer is to be put, beside the manifest and its signature."""
        return self.folder / f"{self.file.name}.enrolled"

    @property
    def enrolled(self) -> bool:
        """Whether the party has made its keys."""
        return (self.credentials / IDENTITY).exists()

    @property
    def accepted(self) -> bool:
        """Whether the operator's answer is beside the keys."""
        return (self.credentials / CERTIFICATE).exists()

    def manifest(self) -> Manifest:
        """Return the run's manifest, if its operator signed it and it is valid now."""
        return load_verified(self.folder / MANIFEST, operator_key=self.file.operator_key)

    def accept(self) -> None:
        """Put the operator's answer beside the keys, if it is for them; it may be done already.

        Raises:
            ParameterError: no keys, no answer, or one for another name or key.
        """
        if not self.enrolled:
            raise ParameterError(f"{self.folder} has no keys yet; make them with: lpm enrol {self.folder}")
        if self.accepted:
            return
        if not self.answer.exists():
            raise ParameterError(
                f"{self.answer} is not there; hand {self.request.name} to {self.file.run}'s operator, and put what "
                f"comes back, {self.answer.name}, {MANIFEST} and its signature, into {self.folder}"
            )
        given = enrolment.load_reply(self.answer)
        certificate = given.certificate.encode()
        own = digest_of_key(certificates.key_of(self.credentials))
        if certificates.name_of(certificate) != self.file.name or digest_of(certificate) != own:
            raise ParameterError(f"{self.answer} is not for the keys in {self.credentials}; ask the operator for that")
        certificates.write_public(self.credentials, given.authority.encode(), certificate)

    def countersign(self) -> Path:
        """Sign the manifest by this server's key, as its operator, and return the file that all clients are to have."""
        signed = countersign(self.manifest(), signing.read_key(self.credentials / IDENTITY))
        path = countersignature_path(self.folder / MANIFEST, signed.server)
        write_atomically(path, canonical_json.encode(signed), mode=PUBLIC_MODE)
        return path
