"""Nothing below TLS 1.3."""

import os
from typing import Final

# gRPC offers no minimum version. This cipher exists in TLS 1.2 only and needs an RSA certificate; ours are ECDSA. So no
# TLS 1.2 handshake can succeed, while the suites of TLS 1.3 are fixed and stay. A test tries it with TLS 1.2.
_CIPHERS: Final = "ECDHE-RSA-AES256-GCM-SHA384"


def require_tls13() -> None:
    """Make every gRPC channel and server of this process refuse TLS below 1.3; call before the first is made."""
    os.environ["GRPC_SSL_CIPHER_SUITES"] = _CIPHERS
