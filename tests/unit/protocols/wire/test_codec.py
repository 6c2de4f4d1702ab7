"""Between messages and bytes: what is written is read back, and nothing else is read at all."""

import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ManifestMismatch, ProtocolError, WireError
from protocols.masking.envelope import SignedMessage
from protocols.sealing.messages import Handshake, SealedReply, SealedRequest
from protocols.task.rounds import Phase
from protocols.wire.codec import decode, encode
from protocols.wire.messages import (
    LETTERS,
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
from protocols.wire.methods import METHODS, largest_call

ID = st.binary(min_size=32, max_size=32)
STEP = st.integers(0, 2**32)
COUNT = st.integers(0, 2**32 - 1)
WORDS = st.lists(st.integers(0, 2**64 - 1), max_size=5).map(lambda values: np.array(values, dtype=np.uint64))
SIGNED = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5).map(lambda values: np.array(values, dtype=np.int64))
NAMES = st.sets(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True)).map(lambda names: tuple(sorted(names)))
NAME = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True)
OPENING = st.none() | st.builds(Handshake, st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=9))
PHASE = st.sampled_from(Phase)
START = st.binary(min_size=16, max_size=16)
HEAD = st.sampled_from([b"", bytes(range(32))])
SIGNATURE = st.binary(min_size=64, max_size=64)
SIGNED_MESSAGE = st.builds(SignedMessage, NAME, st.binary(max_size=20), ID, SIGNATURE)


def members_of(names):
    starts = st.lists(START, min_size=len(names), max_size=len(names)).map(tuple)
    return st.builds(Members, STEP, st.just(names), PHASE, HEAD, HEAD, starts)


MESSAGES = {
    Join: st.builds(Join, ID, st.sampled_from([b"", bytes(32), bytes(range(32))]), st.none() | STEP),
    JoinReply: st.builds(JoinReply, STEP, st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5).map(tuple)),
    Share: st.builds(Share, ID, STEP, WORDS, PHASE, START),
    RoundResult: st.builds(RoundResult, STEP, WORDS, WORDS, SIGNED, COUNT, PHASE),
    Announcement: st.builds(Announcement, ID, STEP, SIGNED),
    RoundRelease: st.builds(RoundRelease, STEP, WORDS, COUNT, st.integers(0, 2**64 - 1), NAMES, NAMES),
    MembersQuery: st.builds(MembersQuery, ID, STEP, PHASE),
    Members: NAMES.flatmap(members_of),
    ComputationQuery: st.builds(ComputationQuery, ID, STEP, PHASE),
    Computation: st.builds(Computation, STEP, st.sampled_from([b"", bytes(32), bytes(range(32))])),
    TrialQuery: st.builds(TrialQuery, ID, STEP, COUNT, ID),
    TrialShare: st.builds(TrialShare, STEP, COUNT, ID, WORDS),
    SealedRequest: st.builds(SealedRequest, ID, NAME, NAME, OPENING, st.integers(0, 2**63 - 1), st.binary(max_size=20)),
    SealedReply: st.builds(SealedReply, st.binary(max_size=20)),
    MaskedCall: st.builds(MaskedCall, ID, SIGNED_MESSAGE),
    MaskedReply: st.builds(MaskedReply, st.none() | SIGNED_MESSAGE),
    Letter: st.builds(Letter, ID, st.integers(0, LETTERS - 1), NAME, st.binary(min_size=1, max_size=9), NAMES),
    LetterReply: st.builds(LetterReply, NAME, st.binary(min_size=1, max_size=9)),
    StreamedCall: st.builds(StreamedCall, st.integers(0, 2**63 - 1), st.text(max_size=9), st.binary(max_size=20)),
    StreamedAnswer: st.builds(
        StreamedAnswer, st.integers(0, 2**63 - 1), st.binary(max_size=20), COUNT, st.text(max_size=9), st.text()
    ),
}
ANY = st.one_of(*MESSAGES.values())
each = pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)


