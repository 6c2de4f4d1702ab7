"""What the pages for contributors name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = ("CONTRIBUTING.md", "SECURITY.md")
SUFFIXES = (".py", ".md", ".txt", ".toml", ".proto")


def paths_of(text):
    """Return what stands between backticks, or after pytest, and looks like a path of the repository."""
    named = re.findall(r"`([\w./-]+)`", text) + re.findall(r"pytest ([\w./-]+\.py)", text)
    return sorted({name for name in named if name.endswith((*SUFFIXES, "/")) or "/" in name})


NAMED = [(page, path) for page in PAGES for path in paths_of((ROOT / page).read_text())]


@pytest.mark.parametrize(("page", "path"), NAMED)
def test_a_path_that_a_page_names_exists(page, path):
    assert (ROOT / path).exists()


def test_paths_are_looked_for_in_the_way_of_a_share():
    assert sum(path.startswith("aggregator/") for _, path in NAMED) > 10


def test_the_citation_names_the_version_of_the_package():
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
