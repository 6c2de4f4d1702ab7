"""Who may ask an aggregator for what."""

import numpy as np
import pytest

from aggregator import Aggregator
from protocols.errors import (
    ManifestMismatch,
    NotEnrolled,
    WireError,
)
from protocols.wire.messages import Announcement, Join, JoinReply, MembersQuery

LONG_S = 600.0  # a deadline that no test reaches


@pytest.fixture
def manifest(manifest_of):
    """Return a function that makes a manifest of three clients and one aggregator that sees everything."""

    def made(**changes):
        timeouts = {"join_timeout_s": LONG_S, "round_timeout_s": LONG_S}
        return manifest_of(k=1, sharing="clear", **timeouts | changes)

    return made


def test_every_caller_may_ask_only_what_its_role_allows(manifest, during):
    async def act(operator):
        run = operator.run
        aggregator = Aggregator({run.id: run})
        with pytest.raises(ManifestMismatch, match="serves no run of that id"):
            await aggregator.answer("client-0", Join(bytes(32), b""))
        with pytest.raises(NotEnrolled, match="client-0 is not the engine"):
            await aggregator.answer("client-0", Announcement(run.id, 0, np.zeros(0, dtype=np.int64)))
        for caller in ("client-0", "engine"):
            with pytest.raises(NotEnrolled, match=f"{caller} is not an aggregator of this run"):
                await aggregator.answer(caller, MembersQuery(run.id, 0))
        for caller in ("engine", "aggregator-0"):
            with pytest.raises(NotEnrolled, match=f"no client {caller}"):
                await aggregator.answer(caller, Join(run.id, b""))
        with pytest.raises(WireError, match="not asked with a JoinReply"):
            await aggregator.answer("client-0", JoinReply(0))
        return await aggregator.answer("client-0", Join(run.id, b""))

    assert during(manifest(), act) == JoinReply(0)