def fields(message):
    """Return a message's fields as values that compare, with the types of its arrays."""
    values = [getattr(message, field.name) for field in dataclasses.fields(message)]
    return [(v.dtype.str, v.tolist()) if isinstance(v, np.ndarray) else v for v in values]


def test_every_message_is_covered():
    assert {kind for pair in METHODS.values() for kind in pair} | {StreamedCall, StreamedAnswer} == set(MESSAGES)


@given(ANY)
def test_a_message_is_read_back_as_it_was_written(message):
    again = decode(type(message), encode(message))
    assert type(again) is type(message)
    assert fields(again) == fields(message)
    assert encode(again) == encode(message)


@given(ANY, st.binary(min_size=1, max_size=9))
def test_leftovers_are_refused_or_are_a_message_of_their_own(message, rest):
    content = encode(message) + rest
    try:
        again = decode(type(message), content)
    except ProtocolError:
        return
    assert encode(again) == content


@each
@given(content=st.binary(max_size=60))
def test_any_bytes_are_refused_or_are_exactly_what_the_encoder_writes(kind, content):
    try:
        message = decode(kind, content)
    except ProtocolError:
        return
    assert encode(message) == content


@each
@given(data=st.data())
def test_a_message_cut_short_is_refused_or_another_message(kind, data):
    content = encode(data.draw(MESSAGES[kind]))
    cut = content[: data.draw(st.integers(0, len(content)))]
    try:
        assert encode(decode(kind, cut)) == cut
    except ProtocolError:
        return


@each
def test_an_unknown_field_is_refused(kind):
    with pytest.raises(WireError, match="unknown or misplaced fields"):
        decode(kind, encode(small(kind)) + b"\x78\x01")


def small(kind):
    """Return a short message of a kind."""
    nothing, signed = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
    return {
        Join: Join(bytes(32), b""),
        JoinReply: JoinReply(1),
        Letter: Letter(bytes(32), 1, "a", b"1"),
        LetterReply: LetterReply("a", b"1"),
        StreamedCall: StreamedCall(1, "Join"),
        StreamedAnswer: StreamedAnswer(1),
        Share: Share(bytes(32), 1, nothing, start=bytes(16)),
        RoundResult: RoundResult(1, nothing, nothing, signed, 1),
        Announcement: Announcement(bytes(32), 1, signed),
        RoundRelease: RoundRelease(1, nothing, 1, 1),
        ComputationQuery: ComputationQuery(bytes(32), 1),
        Computation: Computation(1, b""),
        TrialQuery: TrialQuery(bytes(32), 1, 0, bytes(32)),
        TrialShare: TrialShare(1, 0, bytes(32), nothing),
        SealedRequest: SealedRequest(bytes(32), "a", "b", None, 0, b""),
        SealedReply: SealedReply(b""),
        MaskedCall: MaskedCall(bytes(32), SignedMessage("a", b"", bytes(32), bytes(64))),
        MaskedReply: MaskedReply(SignedMessage("a", b"", bytes(32), bytes(64))),
        MembersQuery: MembersQuery(bytes(32), 1),
        Members: Members(1, ("a",), starts=(bytes(16),)),
    }[kind]


@pytest.mark.parametrize("kind", [Join, Share, Announcement, MembersQuery, TrialQuery, SealedRequest])
@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_run_id_of_another_length_is_of_another_run(kind, length):
    with pytest.raises(ManifestMismatch, match=f"run id of {length} bytes"):
        decode(kind, encode(dataclasses.replace(small(kind), run_id=bytes(length))))


