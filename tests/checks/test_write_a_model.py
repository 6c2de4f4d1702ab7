"""The page on models says what is true: its model is checked as it stands there."""

import re
from pathlib import Path

from typer.testing import CliRunner

from lpm_secure.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "write_a_model.md"


def test_the_model_of_the_page_passes_its_check(tmp_path, monkeypatch):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    (tmp_path / "opinions.py").write_text(block)
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["check-model", "opinions:Opinion", "--steps", "5"])
    assert shown.exit_code == 0, shown.output
    assert "back ends: identical (numpy, numba)" in shown.output


MISTAKEN = """import lpm_secure as lpm


class Nobody(lpm.Model):
    pass


number = 1
"""
MISTAKES = {
    "mistaken:Nobody": "Nobody has no begin",
    "mistaken:number": "is no lpm.Model",
    "gone:Model": "cannot import gone",
    "seis": "no model seis",
}


def test_a_mistake_and_a_missing_model_are_one_line(tmp_path, monkeypatch):
    (tmp_path / "mistaken.py").write_text(MISTAKEN)
    monkeypatch.chdir(tmp_path)
    for name, words in MISTAKES.items():
        result = CliRunner().invoke(app, ["check-model", name])
        assert words in str(result.exception)
        assert "\n" not in str(result.exception)
