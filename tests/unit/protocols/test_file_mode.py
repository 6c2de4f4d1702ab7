"""Modes: others than the owner are noticed, where there are modes."""

import os
import sys

import pytest

from protocols.file_mode import PRIVATE_MODE, can_others_change, mode_for_others, set_mode


@pytest.mark.parametrize(
    ("mode", "others"), [(0o600, None), (0o400, None), (0o640, "640"), (0o604, "604"), (0o610, "610")]
)
def test_others_are_noticed(tmp_path, mode, others):
    (tmp_path / "key").touch(mode)
    (tmp_path / "key").chmod(mode)
    assert mode_for_others(tmp_path / "key") == others


def test_a_mode_is_set_whatever_the_umask(tmp_path):
    before = os.umask(0o277)
    try:
        with (tmp_path / "key").open("w") as file:
            set_mode(file.fileno(), PRIVATE_MODE)
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == PRIVATE_MODE


def test_windows_has_no_modes(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    (tmp_path / "key").touch(0o644)
    assert mode_for_others(tmp_path / "key") is None
    tmp_path.chmod(0o777)
    assert not can_others_change(tmp_path)
    set_mode(-1, PRIVATE_MODE)  # which is no open file


def test_there_must_be_a_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        mode_for_others(tmp_path / "key")