@pytest.mark.parametrize("length", [1, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(WireError, match=f"a key of {length} bytes"):
        decode(Join, encode(Join(bytes(32), bytes(length))))


@pytest.mark.parametrize("length", [0, 1, 31, 33])
@pytest.mark.parametrize("kind", [TrialQuery, TrialShare])
def test_a_digest_of_another_length_is_refused(kind, length):
    with pytest.raises(WireError, match=f"a digest of {length} bytes"):
        decode(kind, encode(dataclasses.replace(small(kind), over=bytes(length))))


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_share_without_the_start_that_it_is_under_is_refused(length):
    with pytest.raises(WireError, match=f"whose start has {length} bytes; it has 16"):
        decode(Share, encode(dataclasses.replace(small(Share), start=bytes(length))))
    with pytest.raises(WireError, match=f"whose start has {length} bytes; it has 16"):
        decode(Members, encode(dataclasses.replace(small(Members), starts=(bytes(length),))))


@pytest.mark.parametrize("count", [0, 2])
def test_members_of_whom_not_each_has_a_start_are_refused(count):
    with pytest.raises(WireError, match=f"got {count} starts of 1 members"):
        decode(Members, encode(dataclasses.replace(small(Members), starts=(bytes(16),) * count)))


@pytest.mark.parametrize("length", [1, 7, 9])
def test_half_a_word_is_refused(length):
    from protocols.wire import lpm_pb2 as pb

    content = pb.ExchangeRequest(run_id=bytes(32), step=1, share=bytes(length)).SerializeToString()
    with pytest.raises(WireError, match=f"a vector of {length} bytes"):
        decode(Share, content)


@pytest.mark.parametrize(
    "kind", [JoinReply, Share, RoundResult, Announcement, RoundRelease, MembersQuery, Members, TrialQuery, TrialShare]
)
def test_a_step_beyond_the_longest_run_is_refused(kind):
    with pytest.raises(WireError, match="at most 4294967296"):
        decode(kind, encode(dataclasses.replace(small(kind), step=2**32 + 1)))


@pytest.mark.parametrize(
    "changes",
    [
        {"to": ""},
        {"to": "A"},
        {"client": "../x"},
        {"client": "a" * 64},
        {"counter": 2**63},
        {"handshake": Handshake(bytes(4097), b"", b"")},
        {"handshake": Handshake(b"", bytes(4097), b"")},
    ],
    ids=repr,
)
def test_a_sealed_request_with_a_part_out_of_bounds_is_refused(changes):
    with pytest.raises(WireError):
        decode(SealedRequest, encode(dataclasses.replace(small(SealedRequest), **changes)))


@pytest.mark.parametrize("names", [("b", "a"), ("a", "a"), ("",), ("a" * 64,)], ids=repr)
def test_members_out_of_order_repeated_or_out_of_bounds_are_refused(names):
    with pytest.raises(WireError, match="list of members"):
        decode(Members, encode(Members(1, names, starts=(bytes(16),) * len(names))))


@given(st.integers(0, 1000))
def test_the_bound_on_a_call_covers_every_share(d):
    share = Share(bytes(32), 2**32, np.full(d, 2**64 - 1, dtype=np.uint64), start=bytes(16))
    assert len(encode(share)) <= largest_call(d, clients=1)


def test_the_bound_on_a_call_covers_the_names_of_all_clients():
    names = tuple(f"{number:063d}" for number in range(3_000))
    members = Members(2**32, names, Phase.DECIDE, starts=(bytes(16),) * 3_000)
    assert len(encode(members)) <= largest_call(0, clients=3_000)
    nothing = np.zeros(0, dtype=np.uint64)
    released = RoundRelease(2**32, nothing, 2**32 - 1, 2**64 - 1, names[:2_000], names[2_000:])
    assert len(encode(released)) <= largest_call(0, clients=3_000)


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": bytes(31)},
        {"signature": bytes(63)},
        {"sender": "No Name"},
        {"parts": (memoryview(b""),)},
        {"parts": (memoryview(b"1"),) * 65},
        None,
    ],
    ids=["nonce", "signature", "sender", "empty part", "65 parts", "nothing"],
)
def test_a_signed_message_with_a_part_of_another_size_is_refused(changes):
    whole = SignedMessage("a", b"", bytes(32), bytes(64))
    envelope = None if changes is None else msgspec.structs.replace(whole, **changes)
    with pytest.raises(WireError):
        decode(MaskedCall, encode(MaskedCall(bytes(32), envelope)))
