"""Runs of a folder: which there are, and how each stands, from journals that may be cut off, foreign or missing."""

import json
import os

import msgspec
import pytest

from lpm_secure.monitor.runs import card_of, cards, events_of, folders_of
from lpm_secure.report.progress import FILE, ProgressHead, ProgressJournal, StepProgress, journal_of

HEAD = ProgressHead(at=1.0, kind="private run", name="x", run="ab", total=3)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a run with so many steps, and ends it or not."""

    def write_run(name, *, steps=2, ended=True, head=HEAD):
        folder = tmp_path / name
        journal = ProgressJournal(folder)
        journal.write(head)
        for step in range(steps + 1):
            journal.write(StepProgress(at=2.0, step=step, values=((1, 2),)))
        journal.close()
        if ended:
            with journal_of(folder, head) as last:
                last.write(StepProgress(at=3.0, step=head.total))
        return folder

    return write_run


def test_states_and_order(write, tmp_path):
    write("ended")
    os.utime(write("killed", ended=False) / FILE, (1, 1))
    going = ProgressJournal(tmp_path / "going")
    going.write(HEAD)
    found = cards(tmp_path)
    assert [(card.id, card.state, card.step, card.total) for card in found] == [
        ("going", "running", 0, 3),
        ("ended", "ended", 3, 3),
        ("killed", "stopped", 2, 3),
    ]
    going.close()
    assert card_of("going", tmp_path / "going").state == "stopped"


def test_half_a_line_at_the_end_is_left_out(write):
    folder = write("x", ended=False)
    with (folder / FILE).open("ab") as file:
        file.write(b'{"event":"step","at":3,"st')
    assert card_of("x", folder).step == 2


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n", b"[" * 10_000 + b"\n", b'{"event":"step","at":1,"step":1}\n'])
def test_a_journal_without_a_head_is_no_run(content, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / FILE).write_bytes(content)
    assert cards(tmp_path) == []


def test_lines_that_no_journal_has_are_left_out():
    good = msgspec.json.encode(StepProgress(at=2.0, step=1))
    assert [each.step for each in events_of([b"{}", b"\xff", good, b'{"event":"secret"}', good])] == [1, 1]


def test_runs_of_before_are_listed_by_their_figures(tmp_path):
    for name, file in (("a", "run.json"), ("b", "compare.json"), ("c", "calibration.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(json.dumps({"config": {"name": "old"}}))
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "run.json").write_text("no json")
    assert {(card.id, card.kind, card.state, card.name) for card in cards(tmp_path)} == {
        ("a", "run", "ended", "old"),
        ("b", "comparison", "ended", "old"),
        ("c", "calibration", "ended", "old"),
    }


def test_links_are_left_out_and_a_run_itself_may_be_given(write, tmp_path):
    folder = write("x")
    (tmp_path / "link").symlink_to(folder)
    assert set(folders_of(tmp_path)) == {"x"}
    assert folders_of(folder) == {"x": folder}
    assert folders_of(tmp_path / "nothing") == {}
