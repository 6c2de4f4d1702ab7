"""A job's runs are counted in a journal where it has a folder, and nowhere else."""

from lpm_secure.monitor.line_tail import LineTail
from lpm_secure.monitor.runs import card_of, events_of
from lpm_secure.report.progress import FILE, PhaseProgress, is_begun
from lpm_secure.report.run_counter import count_runs


def test_runs_and_phases_are_written_and_each_phase_once(tmp_path):
    with count_runs(tmp_path / "x", kind="sensitivity", name="ring", total=3) as counter:
        for phase in ("first", "first", "second"):
            counter.enter(phase)
            counter.add()
    card = card_of("x", tmp_path / "x")
    assert (card.kind, card.state, card.step, card.total, card.unit) == ("sensitivity", "ended", 3, 3, "run")
    events = events_of(LineTail(tmp_path / "x" / FILE).read())
    assert [each.phase for each in events if isinstance(each, PhaseProgress)] == ["first", "second"]


def test_a_folder_with_a_journal_alone_is_begun(tmp_path):
    with count_runs(tmp_path / "x", kind="sensitivity", name="ring", total=3):
        pass
    assert is_begun(tmp_path / "x")
    (tmp_path / "x" / "table.csv").touch()
    assert not is_begun(tmp_path / "x")
    assert not is_begun(tmp_path / "y")


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with count_runs(None, kind="sensitivity", name="ring", total=3) as counter:
        counter.enter("first")
        counter.add()
    assert not list(tmp_path.iterdir())
