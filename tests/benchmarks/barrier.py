"""A bare gRPC barrier over TLS: answers all callers when the last of them has called. The peer of a private step."""

import asyncio
import sys
from pathlib import Path

import grpc
from grpc import aio

from protocols.identity import certificates
from protocols.wire.tls import require_tls13


async def main(address, folder, clients, reply_bytes):
    """Serve until told to stop."""
    require_tls13()
    credentials = certificates.read(Path(folder))
    reply = bytes(reply_bytes)
    waiting = []

    async def meet(request, context):
        future = asyncio.get_running_loop().create_future()
        waiting.append(future)
        if len(waiting) == clients:
            for each in waiting:
                each.set_result(None)
            waiting.clear()
        await future
        return reply

    server = aio.server()
    handlers = {"Meet": grpc.unary_unary_rpc_method_handler(meet)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Barrier", handlers),))
    pair = [(credentials.private_key, credentials.certificate)]
    server.add_secure_port(address, grpc.ssl_server_credentials(pair, credentials.authority, require_client_auth=True))
    await server.start()
    await server.wait_for_termination()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
