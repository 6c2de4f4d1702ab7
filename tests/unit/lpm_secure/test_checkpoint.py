"""The file that a run or a fit goes on from: whole or refused, to the bit, and no code in it."""

import msgspec
import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from lpm_secure import checkpoint
from lpm_secure.checkpoint import Nothing, load, save
from protocols.errors import DataError

ARRAYS = {
    "stage": np.arange(7, dtype=np.uint8),
    "left": np.arange(6).reshape(2, 3),
    "turned": np.arange(6.0).reshape(2, 3).T,
    "none": np.zeros((0, 3), dtype=np.uint16),
    "step": np.array(4),
}


class Facts(msgspec.Struct):
    round: int
    names: dict[str, int]


FACTS = Facts(3, {"b": 1, "a": 2})


def test_a_checkpoint_returns_what_was_saved(tmp_path):
    save(tmp_path / "c", ARRAYS, owner="a", facts=FACTS)
    arrays, facts = load(tmp_path / "c", Facts, owner="a")
    assert facts == FACTS
    assert arrays.keys() == ARRAYS.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert (array.dtype, array.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)


def test_equal_contents_are_equal_bytes_and_other_programs_read_the_arrays(tmp_path):
    save(tmp_path / "c", ARRAYS, owner="a", facts=FACTS)
    save(tmp_path / "d", dict(reversed(ARRAYS.items())), owner="a", facts=Facts(3, {"a": 2, "b": 1}))
    assert (tmp_path / "c").read_bytes() == (tmp_path / "d").read_bytes()
    assert safetensors.load_file(tmp_path / "c")["left"].tolist() == ARRAYS["left"].tolist()


def test_every_byte_that_is_changed_is_refused(tmp_path):
    save(tmp_path / "c", ARRAYS, owner="a", facts=FACTS)
    content = (tmp_path / "c").read_bytes()
    for where in range(len(content)):
        for bit in (1, 128):
            changed = bytearray(content)
            changed[where] ^= bit
            (tmp_path / "d").write_bytes(changed)
            with pytest.raises(DataError, match=r"start anew"):
                load(tmp_path / "d", Facts, owner="a")


def test_every_cut_is_refused(tmp_path):
    save(tmp_path / "c", ARRAYS, owner="a")
    content = (tmp_path / "c").read_bytes()
    for size in range(len(content)):
        (tmp_path / "d").write_bytes(content[:size])
        with pytest.raises(DataError, match="damaged"):
            load(tmp_path / "d", Nothing, owner="a")


def test_numbers_of_another_run_under_this_header_are_refused(tmp_path):
    save(tmp_path / "c", ARRAYS, owner="a")
    save(tmp_path / "d", ARRAYS | {"step": np.array(5)}, owner="a")
    whole, other = (tmp_path / "c").read_bytes(), (tmp_path / "d").read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    (tmp_path / "c").write_bytes(whole[:start] + other[start:])
    with pytest.raises(DataError, match="checksum does not fit"):
        load(tmp_path / "c", Nothing, owner="a")


def test_a_later_save_takes_the_place_of_the_first_and_leaves_nothing_beside_it(tmp_path):
    save(tmp_path / "c", ARRAYS, owner="a")
    save(tmp_path / "c", {"step": np.array(5)}, owner="a")
    assert load(tmp_path / "c", Nothing, owner="a")[0]["step"] == 5
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_write_that_fails_leaves_the_last_checkpoint(tmp_path):
    save(tmp_path / "c", ARRAYS, owner="a")
    with pytest.raises(SafetensorError, match="dtype"):
        save(tmp_path / "c", {"step": np.array("not a number")}, owner="a")
    assert load(tmp_path / "c", Nothing, owner="a")[0].keys() == ARRAYS.keys()


@pytest.mark.parametrize(("name", "owner", "words"), [("c", "b", "of another fit or run"), ("d", "a", "cannot read")])
def test_another_owner_or_a_missing_file_is_refused(tmp_path, name, owner, words):
    save(tmp_path / "c", ARRAYS, owner="a")
    with pytest.raises(DataError, match=words):
        load(tmp_path / name, Nothing, owner=owner)


def test_another_version_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "VERSION", 7)
    save(tmp_path / "c", ARRAYS, owner="a")
    monkeypatch.undo()
    with pytest.raises(DataError, match="version 7; this program reads 1"):
        load(tmp_path / "c", Nothing, owner="a")


def test_other_facts_are_refused(tmp_path):
    save(tmp_path / "c", ARRAYS, owner="a", facts=FACTS)
    with pytest.raises(DataError, match="other facts"):
        load(tmp_path / "c", Nothing, owner="a")


@pytest.mark.parametrize("content", [b"lpm-checkpoint-1\n", b"PK\x03\x04", bytes(64), b"\x02" + bytes(7) + b"{}"])
def test_files_of_earlier_versions_and_of_others_are_no_checkpoints(tmp_path, content):
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(DataError, match="is no checkpoint"):
        load(tmp_path / "c", Nothing)
