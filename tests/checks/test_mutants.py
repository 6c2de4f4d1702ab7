"""Each listed mistake can be applied: its text stands once in its file. A mistake that cannot be made tests nothing."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTS = sorted((ROOT / "tests" / "mutants").glob("*.toml"))


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_mutant_of_a_list_can_be_applied(path):
    mutants = tomllib.loads(path.read_text())["mutant"]
    counts = {each["name"]: (ROOT / each["file"]).read_text().count(each["old"]) for each in mutants}
    assert counts == dict.fromkeys(counts, 1)
    assert len(counts) == len(mutants) > 0
