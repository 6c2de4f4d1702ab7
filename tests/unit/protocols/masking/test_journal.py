"""What is answered once, and stays so after a crash."""

import pytest

from protocols.errors import ConflictingReplay, RunEnded
from protocols.masking.journal import FileJournal, MemoryJournal

RUN = bytes(32)


@pytest.fixture(params=["memory", "file"])
def journal(request, tmp_path):
    return MemoryJournal() if request.param == "memory" else FileJournal(tmp_path / "journal")


def test_a_run_is_begun_once(journal):
    journal.begin(RUN)
    with pytest.raises(RunEnded, match="another run"):
        journal.begin(RUN)


def test_another_content_under_a_name_is_refused_and_the_same_is_not(journal):
    journal.record("proofs 3", b"one")
    journal.record("proofs 3", b"one")
    journal.record("proofs 4", b"two")
    with pytest.raises(ConflictingReplay, match="twice"):
        journal.record("proofs 3", b"two")


def test_of_several_contents_none_is_written_if_one_was_another_before(journal):
    journal.record("reply b 3", b"one")
    with pytest.raises(ConflictingReplay):
        journal.record_all({"reply a 3": b"one", "reply b 3": b"two"})
    assert journal.entry("reply a 3") is None
    journal.record_all({"reply a 3": b"two", "reply b 3": b"one"}, sync=False)
    assert journal.entry("reply a 3") == b"two"


def test_what_is_not_waited_for_outlives_the_process(tmp_path):
    FileJournal(tmp_path / "journal").record_all({"offer 3": b"one"}, sync=False)
    assert FileJournal(tmp_path / "journal").entry("offer 3") == b"one"


def test_a_file_remembers_after_a_restart(tmp_path):
    first = FileJournal(tmp_path / "journal")
    first.begin(RUN)
    first.record("proofs 3", b"one")
    again = FileJournal(tmp_path / "journal")
    with pytest.raises(RunEnded):
        again.begin(RUN)
    with pytest.raises(ConflictingReplay):
        again.record("proofs 3", b"two")
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_crash_has_cut_off_counts_as_answered(tmp_path):
    first = FileJournal(tmp_path / "journal")
    first.record("proofs 3", b"one")
    content = (tmp_path / "journal").read_bytes()
    (tmp_path / "journal").write_bytes(content[:-2])
    with pytest.raises(ConflictingReplay):
        FileJournal(tmp_path / "journal").record("proofs 3", b"one")


@pytest.mark.parametrize(
    "torn", [b"\0" * 40, b"proofs 3\t" + b"\0" * 40, b"proofs 3\tno hex", b"proofs 3\t\xff\xfe", b"\xff"]
)
def test_a_line_of_anything_leaves_a_run_that_was_begun_begun(tmp_path, torn):
    """What a crash of the machine leaves of lines that were not waited for."""
    FileJournal(tmp_path / "journal").begin(RUN)
    with (tmp_path / "journal").open("ab") as file:
        file.write(b"\n" + torn)
    again = FileJournal(tmp_path / "journal")
    with pytest.raises(RunEnded, match="has begun the run before"):
        again.begin(RUN)
    if torn.startswith(b"proofs 3"):
        with pytest.raises(ConflictingReplay):
            again.record("proofs 3", b"one")


def test_a_crash_in_its_first_line_does_not_let_a_run_begin_twice(tmp_path):
    """The next line stood behind what was left of the first one, under a name that nobody asks for."""
    (tmp_path / "journal").write_bytes(b"beg")
    FileJournal(tmp_path / "journal").begin(RUN)
    with pytest.raises(RunEnded):
        FileJournal(tmp_path / "journal").begin(RUN)
