"""Canonical JSON: one byte string per content, and every other one refused."""

import msgspec
import pytest

from protocols import canonical_json
from protocols.errors import ParameterError


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    counts: dict[str, int] = {}


def test_what_is_encoded_is_decoded_whatever_the_order_of_its_keys():
    one, other = Note("a", {"x": 1, "y": 2}), Note("a", {"y": 2, "x": 1})
    assert canonical_json.encode(one) == canonical_json.encode(other) == b'{"name":"a","counts":{"x":1,"y":2}}'
    assert canonical_json.decode(canonical_json.encode(one), Note, what="note") == one


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"name":"a","counts":{"y":2,"x":1}}', "not in canonical form"),
        (b'{"counts":{},"name":"a"}', "not in canonical form"),
        (b'{"name": "a","counts":{}}', "not in canonical form"),
        (b'{"name":"a","counts":{},"more":1}', "cannot read the note"),
        (b'{"name":"a"', "cannot read the note"),
        (b'"\xff"', "cannot read the note"),
        (b'{"name":"' + b"a" * 90 + b'","counts":{}}', "has 113 bytes; at most 100 are allowed"),
    ],
)
def test_any_other_bytes_are_refused_in_one_line(content, why):
    with pytest.raises(ParameterError, match=why) as refused:
        canonical_json.decode(content, Note, what="note", max_bytes=100)
    assert "\n" not in str(refused.value)


def test_a_file_is_named_and_not_read_beyond_its_bound(tmp_path):
    path = tmp_path / "note.json"
    with pytest.raises(ParameterError, match=r"note\.json: No such file"):
        canonical_json.load(path, Note, what="note")
    path.write_bytes(canonical_json.encode(Note("a")))
    assert canonical_json.load(path, Note, what="note") == Note("a")
    with pytest.raises(ParameterError, match=r"note\.json has 6 bytes"):
        canonical_json.load(path, Note, what="note", max_bytes=5)
