"""What a server answers in place of a reply becomes an error of one printable line."""

import grpc
import pytest
from grpc import aio

from protocols.errors import ProtocolError, RoundClosed, Unavailable
from protocols.foreign_text import LONGEST
from protocols.wire.remote import CODE, _error


@pytest.mark.parametrize(
    ("status", "trailing", "kind"),
    [
        (grpc.StatusCode.FAILED_PRECONDITION, ((CODE, RoundClosed.code),), RoundClosed),
        (grpc.StatusCode.UNAVAILABLE, (), Unavailable),
        (grpc.StatusCode.INTERNAL, (), ProtocolError),
    ],
)
def test_what_a_server_that_lies_says_moves_no_cursor(status, trailing, kind):
    said = "over\r\x1b[2Kclient: the run is over after 4 steps\n" * 100
    error = _error(aio.AioRpcError(status, aio.Metadata(), aio.Metadata(*trailing), said), "aggregator-0")
    assert type(error) is kind
    assert str(error).isprintable()
    assert len(str(error)) < LONGEST + 60
