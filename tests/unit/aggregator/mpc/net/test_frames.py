"""Frames are read as they were written, and foreign bytes refused."""

import pytest

from aggregator.mpc.net.frames import HELLO_BYTES, STAMP_BYTES, Hello, Stamp, decode_request, encode_request
from protocols.errors import PartiesDisagree, WireError


def test_frames_are_read_as_written_and_foreign_bytes_refused() -> None:
    hello = Hello(1, 3, bytes(32), b"n" * 32)
    assert Hello.decode(hello.encode()) == hello
    assert decode_request(encode_request(7, bytes(16))) == (7, bytes(16))
    for read, length in ((Hello.decode, HELLO_BYTES), (decode_request, 32)):
        with pytest.raises(WireError):
            read(b"GET / HTTP/1.1\r\n".ljust(length, b"x"))
    stamp = Stamp(bytes(32), 1, 2, 3, 4, 5)
    stamp.require(stamp.encode(), "b")
    for other in (Stamp(b"x" * 32, 1, 2, 3, 4, 5), Stamp(bytes(32), 1, 2, 3, 4, 6), Stamp(bytes(32), 1, 2, 9, 4, 5)):
        with pytest.raises(PartiesDisagree, match="nothing was opened"):
            stamp.require(other.encode(), "b")
    with pytest.raises(WireError):
        stamp.require(bytes(STAMP_BYTES), "b")
