"""The page on models says what is true: its model is checked as it stands there."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import lpm_secure as lpm
from lpm_secure.cli.main import app
from lpm_secure.config.environment import environment_of
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.environments import StepTotals
from lpm_secure.models import Draw, functions
from protocols.models.graph.graph import encode
from protocols.report.model_report import words_of
from tests.page_blocks import blocks_of

PAGE = Path(__file__).parents[2] / "docs" / "write_a_model.md"
CODE = "\n\n".join(block.text for block in blocks_of("docs/write_a_model.md", "python"))
PARTS = {"Fear"}  # of other models; alone it begins only its own fields
MODELS = [name for name in re.findall(r"^class (\w+)\(lpm\.Model\)", CODE, re.MULTILINE) if name not in PARTS]


def test_the_environment_of_the_page_does_what_it_says(tmp_path, monkeypatch):
    (tmp_path / "councils.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    given = tomllib.loads(blocks_of("docs/write_a_model.md", "toml")[2].text)["environment"]
    given["name"] = given["name"].replace("package.module", "councils")
    council, before, releases, said = environment_of(given), {}, [], []
    for ill in (39, 40, 11, 10, 39):
        before = council.step(before, releases, len(releases))
        said.append(before["closure"])
        releases.append(StepTotals({"ILL": ill}, {"ILL": 0}))
    assert said == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("name", MODELS)
def test_the_models_of_the_page_pass_their_check(name, tmp_path, monkeypatch):
    (tmp_path / f"page_{name}.py").write_text(CODE)  # one name each: Python keeps what it has imported
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["check-model", f"page_{name}:{name}", "--steps", "5"])
    assert shown.exit_code == 0, shown.output
    assert "back ends: identical (numpy, numba)" in shown.output


def test_what_the_page_says_of_a_new_model_is_what_is_printed(tmp_path, monkeypatch):
    page = PAGE.read_text()
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(app, ["new-model", "rumour"]).stdout
    assert f"$ lpm new-model rumour\n{made}```" in page
    model = graph_model_of("rumour.model:Rumour", {})
    assert page.count(model.digest) == 2
    assert f"the graph, {len(encode(model.graph)):,} bytes of it" in page
    words = words_of(model)
    assert f"model.outcomes.heard_enough           {words['outcomes']['heard_enough']}\n" in page
    assert f"model.messages.talk                   {words['messages']['talk']}\n" in page
    assert 'model = "rumour.model:Rumour"' in (tmp_path / "rumour" / "run.toml").read_text()


def test_the_page_names_every_draw_and_every_function_that_a_method_may_call():
    page = PAGE.read_text()
    draws = [name for name in vars(Draw) if not name.startswith("_")]
    missing = [f"draw.{name}(" for name in draws if f"draw.{name}(" not in page]
    missing += [f"lpm.{name}" for name in functions.__all__ if name in dir(lpm) and f"lpm.{name}" not in page]
    assert len(draws) == 5
    assert not missing


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
