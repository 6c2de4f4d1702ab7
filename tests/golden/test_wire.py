"""One frozen message of each kind: the bytes that parties of other versions must still read.

Source: written by hand from `lpm.proto` and the Protocol Buffers encoding (tag = field number * 8 + wire type; varints
little-endian in groups of seven bits; bytes with their length), then held against the encoder.
"""

import dataclasses

import msgspec
import numpy as np
import pytest

from protocols.masking.envelope import SignedMessage
from protocols.sealing.messages import Handshake, SealedReply, SealedRequest
from protocols.task.rounds import Phase
from protocols.wire.codec import decode, encode
from protocols.wire.messages import (
    Announcement,
    Computation,
    ComputationQuery,
    Join,
    JoinReply,
    Letter,
    LetterReply,
    MaskedCall,
    MaskedReply,
    Members,
    MembersQuery,
    RoundRelease,
    RoundResult,
    Share,
    StreamedAnswer,
    StreamedCall,
    TrialQuery,
    TrialShare,
)
from protocols.wire.methods import METHODS, SERVICE

ID = bytes(range(32))
ID_HEX = "0a20" + ID.hex()  # field 1, 32 bytes
KEY = b"\xaa" * 32
ONE_AND_TOP = "0100000000000000" + "ffffffffffffffff"  # words 1 and 2**64 - 1, or the integers 1 and -1

START, START_HEX = b"\xdd" * 16, "2a10" + "dd" * 16
SIGNED = SignedMessage("a", b"\x01", KEY, b"\xbb" * 64)
LONG = msgspec.structs.replace(SIGNED, parts=(memoryview(b"\xcc"), memoryview(b"\xdd")))
SIGNED_HEX = "0a0161" + "120101" + "1a20" + "aa" * 32 + "2240" + "bb" * 64


def words(*values):
    return np.array(values, dtype=np.uint64)


def signed(*values):
    return np.array(values, dtype=np.int64)


FROZEN = [
    (Join(ID, KEY), ID_HEX + "1220" + "aa" * 32),
    (Join(ID, b""), ID_HEX),
    (JoinReply(0), ""),
    (Join(ID, b"", 0), ID_HEX + "1800"),
    (Join(ID, b"", 300), ID_HEX + "18ac02"),
    (JoinReply(300), "08ac02"),
    (JoinReply(300, (1, -1)), "08ac02" + "1210" + ONE_AND_TOP),
    (Share(ID, 5, words(1, 2**64 - 1), start=START), ID_HEX + "1005" + "1a10" + ONE_AND_TOP + START_HEX),
    (Share(ID, 5, words(), start=START), ID_HEX + "1005" + START_HEX),
    (
        RoundResult(5, words(1, 2**64 - 1), words(2), signed(1, -1), 3),
        "0805" + "1210" + ONE_AND_TOP + "1a08" + "0200000000000000" + "2210" + ONE_AND_TOP + "2803",
    ),
    (Share(ID, 5, words(), Phase.DECIDE, START), ID_HEX + "1005" + "2001" + START_HEX),
    (
        RoundResult(5, words(1), words(), signed(), 3, Phase.DECIDE),
        "0805" + "1208" + ONE_AND_TOP[:16] + "2803" + "3001",
    ),
    (Announcement(ID, 5, signed(1, -1)), ID_HEX + "1005" + "1a10" + ONE_AND_TOP),
    (RoundRelease(5, words(1, 2**64 - 1), 3, 2**32), "0805" + "1210" + ONE_AND_TOP + "1803" + "208080808010"),
    (MembersQuery(ID, 2**32), ID_HEX + "108080808010"),
    (MembersQuery(ID, 0, Phase.THRESHOLDS), ID_HEX + "1802"),
    (
        Members(5, ("a", "b-1"), starts=(START, KEY[:16])),
        "0805" + "120161" + "1203622d31" + "3210" + "dd" * 16 + "3210" + "aa" * 16,
    ),
    (Members(5, (), announced=KEY), "0805" + "2a20" + "aa" * 32),
    (ComputationQuery(ID, 5), ID_HEX + "1005" + "1801"),
    (Computation(5, KEY), "0805" + "1220" + "aa" * 32),
    (
        RoundRelease(5, words(2), 3, 0, ("a",), ("b-1",)),
        "0805" + "1208" + "02" + "00" * 7 + "1803" + "2a0161" + "3203622d31",
    ),
    (TrialQuery(ID, 5, 2, KEY), ID_HEX + "1005" + "1802" + "2220" + "aa" * 32),
    (TrialShare(5, 2, KEY, words(1, 2**64 - 1)), "0805" + "1002" + "1a20" + "aa" * 32 + "2210" + ONE_AND_TOP),
    (SealedRequest(ID, "a-1", "b", None, 300, b"\x01\x02"), ID_HEX + "1203612d31" + "1a0162" + "28ac02" + "32020102"),
    (
        SealedRequest(ID, "a", "b", Handshake(b"\x01", b"\x02", b"\x03"), 0, b""),
        ID_HEX + "120161" + "1a0162" + "2209" + "0a0101" + "120102" + "1a0103",
    ),
    (SealedReply(b"\xff"), "0a01ff"),
    (MaskedCall(ID, SIGNED), ID_HEX + "126a" + SIGNED_HEX),
    (Letter(ID, 2, "b", b"\xaa", ("a", "b")), ID_HEX + "1002" + "1a0162" + "2201aa" + "2a0161" + "2a0162"),
    (LetterReply("a", b"\xaa"), "0a0161" + "1201aa"),
    (MaskedReply(SIGNED), "0a6a" + SIGNED_HEX),
    (MaskedReply(LONG), "0a70" + SIGNED_HEX + "2a01cc" + "2a01dd"),
    (MaskedReply(None), ""),
    (StreamedCall(300, "Join", b"\xaa"), "08ac02" + "12044a6f696e" + "1a01aa"),
    (StreamedCall(1, ""), "0801"),
    (StreamedAnswer(1, b"\xaa"), "0801" + "1201aa"),
    (StreamedAnswer(1, b"", 9, "a", "b"), "0801" + "1809" + "220161" + "2a0162"),
]
each = pytest.mark.parametrize(("message", "content"), FROZEN, ids=lambda value: type(value).__name__)


@each
def test_a_message_is_written_as_ever(message, content):
    assert encode(message).hex() == content


@each
def test_the_bytes_of_a_message_are_read_as_ever(message, content):
    again = decode(type(message), bytes.fromhex(content))
    for field in dataclasses.fields(message):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(message, field.name))


def test_every_kind_of_message_is_frozen():
    of_streams = {StreamedCall, StreamedAnswer}
    assert {type(message) for message, _ in FROZEN} == {kind for pair in METHODS.values() for kind in pair} | of_streams


def test_the_service_and_its_methods_keep_their_names():
    assert SERVICE == "lpm.v1.Aggregator"
    assert list(METHODS) == [
        "Join",
        "Exchange",
        "Announce",
        "Members",
        "Compared",
        "Tried",
        "Masked",
        "Correspond",
        "Sealed",
    ]
