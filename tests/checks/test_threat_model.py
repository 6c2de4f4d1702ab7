"""The threat model names a test for each of its lines, and each of these tests exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "security" / "threat_model.md").read_text()
LINES = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| line ")]
NAMED = re.findall(r"`(tests/[a-z_/]+\.py)::(test_\w+)`", PAGE)


def test_every_line_names_one_test():
    assert len(LINES) > 20
    assert [len(re.findall(r"`tests/[^`]+::test_\w+`", line)) for line in LINES] == [1] * len(LINES)


@pytest.mark.parametrize(
    "secret", ["messages", "states", "thresholds", "gradients", "edges", "contact", "dealer", "outcome mode", "network"]
)
def test_what_must_not_be_learned_has_a_line(secret):
    assert any(secret in line.split("|")[1] for line in LINES)


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_a_test_that_the_page_names_exists(file, name):
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_every_test_that_is_named_anywhere_on_the_page_is_looked_for():
    assert len(re.findall(r"::", PAGE)) == len(NAMED)
