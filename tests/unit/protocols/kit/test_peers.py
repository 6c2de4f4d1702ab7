"""Waiting for servers, and saying for whom."""

import asyncio

import pytest

from protocols.errors import Unavailable
from protocols.kit import peers


def test_who_waits_is_told_for_whom_and_not_for_ever(agg, monkeypatch):
    own, address, *_ = agg
    monkeypatch.setattr(peers, "FIRST_S", 0.0)
    said, asked = [], {"agg-a": address}
    with pytest.raises(Unavailable, match="agg-a does not answer at"):
        asyncio.run(peers.wait_for_servers(asked, own.credentials, patience_s=0.5, say=said.append))
    assert said == [f"waiting for agg-a at {address} (connection refused)"]
