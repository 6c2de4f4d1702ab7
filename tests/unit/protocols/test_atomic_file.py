"""A file that is replaced is the old one or the new one, whatever happens in between, and on disk under its name."""

import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest

from lpm_secure import checkpoint
from lpm_secure.report import folder as folders
from protocols import atomic_file
from protocols.atomic_file import atomic_writer, publish_folder, write_atomically


def write_checkpoint(path, content):
    checkpoint.save(path, {"x": np.frombuffer(content, dtype=np.uint8)}, owner="r")


def write_figures(path, content):
    folders.merge_figures(path, {"x": content.decode()})


WRITERS = pytest.mark.parametrize("write", [write_atomically, write_checkpoint, write_figures])


def crash(*_, **__):
    raise OSError("the machine went down")


@WRITERS
def test_a_crash_between_write_and_rename_leaves_the_old_file(tmp_path, monkeypatch, write):
    path = tmp_path / "file"
    write(path, b"old")
    old = path.read_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", crash)
        with pytest.raises(OSError, match="went down"):
            write(path, b"new")
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]
    write(path, b"new")
    assert path.read_bytes() != old


@WRITERS
def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_before_the_call_returns(tmp_path, monkeypatch, write):
    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (done.append(os.fstat(number).st_ino), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda old, new: (done.append("renamed"), replace(old, new)))
    write(tmp_path / "file", b"content")
    assert done == [(tmp_path / "file").stat().st_ino, "renamed", tmp_path.stat().st_ino]


def test_a_crash_in_the_middle_of_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(OSError, match="went down"), atomic_writer(path) as file:
        crash(file.write(b"ne"))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_beside_a_file_is_in_nobodys_way_and_goes_after_a_day(tmp_path):
    path, age_s = tmp_path / "file", atomic_file.STALE_S + 60
    old, young, of_another = (tmp_path / f".{name}.partial" for name in (f"file.{0:016}", f"file.{1:016}", "x.c"))
    for each in (old, young, of_another):
        each.write_bytes(b"half")
    for each in (old, of_another):
        os.utime(each, (time.time() - age_s,) * 2)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(tmp_path.iterdir()) == {path, young, of_another}


def test_two_who_write_one_file_at_once_each_leave_it_whole(tmp_path):
    path = tmp_path / "file"
    with atomic_writer(path) as slow:
        slow.write(b"the slow one's first half,")
        slow.flush()
        with atomic_writer(path) as fast:
            fast.write(b"the fast one's")
        assert path.read_bytes() == b"the fast one's"
        slow.write(b" and second")
    assert path.read_bytes() == b"the slow one's first half, and second"
    assert list(tmp_path.iterdir()) == [path]


def test_two_who_begin_before_either_has_written_each_leave_the_file_whole(tmp_path):
    path = tmp_path / "file"
    with atomic_writer(path) as first:
        first.write(b"first")
        first.flush()
        with pytest.raises(OSError, match="went down"), atomic_writer(path) as second:
            crash(second.write(b"sec"))
    assert path.read_bytes() == b"first"


@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o600), (0o644, 0o644), (None, 0o640)])
def test_a_file_has_the_mode_that_is_asked_for_or_that_of_the_process(tmp_path, mode, expected):
    before = os.umask(0o027)
    try:
        path = tmp_path / "file"
        path.touch(mode=0o666)
        with atomic_writer(path, mode=mode) as file:
            if mode is not None:
                assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == expected


def test_there_is_one_atomic_write():
    """What else syncs appends to a ledger or a journal, or makes a file once."""
    root = Path(atomic_file.__file__).parents[1]
    packages = (root / name for name in ("protocols", "client_sdk", "aggregator", "lpm_secure"))
    syncing = {path.stem for package in packages for path in package.rglob("*.py") if "os.fsync" in path.read_text()}
    assert syncing == {"atomic_file", "journal", "ledger"}


def test_two_files_of_one_stem_do_not_share_what_is_written_beside_them(tmp_path):
    with atomic_writer(tmp_path / "a.json") as one, atomic_writer(tmp_path / "a.csv") as other:
        one.write(b"1")
        other.write(b"2")
    assert [(tmp_path / name).read_bytes() for name in ("a.json", "a.csv")] == [b"1", b"2"]


def test_a_folder_is_on_disk_before_it_has_its_name_and_its_name_before_the_call_returns(tmp_path, monkeypatch):
    (tmp_path / "part" / "inner").mkdir(parents=True)
    files = [tmp_path / "part" / "a", tmp_path / "part" / "inner" / "b"]
    for file in files:
        file.write_bytes(b"content")
    first = {path.stat().st_ino for path in (*files, tmp_path / "part", tmp_path / "part" / "inner")}
    done, fsync, rename = [], os.fsync, os.rename
    monkeypatch.setattr(os, "fsync", lambda number: (done.append(os.fstat(number).st_ino), fsync(number)))
    monkeypatch.setattr(os, "rename", lambda old, new: (done.append("renamed"), rename(old, new)))
    publish_folder(tmp_path / "part", tmp_path / "whole")
    assert set(done[:4]) == first
    assert done[4:] == ["renamed", tmp_path.stat().st_ino]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whole"]
