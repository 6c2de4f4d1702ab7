"""Nothing below TLS 1.3."""

import os
import sys
from typing import Final

from protocols.errors import ConfigError

# gRPC offers no minimum version. This cipher exists in TLS 1.2 only and needs an RSA certificate; ours are ECDSA. So no
# TLS 1.2 handshake can succeed, while the suites of TLS 1.3 are fixed and stay. A test tries it with TLS 1.2.
_NAME: Final = "GRPC_SSL_CIPHER_SUITES"
_CIPHERS: Final = "ECDHE-RSA-AES256-GCM-SHA384"
_IN_TIME: Final = "grpc" not in sys.modules or os.environ.get(_NAME) == _CIPHERS

os.environ[_NAME] = _CIPHERS  # gRPC reads it when it is imported: the packages that use it import this module first


def require_tls13() -> None:
    """Check that every gRPC channel and server of this process refuses TLS below 1.3.

    Raises:
        ConfigError: gRPC was imported before this project, without the setting that it reads then.
    """
    if not _IN_TIME:
        raise ConfigError(
            f"grpc was imported before lpm-secure, and would speak TLS 1.2: import lpm-secure first, or set {_NAME} "
            f"to {_CIPHERS}"
        )
