"""Lines of a growing file: each once, whole, and again from the first where the file was begun anew."""

from hypothesis import given
from hypothesis import strategies as st

from lpm_secure.monitor import line_tail
from lpm_secure.monitor.line_tail import LineTail


def test_what_is_half_written_waits_for_its_end(tmp_path):
    path = tmp_path / "x"
    tail = LineTail(path)
    assert tail.read() == []
    path.write_bytes(b"one\ntw")
    assert tail.read() == [b"one"]
    assert tail.read() == []
    with path.open("ab") as file:
        file.write(b"o\nthree\n")
    assert tail.read() == [b"two", b"three"]
    assert LineTail(path, offset=4).read() == [b"two", b"three"]


def test_a_file_that_was_begun_anew_is_read_from_its_beginning(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"one\ntwo\n")
    tail = LineTail(path)
    tail.read()
    path.write_bytes(b"new\n")
    assert tail.read() == [b"new"]


@given(pieces=st.lists(st.text("ab\n", max_size=5)))
def test_every_line_is_read_once_however_it_arrives(pieces, tmp_path_factory):
    path = tmp_path_factory.mktemp("x") / "x"
    tail, found = LineTail(path), []
    for piece in pieces:
        with path.open("ab") as file:
            file.write(piece.encode())
        found += tail.read()
    assert found == "".join(pieces).encode().split(b"\n")[:-1]


def test_a_large_file_is_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(line_tail, "MAX_READ", 6)
    path = tmp_path / "x"
    path.write_bytes(b"one\ntwo\nthree\n")
    tail = LineTail(path)
    assert [tail.read(), tail.read(), tail.read()] == [[b"one"], [b"two"], [b"three"]]
