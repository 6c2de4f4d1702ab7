"""A notebook and a terminal have a bar, and a file nothing."""

import sys
import types

import pytest

from lpm_secure.scenario.progress import journal_folder, watch, watch_rounds
from protocols.errors import ParameterError


@pytest.fixture
def shown(monkeypatch):
    """Return what a notebook shows, one after the other."""
    shown = []
    shell = type("ZMQInteractiveShell", (), {})()
    display = types.SimpleNamespace(
        HTML=str, display=lambda line, display_id: shown.append(line) or types.SimpleNamespace(update=shown.append)
    )
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell, display=display))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


def test_a_notebook_has_one_bar_that_is_written_over(shown):
    with watch(["a", "b"], seeds=1, unit="steps") as on_series:
        on_series(0)
        on_series(1)
    assert shown == [*(f"<progress value={n} max=2></progress><p>{n} of 2 steps</p>" for n in range(3)), ""]


def test_a_notebook_tells_rounds_apart_from_what_is_said_of_them(shown):
    with watch_rounds("flu") as on_round:
        on_round(3, 20, "5 institutions")
    assert shown == ["", "<progress value=3 max=20></progress><p>3 of 20 (flu: 5 institutions)</p>", ""]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_has_a_bar_and_a_file_nothing(monkeypatch, capsys, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with watch(["masks"], seeds=1) as on_series:
        on_series(0)
    assert ("masks" in capsys.readouterr().err) is terminal
    with watch(["masks"], seeds=1, shown=False) as on_series:
        on_series(0)
    assert not capsys.readouterr().err


def test_a_journal_is_not_written_over_a_file_and_that_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ParameterError, match="file is a file, and a journal has a folder"):
        journal_folder(tmp_path / "file")
    assert journal_folder(str(tmp_path / "new")) == tmp_path / "new"
    assert journal_folder(None) is None
