"""A kit for each party of a project, and the run's operator's answers to what parties make of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from aggregator.config import AggregatorConfig, DealerFile
from client_sdk.config import ClientConfig
from client_sdk.private.data_dictionary import DataDictionary
from lpm_secure.project import page, services
from lpm_secure.project.authority import INVITATIONS, authority_in, operator_key_in
from lpm_secure.project.base_project import BaseProject, ServerEntry
from lpm_secure.project.calibration.kind import CalibrationKind
from lpm_secure.project.calibration.project_file import CALIBRATION, load_calibration
from lpm_secure.project.documentation.explanation import comment
from lpm_secure.project.kind import RunKind, begin_kit, values_of, write_page
from lpm_secure.project.manifest import manifest_of
from lpm_secure.project.policy_template import policy_text
from lpm_secure.project.project_file import EngineEntry, ProjectFile, load
from lpm_secure.run.engine_config import EnginePartyConfig
from protocols import canonical_json
from protocols.atomic_file import write_atomically
from protocols.errors import ConfigError, ParameterError
from protocols.identity import enrolment, signing
from protocols.identity.trust import Trust
from protocols.kit.kit import CONFIG, CREDENTIALS, ENGINE_CONFIG, MANIFEST
from protocols.task.manifest import Manifest, SimulationManifest, require_simulation
from protocols.task.parties import ENGINE
from protocols.toml_file import read_tables

OPERATOR: Final = "operator"  # a folder beside the project: what the run's operator keeps
LOOPBACK: Final = ("127.", "localhost:", "[::1]:")
INVITED_DAYS: Final = 30.0
AUTHORITY_DAYS: Final = 825.0
RUNS: Final = "runs"  # a folder of a server's kit


@final
@dataclass(frozen=True, slots=True)
class SimulationKind(RunKind):
    """A project of a simulation.

    Attributes:
        file: its content.
    """

    file: ProjectFile

    @property
    def project(self) -> ProjectFile:
        """See `RunKind`."""
        return self.file

    def manifest(self, trust: Trust | None = None) -> SimulationManifest:
        """See `RunKind`."""
        return manifest_of(self.file, self.folder, trust=trust)

    def require_kits(self) -> None:
        """See `RunKind`."""
        if self.file.engine is True:
            raise ConfigError(
                "engine = true does not say who runs the engine; write a table [engine] with its operator, or leave it "
                "out"
            )
        if self.file.engine and self.file.gradient is not None:
            raise ConfigError("lpm engine takes no gradient; leave out [engine], or [gradient]")

    def client_page(self, manifest: Manifest, name: str) -> str:
        """See `RunKind`."""
        return page.client_page(self.file, require_simulation(manifest), name)

    def write_client(self, folder: Path, name: str, manifest: Manifest, operator_key: bytes) -> None:
        """See `RunKind`."""
        _write_client(folder, self.file, name, require_simulation(manifest), operator_key=operator_key)

    def write_engine(self, folder: Path, manifest: Manifest, operator_key: bytes) -> None:
        """See `RunKind`."""
        if isinstance(self.file.engine, EngineEntry):
            _write_engine(folder, self.file, self.file.engine, require_simulation(manifest), operator_key=operator_key)


def load_kind(path: Path) -> RunKind:
    """Read a project's file, of a simulation or, where it has a table `[calibration]`, of a calibration.

    Raises:
        ConfigError: it has a mistake.
    """
    folder, tables = path.resolve().parent, read_tables(path)
    if "private" in tables and "operator" not in tables:
        raise ConfigError(f"{path} is of `lpm run`; give a project.toml, which `lpm project init NAME` writes")
    if CALIBRATION in tables:
        return CalibrationKind(folder, load_calibration(path))
    return SimulationKind(folder, load(path))


def write_kits(path: Path, out: Path) -> list[Path]:
    """Make a folder for each party, without any private key, and return them.

    Args:
        path: of the project.
        out: a folder that is made.

    Raises:
        ConfigError, ParameterError: the project has a mistake, or asks for what kits cannot do; or the folder is there.
    """
    kind = load_kind(path)
    project = kind.project
    project.require_open()
    kind.require_kits()
    manifest = kind.manifest()
    own = kind.folder / OPERATOR
    own.mkdir(mode=0o700, exist_ok=True)
    authority_in(own, days=AUTHORITY_DAYS)
    key = operator_key_in(own)
    try:
        out.mkdir(parents=True)
    except OSError as error:
        raise ParameterError(f"cannot make {out}: {error.strerror}; give another --out") from error
    public = signing.public_of(key)
    for server in project.servers:
        _write_server(out / server.name, project, server, manifest, operator_key=public)
    if project.engine_party is not None:
        kind.write_engine(out / ENGINE, manifest, public)
    for client in manifest.clients:
        folder = out / client.name
        kind.write_client(folder, client.name, manifest, public)
        invitation = enrolment.invite(own / INVITATIONS, key, client.name, days=INVITED_DAYS)
        signing.write_private(folder / f"{client.name}.invitation", canonical_json.encode(invitation))
    return [out / party.name for party in (*project.operated, *manifest.clients)]


def _write_client(
    folder: Path, project: ProjectFile, name: str, manifest: SimulationManifest, *, operator_key: bytes
) -> None:
    stays = manifest.model.agents.cell_field is None
    given = ClientConfig(
        name=name,
        manifest=MANIFEST,
        operator_key=operator_key,
        policy="policy.toml",
        credentials=CREDENTIALS,
        people="people.csv",
        contacts="contacts.csv",
        start=project.start,
        dictionary=DataDictionary(cells=tuple(project.cells) if stays else ()),
    )
    (agent, *_) = next(client.agents for client in manifest.clients if client.name == name) or (None,)
    device = None if manifest.devices is None else agent
    begin_kit(folder, project, operator_key, role="client", name=name, operator=name, device=device)
    keys = ("name", "manifest", "operator_key", "policy", "credentials", "people", "contacts", "start")
    optional = {"others": "others.csv", "relay": manifest.aggregators[0].name, "max_missed": 3}
    text = comment(ClientConfig, values_of(given, keys), optional=optional)
    words = comment(DataDictionary, {"cells": given.dictionary.cells}, optional=page.DICTIONARY)
    write_atomically(folder / CONFIG, f"{text}\n[dictionary]\n{words}".encode())
    write_atomically(folder / "policy.toml", policy_text(project, manifest).encode())
    write_page(folder, page.client_page(project, manifest, name))
    services.write(folder, name, "client_sdk")


def _write_server(
    folder: Path, project: BaseProject, server: ServerEntry, manifest: Manifest, *, operator_key: bytes
) -> None:
    dealer = server == project.dealer
    serving = server.address if server.listen is None else server.listen
    begin_kit(
        folder,
        project,
        operator_key,
        role="dealer" if dealer else "aggregator",
        name=server.name,
        operator=server.operator,
        sealed=not dealer or project.security == "active",
        listen=tuple(each for each in (serving, server.mpc, server.permutation) if each is not None),
    )
    config: AggregatorConfig | DealerFile = AggregatorConfig(
        name=server.name,
        listen=serving,
        credentials=CREDENTIALS,
        manifests=(MANIFEST,),
        operator_key=operator_key,
        revoked="revoked.txt",
        runs=RUNS,
        store="sqlite:///store.sqlite",
    )
    if dealer:
        alone = server.address.startswith(LOOPBACK)  # a trial on one machine, where nothing is secret
        config = DealerFile(
            name=server.name,
            credentials=CREDENTIALS,
            manifest=MANIFEST,
            operator_key=operator_key,
            runs=RUNS,
            testbed=alone,
        )
    keys = tuple(key for key in config.__struct_fields__ if getattr(config, key) is not None)
    write_atomically(folder / CONFIG, comment(type(config), values_of(config, keys)).encode())
    write_page(folder, page.server_page(project, manifest, server))
    services.write(folder, server.name, "aggregator")


def _write_engine(
    folder: Path, project: ProjectFile, engine: EngineEntry, manifest: SimulationManifest, *, operator_key: bytes
) -> None:
    begin_kit(folder, project, operator_key, role="engine", name=ENGINE, operator=engine.operator, sealed=False)
    given = EnginePartyConfig(
        manifest=MANIFEST,
        operator_key=operator_key,
        credentials=CREDENTIALS,
        synthetic=engine.synthetic,
        columns=engine.columns,
        environment=engine.environment,
    )
    values = values_of(given, given.__struct_fields__)
    values["synthetic"] = {key: each for key, each in values["synthetic"].items() if each not in (None, {})}
    write_atomically(folder / ENGINE_CONFIG, comment(EnginePartyConfig, values).encode())
    write_page(folder, page.engine_page(project, manifest, engine.operator))
    services.write(folder, ENGINE, "lpm_secure.cli")
