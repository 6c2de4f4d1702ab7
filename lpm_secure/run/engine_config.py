"""The configuration file of the engine of a deployment."""

from pathlib import Path
from typing import Any, final

import msgspec

from lpm_secure.config.synthetic import SyntheticConfig
from protocols.identity.signing import PublicKey
from protocols.toml_file import load_config


@final
class EnginePartyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `lpm engine --config FILE` reads; paths are relative to the file.

    Attributes:
        manifest: of the run, with its signature (.sig) beside it.
        operator_key: who must have signed it: the run's operator's Ed25519 key, 32 bytes in base64.
        credentials: folder with authority.pem, certificate.pem of the name `engine`, and private.key (mode 0600); where
            security is active also identity.key.
        results: folder for the journal of releases, from which a restart goes on, and for series and report.
        synthetic: the engine's own agents, as in a run's configuration.
        columns: of private columns of the model, between which two numbers each value of theirs is drawn.
        environment: of a model that hears public numbers, as in a run's configuration.
    """

    manifest: str
    operator_key: PublicKey
    credentials: str
    results: str = "results"
    synthetic: SyntheticConfig = SyntheticConfig()
    columns: dict[str, tuple[int, int]] = {}
    environment: dict[str, Any] = {}


def load(path: Path) -> EnginePartyConfig:
    """Read a configuration file; errors are ConfigError."""
    config = load_config(path, EnginePartyConfig)
    return msgspec.structs.replace(config, synthetic=config.synthetic.beside(path.resolve().parent))
