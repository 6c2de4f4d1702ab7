"""Schemas are those of the types, say what their docstrings say, and take what the commands take."""

import json
import tomllib
from pathlib import Path

import jsonschema
import msgspec
import pytest

from lpm_secure.project.documentation.schema import KINDS, schema_of
from protocols.errors import ParameterError

ROOT = Path(__file__).parents[5]
SCHEMAS = ROOT / "docs" / "schemas"
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_in_the_docs_is_that_of_the_type(kind):
    """python -m lpm_secure.cli schema KIND > docs/schemas/KIND.json makes it anew."""
    assert json.loads((SCHEMAS / f"{kind}.json").read_text()) == json.loads(json.dumps(schema_of(kind)))


def test_no_other_schema_lies_about():
    assert {path.stem for path in SCHEMAS.iterdir()} == set(KINDS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_names_its_schema_and_follows_it(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("#:schema ../docs/schemas/")
    schema = json.loads((path.parent / first.removeprefix("#:schema ")).read_text())
    content = msgspec.to_builtins(tomllib.loads(path.read_text()))
    jsonschema.Draft202012Validator(schema).validate(content)


def test_a_misspelt_key_and_a_wrong_value_break_it():
    validator = jsonschema.Draft202012Validator(schema_of("run"))
    content = tomllib.loads((ROOT / "examples" / "workplace.toml").read_text())
    for wrong in ({**content, "stepz": 3}, {**content, "steps": -1}, {**content, "name": "a b\n"}):
        assert not validator.is_valid(wrong)


def test_keys_are_described_in_the_words_of_the_docstring():
    properties = schema_of("run")["$defs"]["Config"]["properties"]
    assert properties["seed"]["description"] == "of all simulation draws."
    described = [value for each in schema_of("policy")["$defs"].values() for value in each["properties"].values()]
    assert sum("description" in value for value in described) > 0.8 * len(described)


def test_another_kind_is_refused():
    with pytest.raises(ParameterError, match="got runs; there are schemas of run, fit, city, "):
        schema_of("runs")
