"""What the pages name is there."""

import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", *DOCS)
SUFFIXES = (".py", ".md", ".txt", ".toml", ".proto")
ELSEWHERE = (
    "runs/",
    "ledgers/",
    "build/",
    "../",
    "winter/",
    "fever/",
)  # what commands write, and a folder beside the repository
OF_KITS = ("project.toml", "kit.toml", "config.toml", "policy.toml")  # which commands write too
FORMULAS = ("dL/dX_i",)
DOTTED = re.compile(r"\b(?:lpm_secure|client_sdk|aggregator|protocols)(?:\.\w+)+")


def paths_of(text):
    """Return what stands between backticks, or after pytest, and looks like a path of the repository."""
    named = re.findall(r"`([\w./-]+)`", text) + re.findall(r"pytest ([\w./-]+\.py)", text)
    paths = {name for name in named if name.endswith((*SUFFIXES, "/")) or "/" in name}
    return sorted(path for path in paths if path not in (*FORMULAS, *OF_KITS) and not path.startswith(ELSEWHERE))


def modules_of(text):
    """Return the dotted names of the packages' modules, and of what is in them."""
    return sorted({name for name in DOTTED.findall(text) if not name.endswith(SUFFIXES)})


NAMED = [(page, path) for page in PAGES for path in paths_of((ROOT / page).read_text())]
MODULES = [(page, name) for page in PAGES for name in modules_of((ROOT / page).read_text())]


@pytest.mark.parametrize(("page", "path"), NAMED)
def test_a_path_that_a_page_names_exists(page, path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("page", "name"), MODULES)
def test_a_module_that_a_page_names_exists(page, name):
    assert pkgutil.resolve_name(name) is not None


def test_a_name_that_is_gone_is_found():
    assert modules_of("see `lpm_secure.audit.nothing` and `aggregator.toml`") == ["lpm_secure.audit.nothing"]
    assert paths_of("see `gone.py`, `runs/ID/` and `dL/dX_i`") == ["gone.py"]
    with pytest.raises((ImportError, AttributeError)):
        pkgutil.resolve_name("lpm_secure.audit.nothing")


def test_paths_are_looked_for_in_the_way_of_a_share():
    assert sum(path.startswith("aggregator/") for _, path in NAMED) > 10


def test_the_site_has_every_page_in_its_table():
    table = (ROOT / "docs/site.toml").read_text()
    assert [page for page in DOCS if f'"{page.removeprefix("docs/")}"' not in table] == []


def test_the_citation_names_the_version_of_the_package():
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
