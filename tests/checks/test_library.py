"""The library: each model has the name of its file, and stands in the table of the page and in the parity suite."""

import tomllib
from pathlib import Path

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
    page = (ROOT / "docs/write_a_model.md").read_text()
    for name, point in POINTS.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert all(f"`{outcome}`" in row for outcome in trace(find(point)).graph.outcomes)
