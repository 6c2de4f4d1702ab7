"""The folder of a city's run: begun anew, found again, and not taken for another's."""

import msgspec
import pytest

from lpm_secure.city import folder
from protocols.errors import ParameterError


class Config(msgspec.Struct):
    name: str = "town"
    hash: str = "0123456789abcdef"


def test_a_run_is_begun_in_a_folder_of_its_own_and_clears_what_was_there(tmp_path):
    made = folder.begin(Config(), tmp_path, resume=False)
    assert made == tmp_path / "town-0123456789ab" == folder.folder_of(Config(), tmp_path)
    assert folder.load_figures(made) is None
    for name in ("run.json", "series.csv", "own notes.txt"):
        (made / name).write_text('{"seconds": 1}')
    assert folder.load_figures(made) == {"seconds": 1}
    folder.begin(Config(), tmp_path, resume=True)
    assert (made / "series.csv").exists()
    folder.begin(Config(), tmp_path, resume=False)
    assert sorted(path.name for path in made.iterdir()) == ["config.json", "own notes.txt"]


def test_an_unfinished_run_of_another_configuration_is_not_resumed_and_a_finished_one_is_no_hindrance(tmp_path):
    other = folder.begin(Config(hash="f" * 16), tmp_path, resume=False)
    with pytest.raises(ParameterError, match="is of another configuration; undo the change, or run without --resume"):
        folder.begin(Config(), tmp_path, resume=True)
    assert not folder.folder_of(Config(), tmp_path).exists()
    (other / "run.json").write_text("{}")
    assert folder.begin(Config(), tmp_path, resume=True).is_dir()
