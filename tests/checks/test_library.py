"""The library: each model has the name of its file, and stands in the table of the page and in the parity suite."""

import re
import tomllib
from pathlib import Path

from typer.testing import CliRunner

from lpm_secure.cli.main import app
from lpm_secure.models.model import Model
from lpm_secure.models.reference import find
from lpm_secure.models.tracer import trace
from tests.conformance.parity.conftest import LIBRARY

ROOT = Path(__file__).parents[2]
FILES = sorted(path.stem for path in (ROOT / "lpm_secure/models/library").glob("[!_]*.py"))
FAMILIES = ("onset", "seir_channels")  # bases, and a model for each number of channels, which no configuration names
POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["lpm_secure.models"]


def test_every_file_of_the_library_is_a_model_of_its_name_or_a_family_of_models():
    assert sorted([*POINTS, *FAMILIES]) == FILES
    for name, point in POINTS.items():
        assert point.startswith(f"lpm_secure.models.library.{name}:")
        assert issubclass(find(point), Model)
        assert LIBRARY[f"library-{name}"] is find(point)


def test_the_page_says_of_every_model_what_its_outcomes_are():
    page = (ROOT / "docs/ten_models.md").read_text()
    for name, point in POINTS.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert all(f"`{outcome}`" in row for outcome in trace(find(point)).graph.outcomes)


def test_what_the_page_shows_of_a_models_words_is_what_is_printed():
    page = (ROOT / "docs/what_your_model_tells.md").read_text()
    (block,) = re.findall(r"```text\n\$ lpm check-model opinion\n(.*?)```", page, re.DOTALL)
    printed = [line.rstrip() for line in CliRunner().invoke(app, ["check-model", "opinion"]).stdout.splitlines()]
    assert block.splitlines()
    assert [line for line in block.splitlines() if line not in printed] == []


def test_the_pages_of_models_name_every_declaration_and_ten_models():
    page = (ROOT / "docs/what_your_model_tells.md").read_text()
    declared = ("stage", "field", "private", "parameter", "message", "cell_message", "cell", "outcome", "lowest")
    missing = [f"lpm.{each}" for each in (*declared, "highest", "public", "observable") if f"`lpm.{each}" not in page]
    assert missing == []
    ten = re.findall(r"^(\d+)\. \*\*`(\w+)`", (ROOT / "docs/ten_models.md").read_text(), re.MULTILINE)
    assert [int(number) for number, _ in ten] == list(range(1, 11))
    assert {name for _, name in ten[:8]} == set(POINTS) - {"doses", "pandemic_work"}
