"""Signed messages: over a hash that a nonce has entered, canonical, of one run."""

import dataclasses

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import BadSignature, NotEnrolled, WireError
from protocols.identity.attachment import LEAST
from protocols.identity.signing import public_of
from protocols.masking.envelope import SignedMessage, Signer, read
from protocols.masking.messages import Closing, RangeVerdict, Stop, WordsNotice

RUN = bytes(32)
SIGNER = Signer("north", Ed25519PrivateKey.from_private_bytes(bytes(range(32))), bytes(32))
KEYS = {"north": public_of(SIGNER.key)}
VERDICT = RangeVerdict(run=RUN, number=3, accepted=("a", "b"))


def test_a_message_is_read_as_it_was_sent():
    assert read(SIGNER.send(VERDICT), RangeVerdict, keys=KEYS, run=RUN) == VERDICT
    assert read(SIGNER.send(VERDICT), Stop, RangeVerdict, keys=KEYS, run=RUN) == VERDICT


def test_the_same_message_has_the_same_bytes_whenever_it_is_sent():
    assert SIGNER.send(VERDICT) == SIGNER.send(VERDICT)
    other = dataclasses.replace(SIGNER, nonce_key=bytes([1] * 32))
    assert other.send(VERDICT).nonce != SIGNER.send(VERDICT).nonce


@pytest.mark.parametrize("change", [{"content": b"x"}, {"nonce": bytes([1] * 32)}, {"signature": bytes(64)}])
def test_a_message_that_was_changed_on_its_way_is_refused(change):
    with pytest.raises(BadSignature):
        read(msgspec.structs.replace(SIGNER.send(VERDICT), **change), RangeVerdict, keys=KEYS, run=RUN)


def test_a_stranger_another_kind_and_another_run_are_refused():
    message = SIGNER.send(VERDICT)
    with pytest.raises(NotEnrolled):
        read(msgspec.structs.replace(message, sender="south"), RangeVerdict, keys=KEYS, run=RUN)
    with pytest.raises(WireError):
        read(message, Closing, keys=KEYS, run=RUN)
    with pytest.raises(WireError, match="another run"):
        read(message, RangeVerdict, keys=KEYS, run=bytes([1] * 32))


def test_an_envelope_that_was_read_before_is_held_against_each_key_kind_and_run_anew():
    message, other = SIGNER.send(VERDICT), Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert read(message, RangeVerdict, keys=KEYS, run=RUN) is read(message, Stop, RangeVerdict, keys=KEYS, run=RUN)
    with pytest.raises(BadSignature):
        read(message, RangeVerdict, keys={"north": public_of(other)}, run=RUN)
    with pytest.raises(WireError, match="is no Closing"):
        read(message, Closing, keys=KEYS, run=RUN)
    with pytest.raises(WireError, match="another run"):
        read(message, RangeVerdict, keys=KEYS, run=bytes([1] * 32))
    with pytest.raises(BadSignature):
        read(msgspec.structs.replace(message, signature=bytes(64)), RangeVerdict, keys=KEYS, run=RUN)


def test_bytes_that_are_not_canonical_are_refused():
    content = SIGNER.send(VERDICT).content
    assert content.endswith(b"\x03")
    forged = resign(content[:-1] + b"\xcc\x03")  # the number 3 in two bytes
    with pytest.raises(WireError, match="canonical"):
        read(forged, RangeVerdict, keys=KEYS, run=RUN)


def resign(content):
    from protocols.identity.signing import SignaturePurpose, sign

    blank = SignedMessage("north", content, bytes(32), bytes(64))
    return msgspec.structs.replace(blank, signature=sign(SIGNER.key, SignaturePurpose.MESSAGE, blank.digest))


def test_long_parts_travel_beside_what_is_signed_and_cannot_be_changed_or_left_out():
    notice = WordsNotice(run=RUN, number=1, client="north", counter=1, d=bytes(LEAST), e=bytes(8))
    message = SIGNER.send(notice)
    assert len(message.content) < 150
    assert [len(part) for part in message.parts] == [LEAST, 8]
    assert read(message, WordsNotice, keys=KEYS, run=RUN) == notice
    assert message.digest == SignedMessage("north", *msgspec.structs.astuple(message)[1:]).digest
    one, two = message.parts
    for parts in ((two, one), (memoryview(bytes(7) + b"1"), two), (one, two, two), (one,), ()):
        with pytest.raises((WireError, BadSignature)):
            read(msgspec.structs.replace(message, parts=parts), WordsNotice, keys=KEYS, run=RUN)
    short = SIGNER.send(VERDICT)
    with pytest.raises(BadSignature):
        read(msgspec.structs.replace(short, parts=(one,)), RangeVerdict, keys=KEYS, run=RUN)


def test_two_versions_are_two_contents_and_not_two_signatures():
    message = SIGNER.send(VERDICT)
    assert msgspec.structs.replace(message, signature=bytes(64)).digest == message.digest


def test_a_signature_over_words_cannot_be_tried_out_without_the_nonce():
    """The dealer knows the pads, so from a plain signature it finds a word of few bits by trying."""
    message = SIGNER.send(VERDICT)
    guess = resign(message.content)  # the right content under a nonce that is not the client's
    assert guess.signature != message.signature
    assert guess.digest != message.digest


def test_keys_and_contents_are_not_printed():
    message = SIGNER.send(VERDICT)
    assert "accepted" not in repr(message)
    assert repr(SIGNER) == "Signer(name='north')"
