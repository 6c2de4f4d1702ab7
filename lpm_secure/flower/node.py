"""Who a Flower node is: an institution or an aggregator, with a folder of its own that says whom it trusts."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from flwr.app import ConfigRecord, Context

from aggregator import config as aggregator_config
from client_sdk import institution_config
from client_sdk.admission import admit
from lpm_secure.flower.records import text_of
from protocols.errors import ConfigError, ManifestMismatch
from protocols.identity.certificates import Credentials
from protocols.identity.certificates import read as read_credentials
from protocols.task import manifest as manifests
from protocols.task.secure_sum.spec import SecureSum
from protocols.task.signature import load_verified

PARTY: Final = "party"  # key of a node's configuration: its folder
PARTIES: Final = "LPM_PARTIES"  # of a simulation, where one machine plays all nodes: the folder of folders
CONFIG: Final = "config.toml"


@final
@dataclass(frozen=True, slots=True)
class Node:
    """A node's own files.

    Attributes:
        folder: with `config.toml`, which names manifest, operator's key and credentials.

    Security: manifest, keys of aggregators and policy come from this folder, whose path the node's operator gives when
        it starts the node. Nothing of it is taken from the run; what a run sends is held against it.
    """

    folder: Path

    @classmethod
    def of(cls, context: Context) -> "Node":
        """Return the party that a node is.

        Raises:
            ConfigError: the node was started without saying so.
        """
        folder = context.node_config.get(PARTY)
        if isinstance(folder, str):
            return cls(Path(folder))
        parties, number = os.environ.get(PARTIES), context.node_config.get("partition-id")
        if parties is None or not isinstance(number, int):
            raise ConfigError(f"this node does not say who it is; start it with --node-config '{PARTY}=\"FOLDER\"'")
        names = sorted(each.name for each in Path(parties).iterdir() if (each / CONFIG).is_file())
        if not 0 <= number < len(names):
            raise ConfigError(f"node {number} of the simulation is nobody: there are {len(names)} parties")
        return cls(Path(parties) / names[number])

    @property
    def is_institution(self) -> bool:
        """Whether this is an institution; else it is an aggregator."""
        return "series" in (self.folder / CONFIG).read_text(encoding="utf-8")

    @property
    def credentials(self) -> Credentials:
        """Return the keys of its certificate."""
        given = self.institution if self.is_institution else self.aggregator
        return read_credentials(self.folder / given.credentials)

    @property
    def institution(self) -> institution_config.InstitutionConfig:
        """Return an institution's configuration."""
        return institution_config.load(self.folder / CONFIG)

    @property
    def aggregator(self) -> aggregator_config.AggregatorConfig:
        """Return an aggregator's configuration."""
        return aggregator_config.load(self.folder / CONFIG)

    @property
    def name(self) -> str:
        """Return its name in the manifest."""
        return self.institution.name if self.is_institution else self.aggregator.name

    def manifest(self, about: ConfigRecord) -> SecureSum:
        """Return this party's own manifest, if a message is about the same run.

        Raises:
            ManifestMismatch: it is about another one.
            PolicyConflict: an institution's owner does not allow the run.
        """
        if self.is_institution:
            manifest = admit(self.institution, self.folder).manifest
        else:
            given = self.aggregator
            manifest = load_verified(self.folder / given.manifests[0], operator_key=given.operator_key)
        if text_of(about, "run") != manifests.run_id(manifest).hex():
            raise ManifestMismatch("the message is of another run than this node's manifest; compare the manifests")
        return manifests.require_sum(manifest)

    def consent(self) -> None:
        """Sign that this institution takes part, and charge its budget, before an answer of its leaves.

        Raises:
            PolicyConflict: its owner does not allow the run, or what is left of the budget is too little for it.
        """
        admit(self.institution, self.folder).consent()
