"""The configuration file of a calibration's centre."""

from pathlib import Path
from typing import final

import msgspec

from lpm_secure.calibration.centre.table import CalibrationTable
from protocols.identity.signing import PublicKey
from protocols.toml_file import load_config


@final
class CentreConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the engine of a run of sums reads; paths are relative to the file.

    Attributes:
        manifest: of the run, with its signature (.sig) beside it.
        operator_key: who must have signed it: the run's operator's Ed25519 key, 32 bytes in base64.
        credentials: folder with authority.pem, certificate.pem of the name `engine`, and private.key (mode 0600); where
            security is active also identity.key.
        results: folder for the journal of sums, from which a restart goes on, and for posterior, scores and report.
        calibration: what is fitted, and how.
    """

    manifest: str
    operator_key: PublicKey
    credentials: str
    results: str = "results"
    calibration: CalibrationTable


def load(path: Path) -> CentreConfig:
    """Read a configuration file; errors are ConfigError."""
    config = load_config(path, CentreConfig)
    return msgspec.structs.replace(config, calibration=config.calibration.beside(path.resolve().parent))
