"""Long parts travel beside a message, in one way only, and are those that its content names."""

from typing import ClassVar

import msgspec
import pytest

from protocols.errors import WireError
from protocols.identity import attachment
from protocols.identity.attachment import LEAST, AttachingMessage, PartHashes, attach, detach


class Message(AttachingMessage, frozen=True, kw_only=True):
    LONG: ClassVar[tuple[str, ...]] = ("one", "many")
    name: str = "a"
    one: bytes = b""
    many: tuple[memoryview, ...] = ()


def long(*sizes):
    return tuple(memoryview(bytes([size % 256]) * size) for size in sizes)


MESSAGE = Message(one=bytes(LEAST), many=long(3, 0, LEAST))


def test_a_message_is_put_together_as_it_was_taken_apart():
    for message in (MESSAGE, Message(many=long(LEAST)), Message(one=bytes(LEAST)), Message(name="b")):
        short, parts = detach(message, PartHashes())
        assert attach(short, parts, PartHashes()) == message


def test_the_content_stays_short_and_an_empty_part_is_none():
    short, parts = detach(MESSAGE, PartHashes())
    assert len(msgspec.msgpack.encode(short)) < 150
    assert [len(part) for part in parts] == [LEAST, 3, LEAST]
    assert [len(part) for part in short.many] == [32, 0, 32]


def test_few_bytes_stay_in_the_content():
    small = Message(one=bytes(LEAST - 1))
    assert detach(small, PartHashes()) == (small, ())


@pytest.mark.parametrize("place", range(3))
def test_another_part_is_refused(place):
    short, parts = detach(MESSAGE, PartHashes())
    changed = bytearray(parts[place])
    changed[-1] ^= 1
    for wrong in ((*parts[:place], memoryview(changed), *parts[place + 1 :]), (*parts[:place], *parts[place + 1 :])):
        with pytest.raises(WireError):
            attach(short, wrong, PartHashes())
    with pytest.raises(WireError, match="other parts"):
        attach(short, (*parts, parts[place]), PartHashes())


def test_a_message_has_one_form():
    """Two forms of one message would be two contents of one sender."""
    with pytest.raises(WireError, match="travel beside"):
        attach(MESSAGE, (), PartHashes())
    few = Message(one=PartHashes().of(b"few"))
    with pytest.raises(WireError, match="travel beside"):
        attach(few, (b"few",), PartHashes())


def test_a_message_of_another_kind_has_no_parts():
    class Plain(msgspec.Struct):
        one: bytes = b""

    assert detach(Plain(one=bytes(LEAST)), PartHashes())[1] == ()
    with pytest.raises(WireError):
        attach(Plain(), (bytes(LEAST),), PartHashes())


def test_what_messages_have_in_common_is_hashed_once(monkeypatch):
    hashed = []
    sha256 = attachment.hashlib.sha256
    monkeypatch.setattr(attachment.hashlib, "sha256", lambda part: hashed.append(len(part)) or sha256(part))
    hashes, common = PartHashes(), long(LEAST)
    for own in long(5, 6):
        detach(Message(many=(*common, own)), hashes)
    assert hashed == [LEAST, 5, 6]
