"""Files of a run's folder are read if they are what they seem, and no link is followed."""

import os

import pytest

from lpm_secure.monitor.regular_file import is_regular, open_regular, read_regular


def test_a_file_is_read_up_to_its_bound(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"12345")
    assert is_regular(path)
    assert (read_regular(path, 5), read_regular(path, 4)) == (b"12345", None)
    with open_regular(path) as file:
        assert file.read() == b"12345"


@pytest.mark.parametrize("kind", ["link", "link to nothing", "folder", "pipe", "nothing", "below a link"])
def test_what_is_no_file_of_the_folder_is_not_opened(tmp_path, kind):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    path = tmp_path / "run" / "a.json"
    path.parent.mkdir()
    if kind == "link":
        path.symlink_to(outside / "secret")
    elif kind == "link to nothing":
        path.symlink_to(outside / "none")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "below a link":
        (tmp_path / "run" / "inner").symlink_to(outside)
        path = tmp_path / "run" / "inner" / "secret"
    assert read_regular(path, 100) is None
    assert is_regular(path) == (kind == "below a link")  # which looks at the last name alone; opening it looks at both
    with pytest.raises(OSError):  # noqa: PT011 (each kind has its own words, of the system)
        open_regular(path)
