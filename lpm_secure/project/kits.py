"""A kit for each party of a project, and the run's operator's answers to what parties make of them."""

import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from aggregator.config import AggregatorConfig, DealerFile
from client_sdk.config import ClientConfig
from client_sdk.private.data_dictionary import DataDictionary
from lpm_secure.project import page, services
from lpm_secure.project.authority import INVITATIONS, authority_in, operator_key_in
from lpm_secure.project.explanation import comment
from lpm_secure.project.manifest import manifest_of
from lpm_secure.project.policy_template import policy_text
from lpm_secure.project.project_file import EngineEntry, ProjectFile, ServerEntry, load
from lpm_secure.run.engine_config import EnginePartyConfig
from protocols import canonical_json
from protocols.atomic_file import write_atomically
from protocols.errors import ConfigError, ParameterError
from protocols.file_mode import PUBLIC_MODE
from protocols.identity import enrolment, signing
from protocols.kit.kit import CONFIG, CREDENTIALS, ENGINE_CONFIG, KIT, MANIFEST, KitFile
from protocols.task.manifest import Simulation
from protocols.task.parties import ENGINE

OPERATOR: Final = "operator"  # a folder beside the project: what the run's operator keeps
LOOPBACK: Final = ("127.", "localhost:", "[::1]:")
INVITED_DAYS: Final = 30.0
AUTHORITY_DAYS: Final = 825.0


def write_kits(path: Path, out: Path) -> list[Path]:
    """Make a folder for each party, without any private key, and return them.

    Args:
        path: of the project.
        out: a folder that is made.

    Raises:
        ConfigError, ParameterError: the project has a mistake, or asks for what kits cannot do; or the folder is there.
    """
    project = load(path)
    _require_kits(project)
    manifest = manifest_of(project, path.resolve().parent)
    own = path.resolve().parent / OPERATOR
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
    if isinstance(project.engine, EngineEntry):
        _write_engine(out / ENGINE, project, project.engine, manifest, operator_key=public)
    for client in manifest.clients:
        folder = out / client.name
        _write_client(folder, project, client.name, manifest, operator_key=public)
        invitation = enrolment.invite(own / INVITATIONS, key, client.name, days=INVITED_DAYS)
        signing.write_private(folder / f"{client.name}.invitation", canonical_json.encode(invitation))
    return [out / party.name for party in (*project.operated, *manifest.clients)]


def _require_kits(project: ProjectFile) -> None:
    """Refuse what a manifest may say, and no kit can start, or not yet.

    Raises:
        ConfigError: it is so.
    """
    project.require_open()
    if project.engine is True:
        raise ConfigError(
            "engine = true does not say who runs the engine; write a table [engine] with its operator, or leave it out"
        )
    if project.engine and project.gradient is not None:
        raise ConfigError("lpm engine takes no gradient; leave out [engine], or [gradient]")


def _write_client(folder: Path, project: ProjectFile, name: str, manifest: Simulation, *, operator_key: bytes) -> None:
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
    _begin(folder, KitFile(role="client", name=name, operator=name, device=device, **_common(project, operator_key)))
    keys = ("name", "manifest", "operator_key", "policy", "credentials", "people", "contacts", "start")
    optional = {"others": "others.csv", "relay": manifest.aggregators[0].name, "max_missed": 3}
    text = comment(ClientConfig, _values(given, keys), optional=optional)
    words = comment(DataDictionary, {"cells": given.dictionary.cells}, optional=page.DICTIONARY)
    write_atomically(folder / CONFIG, f"{text}\n[dictionary]\n{words}".encode())
    write_atomically(folder / "policy.toml", policy_text(project, manifest).encode())
    write_atomically(folder / "README.md", page.client_page(project, manifest, name).encode(), mode=PUBLIC_MODE)
    services.write(folder, name, "client_sdk")


def _write_server(
    folder: Path, project: ProjectFile, server: ServerEntry, manifest: Simulation, *, operator_key: bytes
) -> None:
    dealer = server == project.dealer
    serving = server.address if server.listen is None else server.listen
    kit = KitFile(
        role="dealer" if dealer else "aggregator",
        name=server.name,
        operator=server.operator,
        sealed=not dealer or project.security == "active",
        listen=tuple(each for each in (serving, server.mpc, server.permutation) if each is not None),
        **_common(project, operator_key),
    )
    _begin(folder, kit)
    config: AggregatorConfig | DealerFile = AggregatorConfig(
        name=server.name,
        listen=serving,
        credentials=CREDENTIALS,
        manifests=(MANIFEST,),
        operator_key=operator_key,
        revoked="revoked.txt",
        store="sqlite:///store.sqlite",
    )
    if dealer:
        alone = server.address.startswith(LOOPBACK)  # a trial on one machine, where nothing is secret
        config = DealerFile(
            name=server.name, credentials=CREDENTIALS, manifest=MANIFEST, operator_key=operator_key, testbed=alone
        )
    keys = tuple(key for key in config.__struct_fields__ if getattr(config, key) is not None)
    write_atomically(folder / CONFIG, comment(type(config), _values(config, keys)).encode())
    write_atomically(folder / "README.md", page.server_page(project, manifest, server).encode(), mode=PUBLIC_MODE)
    services.write(folder, server.name, "aggregator")


def _write_engine(
    folder: Path, project: ProjectFile, engine: EngineEntry, manifest: Simulation, *, operator_key: bytes
) -> None:
    _begin(
        folder,
        KitFile(role="engine", name=ENGINE, operator=engine.operator, sealed=False, **_common(project, operator_key)),
    )
    given = EnginePartyConfig(
        manifest=MANIFEST,
        operator_key=operator_key,
        credentials=CREDENTIALS,
        synthetic=engine.synthetic,
        columns=engine.columns,
        environment=engine.environment,
    )
    values = _values(given, given.__struct_fields__)
    values["synthetic"] = {key: each for key, each in values["synthetic"].items() if each not in (None, {})}
    write_atomically(folder / ENGINE_CONFIG, comment(EnginePartyConfig, values).encode())
    write_atomically(
        folder / "README.md", page.engine_page(project, manifest, engine.operator).encode(), mode=PUBLIC_MODE
    )
    services.write(folder, ENGINE, "lpm_secure.cli")


def _common(project: ProjectFile, operator_key: bytes) -> dict[str, Any]:
    made = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return {"run": project.name, "operator_key": operator_key, "made": made}


def _begin(folder: Path, kit: KitFile) -> None:
    folder.mkdir(mode=0o700)
    given = _values(kit, kit.__struct_fields__)
    write_atomically(folder / KIT, comment(KitFile, given).encode())


def _values(config: msgspec.Struct, keys: tuple[str, ...]) -> dict[str, Any]:
    plain = msgspec.to_builtins(config, builtin_types=(datetime.date, datetime.datetime))
    return {key: plain[key] for key in keys if plain[key] is not None}
