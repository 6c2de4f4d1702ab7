"""How an aggregator is reached, over gRPC.

`server` is the process, `servicer` decodes and encodes, `conversation` takes the calls of a stream one by one,
`interceptor` counts calls and turns errors into statuses, `gateway` unseals clients' calls or relays them, `access` and
`callers` say who may call.
"""

import protocols.wire.tls  # noqa: F401 - before gRPC is imported, which reads its settings then
