"""What is answered once, and stays so after a crash."""

import os
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from protocols.atomic_file import write_atomically
from protocols.errors import ConflictingReplay, ParameterError, RunEnded
from protocols.masking.journal import BEGIN, END, MemoryJournal, SealedJournal

RUN = bytes(32)
KEY = b"k" * 32


def sealed(tmp_path, key=KEY, label=RUN):
    path = tmp_path / "sealed.key"
    if key is not KEY or not path.exists():
        write_atomically(path, key)
    return SealedJournal(tmp_path / "sealed", key=path, label=label)


@pytest.fixture(params=["memory", "sealed"])
def journal(request, tmp_path):
    return MemoryJournal() if request.param == "memory" else sealed(tmp_path)


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
    sealed(tmp_path).record_all({"offer 3": b"one"}, sync=False)
    assert sealed(tmp_path).entry("offer 3") == b"one"


def test_a_file_remembers_after_a_restart(tmp_path):
    first = sealed(tmp_path)
    first.begin(RUN)
    first.record("proofs 3", b"one")
    again = sealed(tmp_path)
    with pytest.raises(RunEnded):
        again.begin(RUN)
    with pytest.raises(ConflictingReplay):
        again.record("proofs 3", b"two")


def test_what_is_read_of_a_process_that_did_not_wait_is_on_disk_before_it_counts(tmp_path, monkeypatch):
    sealed(tmp_path).record_all({"question 3": b"one"}, sync=False)
    waits, wait = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (waits.append(os.fstat(file).st_ino), wait(file)))
    assert sealed(tmp_path).entry("question 3") == b"one"
    assert (tmp_path / "sealed").stat().st_ino in waits


def test_a_stop_that_comes_while_a_thread_waits_for_the_disk_outlives_the_process(tmp_path, monkeypatch):
    """Two lines in one place are one: what ended the run was cut off at the next start, and it went on."""
    journal, is_waiting, goes_on, wait = sealed(tmp_path), threading.Event(), threading.Event(), os.fsync

    def slow(file):
        if threading.current_thread() is replies:
            is_waiting.set()
            goes_on.wait(0.2)
        wait(file)

    replies = threading.Thread(target=journal.record_all, args=({"reply a 3": b"one", "reply b 3": b"two"},))
    monkeypatch.setattr(os, "fsync", slow)
    replies.start()
    is_waiting.wait(10.0)
    journal.record("end", b"stop")
    goes_on.set()
    replies.join()
    again = sealed(tmp_path)
    assert [again.entry(name) for name in ("reply a 3", "reply b 3", "end")] == [b"one", b"two", b"stop"]
    journal.record("later", b"four")
    assert sealed(tmp_path).entry("later") == b"four"


def test_a_checkpoint_is_the_last_one_whole(journal):
    assert journal.checkpoint == b""
    for content in (b"one", b"\0" * 10_000, b"three"):
        journal.save_checkpoint(content)
        assert journal.checkpoint == content


def test_what_is_waited_for_beside_other_work_is_on_disk_when_that_is_done(tmp_path, monkeypatch):
    journal, waits, wait = sealed(tmp_path), [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (waits.append(os.fstat(file).st_ino), wait(file)))
    journal.record_all({"question 3": b"one"}, sync=False)
    assert not waits
    journal.sync().result(10)
    assert waits == [(tmp_path / "sealed").stat().st_ino]


def test_a_checkpoint_takes_its_place_after_what_it_waits_for(journal):
    journal.save_checkpoint(b"one")
    journal.sync().result(10)
    line = Future()
    line.set_exception(OSError("the disk is full"))
    with pytest.raises(OSError, match="full"):
        journal.save_checkpoint(b"two", after=[line])
    assert journal.checkpoint == b"one"


@pytest.mark.parametrize("change", ["flip", "cut", "journal", "mode"])
def test_checkpoints_that_were_changed_or_are_none_are_refused(tmp_path, change):
    first = sealed(tmp_path)
    first.record("proofs 3", b"one")
    line = bytes.fromhex((tmp_path / "sealed").read_bytes().split()[0].decode())
    for content in (b"levels", b"later levels"):
        first.save_checkpoint(content)
    for file in (tmp_path / f"sealed.{place}.checkpoint" for place in range(2)):
        content = file.read_bytes()
        changed = {"flip": content[:-1] + bytes([content[-1] ^ 1]), "cut": content[:-1], "journal": line}
        file.write_bytes(changed.get(change, content))
        file.chmod(0o644 if change == "mode" else 0o600)
        assert b"levels" not in content
    with pytest.raises(ParameterError, match="chmod 600" if change == "mode" else "was changed"):
        print(sealed(tmp_path).checkpoint)


@pytest.mark.parametrize("rest", [0, 12, 40, 9_000])
@pytest.mark.parametrize("before", [0, 1, 2, 5])
def test_of_a_checkpoint_that_a_crash_has_cut_off_the_one_before_is_there(tmp_path, before, rest):
    """Nothing has gone out of what it says; the next one is written over it, and not over the whole one."""
    journal = sealed(tmp_path)
    for number in range(before):
        journal.save_checkpoint(b"%d" % number * (10_000 - number))
    file = tmp_path / f"sealed.{before % 2}.checkpoint"
    kept = file.read_bytes() if file.exists() else b""
    journal.save_checkpoint(b"torn" * 5_000)
    content = file.read_bytes()
    file.write_bytes(content[:rest] + kept[rest:])
    again, expected = sealed(tmp_path), b"%d" % (before - 1) * (10_001 - before) if before else b""
    assert again.checkpoint == expected
    again.save_checkpoint(b"next")
    assert sealed(tmp_path).checkpoint == b"next"


