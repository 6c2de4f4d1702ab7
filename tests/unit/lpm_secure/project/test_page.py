"""The page of a kit."""

import re

import pytest

from lpm_secure.project.kits import write_kits
from lpm_secure.project.manifest import manifest_of
from lpm_secure.project.page import client_page
from lpm_secure.project.project_file import load
from tests.three_hospitals import HOSPITALS, own_files, project, unnamed

SEED = 11


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a seeded project and its kits, with the hospitals' tables in them."""
    path = project(tmp_path_factory.mktemp("ministry"), seed=SEED)
    write_kits(path, path.parent / "kits")
    for name in HOSPITALS:
        own_files(path.parent / "kits" / name, name)
    return path


def test_a_page_says_what_is_learned_and_which_tables_are_needed(made):
    page = (made.parent / "kits" / "st-john" / "README.md").read_text()
    for words in (
        "Exact numbers are released, which no epsilon bounds",
        "FOR MADE-UP PEOPLE ONLY".lower(),
        "numbers 4 to 7 in their order",
        "S, E, I, R; empty: unknown, and it begins as the model says",
        "one for each five minutes",
        "a bit: infection above a private threshold",
        "each other client learns which of its own rows",
    ):
        assert words in page, words
    assert "hand its ledger" in (made.parent / "kits" / "agg-a" / "README.md").read_text()
    assert "sees no input" in (made.parent / "kits" / "dealer-c" / "README.md").read_text()


def test_a_page_says_that_nobody_compares_contacts_where_nobody_does(tmp_path):
    path = project(tmp_path, seed=SEED)
    path.write_text(path.read_text().replace("# compare_contacts", "compare_contacts"))
    write_kits(path, tmp_path / "kits")
    page = (tmp_path / "kits" / "st-john" / "README.md").read_text()
    assert "Clients do not compare their contacts" in page
    assert "each other client learns" not in page


def test_a_page_names_every_file_of_its_kit(made):
    assert unnamed(made.parent / "kits" / "st-john") == []


def test_the_page_of_a_run_with_derivatives_names_no_column_that_these_refuse(tmp_path):
    path = project(tmp_path, seed=SEED)
    text = path.read_text().replace("# [gradient]", "[gradient]").replace("# parameters = [", "parameters = [")
    text = re.sub(r'^# way = "score".*', 'way = "tangents"\nstays = "exact"', text, flags=re.M).replace(
        '# mode = "sum"', 'mode = "sum"'
    )
    path.write_text(re.sub(r"^(since|mpc) = .*", "", text, flags=re.M))
    given = load(path)
    page = client_page(given, manifest_of(given, tmp_path), "st-john")
    tables = page[page.index("## Your tables") : page.index("## All that the run")]
    assert "| stage |" in tables
    assert "| since |" not in tables  # a stay that is drawn as a whole has no day that it is in
    assert "| cell |" in tables
