"""Serve with a round trip of so many ms to an active run's other servers: `python delayed.py MS MODULE [ARG ...]`.

What a server sends another one arrives half of that later, and so does the answer. Ways of clients and of the engine
are as they are.
"""

import asyncio
import runpy
import sys

from protocols.wire.masked_link import MaskedLink


def delay(half_s):
    """Let every message of this process to another server, and its answer, take so long."""
    send = MaskedLink.send

    async def late(link, envelope, *, timeout_s):
        await asyncio.sleep(half_s)
        reply = await send(link, envelope, timeout_s=timeout_s)
        await asyncio.sleep(half_s)
        return reply

    MaskedLink.send = late


if __name__ == "__main__":
    _, ms, module, *arguments = sys.argv
    delay(float(ms) / 2e3)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
