"""What differs between a project of a simulation and one of a calibration: manifest, and kits of clients and engine."""

import abc
import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from lpm_secure.project.base_project import BaseProject, OperatedParty
from lpm_secure.project.documentation.explanation import comment
from protocols.atomic_file import write_atomically
from protocols.errors import ConfigError
from protocols.file_mode import PUBLIC_MODE
from protocols.identity import enrolment, server_request
from protocols.identity.trust import PartyKeys, Trust
from protocols.kit.kit import KIT, KitFile
from protocols.task.manifest import Manifest
from protocols.task.parties import ENGINE

REQUESTS: Final = "requests"  # a folder beside the project, with NAME.request of each party


@dataclass(frozen=True, slots=True)
class RunKind(abc.ABC):
    """A project, as one kind of run that it may be of; subclasses are final.

    Attributes:
        folder: of the project's file, that its paths are relative to.
    """

    folder: Path

    @property
    @abc.abstractmethod
    def project(self) -> BaseProject:
        """Return the file's content."""

    @abc.abstractmethod
    def manifest(self, trust: Trust | None = None) -> Manifest:
        """Return what the project asks all parties for.

        Args:
            trust: keys of the parties; without it, before they have made any, nobody can take part.

        Raises:
            ConfigError, ParameterError: its parts contradict each other.
        """

    @abc.abstractmethod
    def require_kits(self) -> None:
        """Refuse what a manifest may say, and no kit can start; ConfigError says what."""

    @abc.abstractmethod
    def client_page(self, manifest: Manifest, name: str) -> str:
        """Return the page of a client's kit: what it will be asked and told, in plain words."""

    @abc.abstractmethod
    def write_client(self, folder: Path, name: str, manifest: Manifest, operator_key: bytes) -> None:
        """Make a client's kit."""

    @abc.abstractmethod
    def write_engine(self, folder: Path, manifest: Manifest, operator_key: bytes) -> None:
        """Make the engine's kit."""

    def manifest_with_keys(self) -> Manifest:
        """Return the manifest with all parties' keys, from the requests beside the project.

        Raises:
            ConfigError, ParameterError: a file cannot be read, or its parts contradict each other.
        """
        project, requests = self.project, self.folder / REQUESTS
        keys = {party.name: _keys(requests, party) for party in project.operated}
        engine = keys.pop(ENGINE, None)
        identities = {ENGINE: project.engine_key} if project.engine_key is not None else {}
        if project.security == "active":
            identities |= {} if engine is None else {ENGINE: engine.identity}
            identities |= {name: identity_of(requests, name) for name in project.client_names}
        return self.manifest(
            Trust(
                operator=project.operator,
                collusion_bound=project.collusion_bound or max(len(project.aggregators) - 1, 1),
                not_before=project.not_before,
                not_after=project.not_after,
                keys=keys,
                identities=identities,
            )
        )


def begin_kit(folder: Path, project: BaseProject, operator_key: bytes, **given: Any) -> None:
    """Make a kit's folder with its `kit.toml`; `given` is what the party alone has in it."""
    folder.mkdir(mode=0o700)
    made = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    kit = KitFile(run=project.name, operator_key=operator_key, made=made, **given)
    write_atomically(folder / KIT, comment(KitFile, values_of(kit, kit.__struct_fields__)).encode())


def write_page(folder: Path, text: str) -> None:
    """Write a kit's page."""
    write_atomically(folder / "README.md", text.encode(), mode=PUBLIC_MODE)


def values_of(config: msgspec.Struct, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return those of a configuration's values that are given, as TOML has them."""
    plain = msgspec.to_builtins(config, builtin_types=(datetime.date, datetime.datetime))
    return {key: plain[key] for key in keys if plain[key] is not None}


def request_path(requests: Path, name: str) -> Path:
    """Return where a party's request lies.

    Raises:
        ConfigError: it is not there.
    """
    path = requests / f"{name}.request"
    if not path.is_file():
        raise ConfigError(f"{path} is not there: {name} makes it with `lpm enrol` in its kit, and hands it over")
    return path


def identity_of(requests: Path, name: str) -> bytes:
    """Return the key by which a client signs, as its request has it."""
    return enrolment.load_request(request_path(requests, name)).identity


def _keys(requests: Path, party: OperatedParty) -> PartyKeys:
    path = request_path(requests, party.name)
    asked = server_request.load(path)
    if (asked.name, asked.keys.operator) != (party.name, party.operator):
        raise ConfigError(
            f"{path} is of {asked.name}, operated by {asked.keys.operator}; the project has {party.name}, operated "
            f"by {party.operator}: ask for another request, or correct the project"
        )
    return asked.keys
