"""Calls in one process."""

import asyncio

import pytest

from client_sdk import LocalTransport
from protocols.errors import Unavailable
from protocols.wire.messages import Join


def test_a_transport_in_this_process_gives_up_in_time():
    async def silent(caller, request):
        await asyncio.sleep(60)

    async def act():
        with pytest.raises(Unavailable, match=r"no answer within 0\.01 s"):
            await LocalTransport(silent, caller="client-0").call(Join(bytes(32), b""), timeout_s=0.01)

    asyncio.run(act())
