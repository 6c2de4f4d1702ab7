"""The tables of reference pages, as the code has them: `python -m tests.checks.reference_pages` writes them anew."""

import re
from pathlib import Path

import msgspec

from client_sdk.config import ClientConfig
from client_sdk.private.contact_list import COLUMNS
from client_sdk.private.data_dictionary import DataDictionary
from client_sdk.private.files import PEOPLE
from lpm_secure.project.documentation.explanation import explanations, toml_value
from protocols.task.policy import Policy

DOCS = Path(__file__).parents[2] / "docs"
FILES = ("people", "contacts", "others", "start", "dictionary", "outcomes", "series", "report", "max_missed")
MEANINGS = {
    "agent": "the manifest's number of a person",
    "person": "or a name of one's own, any text, each once; rows have the manifest's numbers in their order",
    "cell": "which cell a person is in, by its name in the project; needed where the run has cells that people stay in",
    "day": "a step's number from 0, where there are no dates",
    "date": "the day of a contact",
    "start": "when a contact begins,",
    "end": "and when it ends; both days included",
    "a": "one person,",
    "b": "and the other, as people are called; on a directed channel `a` tells `b`",
    "channel": "of which kind the contact is, where the model has several",
    "weight": "a whole number, 1 unless given",
}


def keys(kind, names=None):
    """Return a table of a type's keys, in its order."""
    words, lines = explanations(kind), ["| key | unless given | what it is |", "|---|---|---|"]
    for field in msgspec.structs.fields(kind):
        if names is None or field.name in names:
            lines.append(f"| `{field.name}` | {_default(field)} | {words[field.name]} |")
    return lines


def _default(field):
    if field.required:
        return "needed"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return "" if value is None or isinstance(value, msgspec.Struct) else f"`{toml_value(value)}`"


def columns(names):
    """Return a table of the columns of one of the files."""
    return ["| column | what it is |", "|---|---|", *(f"| `{name}` | {MEANINGS[name]} |" for name in names)]


def tables():
    """Return the lines of each table, by page and name."""
    return {
        ("policy.md", "keys"): keys(Policy),
        ("data_dictionary.md", "people"): columns(PEOPLE),
        ("data_dictionary.md", "contacts"): columns(COLUMNS),
        ("data_dictionary.md", "configuration"): keys(ClientConfig, FILES),
        ("data_dictionary.md", "dictionary"): keys(DataDictionary),
    }


def with_table(text, name, lines):
    """Return a page with one of its tables replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    assert pattern.search(text), name
    return pattern.sub(lambda match: "\n".join([match[1].rstrip(), *lines, match[2]]), text)


if __name__ == "__main__":
    for (page, name), lines in tables().items():
        path = DOCS / page
        path.write_text(with_table(path.read_text(), name, lines))
