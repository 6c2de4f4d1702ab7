"""The configuration file of one operator's aggregator."""

from pathlib import Path
from typing import Annotated, final

import msgspec

from protocols.identity.signing import PublicKey
from protocols.identity.trust import Name
from protocols.task.parties import Address
from protocols.toml_file import load_config

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


@final
class AggregatorConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `python -m aggregator --config FILE` reads; paths are relative to the file.

    Attributes:
        name: this aggregator's in the manifests, and in its certificate.
        listen: host and port to serve on.
        credentials: folder with authority.pem, certificate.pem, and private.key, identity.key and sealing.key (0600).
        manifests: one file for each run that is served, each with its signature (.sig) beside it.
        operator_key: who must have signed them: the run's operator's Ed25519 key, 32 bytes in base64.
        store: database URL; a restarted aggregator goes on from there.
        allowed: text file with the clients that this operator serves, one name a line; all of the manifests' without.
        revoked: the like with clients that are shut out, from the next round on; read again whenever it changes.
        runs: folder in which the operator puts further manifests while this server runs, `NAME.json` beside `NAME.sig`
            each: they are signed as its operator and served, at once and after a restart.
        calls_per_s: how often one client may call, in the long run.
        metrics_port: Prometheus metrics on 127.0.0.1; 0 for none.
    """

    name: Name
    listen: Address
    credentials: str
    manifests: tuple[str, ...]
    operator_key: PublicKey
    store: str
    allowed: str | None = None
    revoked: str | None = None
    runs: str | None = None
    calls_per_s: Annotated[float, msgspec.Meta(gt=0, le=10**6)] = 1_000.0
    metrics_port: Port = 0


@final
class DealerFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `python -m aggregator dealer --config FILE` reads; paths are relative to the file.

    Attributes:
        name: the dealer's in the manifest, and in its certificate. It listens where the manifest says.
        credentials: folder with authority.pem, certificate.pem, and private.key and identity.key (0600).
        manifest: of the run, with its signature (.sig) beside it.
        operator_key: who must have signed it: the run's operator's Ed25519 key, 32 bytes in base64.
        runs: folder for further manifests, as an aggregator's; all active, as the first one is, or none.
        testbed: allow the dealer on the host of an aggregator. Then one machine sees everything.
    """

    name: Name
    credentials: str
    manifest: str
    operator_key: PublicKey
    runs: str | None = None
    testbed: bool = False


def load_dealer(path: Path) -> DealerFile:
    """Read a dealer's configuration file; errors are ConfigError."""
    return load_config(path, DealerFile)


def load(path: Path) -> AggregatorConfig:
    """Read a configuration file; errors are ConfigError."""
    return load_config(path, AggregatorConfig)
