"""A client exchanges shares with every aggregator, until its run is over."""

import asyncio
import datetime

import msgspec
import numpy as np
import pytest

from client_sdk import LocalTransport
from client_sdk.simulation.exchange import Exchange
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import AnswerLost, ParameterError, RoundClosed, RunExpired


def test_a_client_needs_a_transport_to_each_aggregator(manifest_of):
    with pytest.raises(ParameterError, match="got 1 transports for 2 aggregators"):
        Exchange(manifest_of(), "client-0", [LocalTransport(None, caller="client-0")])


def test_a_client_tells_nothing_more_when_the_time_of_a_run_is_over(manifest_of):
    manifest = pin_keys(manifest_of())[0]
    over = manifest.trust.not_before + datetime.timedelta(seconds=1)
    expired = msgspec.structs.replace(manifest, trust=msgspec.structs.replace(manifest.trust, not_after=over))
    exchange = Exchange(expired, "client-0", [None, None])  # of transports that would fail
    with pytest.raises(RunExpired):
        asyncio.run(exchange.round(np.zeros(0, dtype=np.uint64), step=0))


def test_whoever_asks_again_too_late_hears_whether_its_share_counted(manifest_of, operators_of):
    manifest = manifest_of([(1, 2), (3,)], round_timeout_s=0.1)

    async def act():
        with operators_of(manifest) as operators:
            own, other = (Exchange(manifest, name, operators.transports(name)) for name in ("client-0", "client-1"))
            await asyncio.gather(own.join(), other.join())
            words = np.zeros(operators.runs[0].layout.d, dtype=np.uint64)
            await asyncio.gather(own.round(words, step=0), other.round(words, step=0))
            for step in (1, 2):
                await other.round(words, step=step)
            with pytest.raises(AnswerLost):
                await own.round(words, step=0)
            with pytest.raises(RoundClosed) as closed:
                await own.round(words, step=1)
            return type(closed.value), await own.ask_last_round(), await other.ask_last_round()

    assert asyncio.run(act()) == (RoundClosed, 0, 2)
