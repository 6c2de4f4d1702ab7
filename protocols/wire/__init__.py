"""The wire: its generated messages, the codecs that refuse what no encoder makes, and how a call travels."""

import protocols.wire.tls  # noqa: F401 - before gRPC is imported, which reads its settings then
