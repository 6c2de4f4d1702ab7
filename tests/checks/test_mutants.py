"""Each listed mistake can be applied: its text stands once in its file. A mistake that cannot be made tests nothing."""

import tomllib
from pathlib import Path

import pytest

from tests.mutants.order import files_in_order

ROOT = Path(__file__).parents[2]
LISTS = sorted((ROOT / "tests" / "mutants").glob("*.toml"))


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_mutant_of_a_list_can_be_applied(path):
    mutants = tomllib.loads(path.read_text())["mutant"]
    counts = {each["name"]: (ROOT / each["file"]).read_text().count(each["old"]) for each in mutants}
    assert counts == dict.fromkeys(counts, 1)
    assert len(counts) == len(mutants) > 0


def test_a_mutant_is_shown_to_the_tests_of_its_file_first_and_to_all_of_its_list():
    tests = ["tests/conformance/masking/test_rounds.py", "tests/unit/protocols/masking"]
    mutant = {"name": "a seed opens", "file": "protocols/masking/seed.py", "old": "SUITE.decrypt(notice.sealed)"}
    files = files_in_order(mutant, [*tests, tests[1]], ROOT)
    assert files[0] == "tests/unit/protocols/masking/test_seed.py"
    everything = {*(ROOT / tests[1]).rglob("test_*.py"), ROOT / tests[0]}
    assert sorted(files) == sorted(str(each.relative_to(ROOT)) for each in everything)
