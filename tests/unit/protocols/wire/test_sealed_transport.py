"""What is sealed for a relay is a call, and comes out as it went in."""

import pytest

from protocols.errors import (
    WireError,
)
from protocols.wire.messages import Join
from protocols.wire.sealed_transport import pack, unpack


@pytest.mark.parametrize("content", [b"", b"\x04", b"\x00\xff", b"\x01\x0a", b"\x02\xff", b"\x03\xff"])
def test_what_was_sealed_must_be_a_call(content):
    with pytest.raises(WireError):
        unpack(content)


def test_what_was_packed_is_unpacked():
    join = Join(bytes(32), bytes(range(32)))
    assert unpack(pack(join)) == join