def test_a_checkpoint_of_another_place_is_none(tmp_path):
    journal = sealed(tmp_path)
    journal.save_checkpoint(b"one")
    first, second = (tmp_path / f"sealed.{place}.checkpoint" for place in range(2))
    content = bytearray(first.read_bytes())
    content[7] += 4
    write_atomically(second, bytes(content))
    journal.save_checkpoint(b"two")
    write_atomically(first, bytes(content))
    assert sealed(tmp_path).checkpoint == b"two"


def test_a_sealed_journal_goes_on_and_tells_nobody_else_anything(tmp_path):
    first = sealed(tmp_path)
    drawn = first.once("draws", 16)
    first.record_all({"seed 1": b"first", "seed 2": b"\t\n\0"}, sync=False)
    again = sealed(tmp_path)
    assert again.once("draws", 16) == drawn
    assert again.entry("seed 2") == b"\t\n\0"
    assert [again.count("seed"), again.count("start")] == [2, 0]
    with pytest.raises(ConflictingReplay):
        again.record("seed 1", b"another")
    file = tmp_path / "sealed"
    assert file.stat().st_mode & 0o777 == 0o600
    opened = b"".join(bytes.fromhex(line.decode()) for line in file.read_bytes().split())
    assert not any(secret in opened for secret in (b"seed", b"first", drawn))


def test_of_a_sealed_journal_the_last_line_alone_may_be_cut_off(tmp_path):
    """Nothing has gone out of what it says; the next start goes on behind it."""
    first = sealed(tmp_path)
    first.record("seed 1", b"one")
    first.record("seed 2", b"two")
    file = tmp_path / "sealed"
    file.write_bytes(file.read_bytes()[:-7])
    second = sealed(tmp_path)
    assert [second.entry("seed 1"), second.entry("seed 2")] == [b"one", None]
    second.record("seed 2", b"anew")
    assert sealed(tmp_path).entry("seed 2") == b"anew"


@pytest.mark.parametrize("change", ["flip", "swap", "remove", "key", "label", "mode"])
def test_a_sealed_journal_that_was_changed_is_refused(tmp_path, change):
    first = sealed(tmp_path)
    for number in range(4):
        first.record(f"seed {number}", b"content")
    file = tmp_path / "sealed"
    lines = file.read_bytes().split(b"\n")[1:]
    changed = {
        "flip": [lines[0][:-1] + (b"0" if lines[0][-1:] != b"0" else b"1"), *lines[1:]],
        "swap": [lines[1], lines[0], *lines[2:]],
        "remove": lines[1:],
    }.get(change, lines)
    file.write_bytes(b"".join(b"\n" + line for line in changed))
    file.chmod(0o644 if change == "mode" else 0o600)
    given = {"key": b"o" * 32 if change == "key" else KEY, "label": b"other" if change == "label" else RUN}
    with pytest.raises(ParameterError, match="chmod 600" if change == "mode" else "was changed"):
        sealed(tmp_path, **given)


def test_a_run_that_ends_while_a_checkpoint_is_written_leaves_none(tmp_path, monkeypatch):
    """The writer failed, as its file was removed before it had opened it."""
    journal = sealed(tmp_path)

    def write_and_end(path, content):
        write_atomically(path, content)
        if path.suffix == ".checkpoint":
            journal.forget("all were told")

    monkeypatch.setattr("protocols.masking.journal.write_atomically", write_and_end)
    journal.save_checkpoint(b"levels")
    assert [path.name for path in tmp_path.iterdir()] == ["sealed.key"]


def test_a_run_that_is_over_leaves_nothing_but_that_and_no_copy_opens(tmp_path):
    journal = sealed(tmp_path)
    journal.record("key part", b"secret")
    journal.save_checkpoint(b"levels")
    copies = {path: path.read_bytes() for path in (tmp_path / "sealed", tmp_path / "sealed.0.checkpoint")}
    journal.forget("all were told")
    journal.record("reply 9", b"later")
    journal.save_checkpoint(b"later")
    assert [path.name for path in tmp_path.iterdir()] == ["sealed.key"]
    assert KEY not in (tmp_path / "sealed.key").read_bytes()
    for path, content in copies.items():
        write_atomically(path, content)
    again = sealed(tmp_path)
    assert [again.entry(name) for name in (BEGIN, END, "key part")] == [b"", b"all were told", None]
    assert again.checkpoint == b""
    assert [path.name for path in tmp_path.iterdir()] == ["sealed.key"]
    with pytest.raises(RunEnded):
        again.begin(RUN)


def test_a_run_is_over_whenever_a_crash_comes_while_it_is_forgotten(tmp_path, monkeypatch):
    journal = sealed(tmp_path)
    journal.record("key part", b"secret")
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        journal.forget("all were told")
    monkeypatch.undo()
    assert sealed(tmp_path).entry("key part") is None
    assert [path.name for path in tmp_path.iterdir()] == ["sealed.key"]
