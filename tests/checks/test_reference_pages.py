"""Reference pages say what the code has."""

import re
import tomllib

import pytest

from client_sdk.private.data_dictionary import DataDictionary
from protocols.task.policy import load_policy
from tests.checks.reference_pages import DOCS, tables, with_table


@pytest.mark.parametrize(("page", "name"), tables())
def test_a_table_of_a_page_is_what_the_code_has(page, name):
    text = (DOCS / page).read_text()
    assert with_table(text, name, tables()[page, name]) == text, "python -m tests.checks.reference_pages writes it"


def test_every_policy_of_the_page_is_read(tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", (DOCS / "policy.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        (tmp_path / "policy.toml").write_text(block)
        load_policy(tmp_path / "policy.toml")


@pytest.mark.parametrize("page", ["data_dictionary.md", "own_people.md"])
def test_every_dictionary_of_the_pages_is_read(page):
    blocks = re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    given = [read["dictionary"] for block in blocks if "dictionary" in (read := tomllib.loads(block))]
    assert given
    for each in given:
        DataDictionary(**each)
