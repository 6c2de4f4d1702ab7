"""Every rule of the house finds a breach that is planted, and nothing else."""

import ast
import re
import subprocess

import pytest

from tests.checks.allowances import EXCEPTIONS, HERE, judge, needed
from tests.checks.rules import RULES
from tests.checks.rules.field_words import GENERAL, LIBRARY, declarations
from tests.checks.rules.participle import NOUNS, is_participle, is_present_participle, words
from tests.checks.rules.synonyms import SYNONYMS
from tests.checks.tree import Finding, Tree, classes, module_name

LINTER = "[tool.importlinter]\nroot_packages = ['lpm_secure', 'client_sdk', 'protocols']\n"
LAYERS = "[[tool.importlinter.contracts]]\ntype = 'layers'\n"
TOPMOST = f"{LAYERS}layers = ['lpm_secure', 'client_sdk', 'protocols']\n"
FLOORS = f"{LAYERS}exhaustive = true\nlayers = []\ncontainers = ['client_sdk', 'protocols', 'lpm_secure.models']\n"
CLEAN = {
    "pyproject.toml": LINTER + TOPMOST + FLOORS,
    "protocols/__init__.py": '"""What all agree on."""',
    "protocols/share.py": "class Share:\n    def open(self): ...\n\n    @property\n    def sealed(self): ...\n",
    "protocols/share_pb2.py": "class Share: ...\nclass Told: ...",
    "client_sdk/__init__.py": '"""A client."""',
    "lpm_secure/__init__.py": '"""Engine."""',
    "lpm_secure/models/__init__.py": '"""Models."""',
    "lpm_secure/models/seir.py": "beta = 'infected'",
    "lpm_secure/models/library/__init__.py": '"""Models."""',
    "lpm_secure/models/library/shops.py": "class Shops:\n    size = 1\n    stage = lpm.stage('OPEN', 'SHUT')\n",
    "client_sdk/prose.py": "'what is OPEN or SHUT'\nREOPEN, stage, size, HALF_OPENED = 1, 2, 3, 4",
    "client_sdk/alphabet.py": "alphabetas = 1  # beta",
    "client_sdk/state.py": "class State: ...\ndef is_hidden(): ...\ndef _told(): ...\n",
    "tests/unit/protocols/test_share.py": "",
    "tests/unit/protocols/conftest.py": "",
}
LONG = "def f():\n" + "    f()\n" * 41
SUITE = '[[suite]]\npath = "tests/conformance/test_heap.py"\nwhy = "so"\nmodules = ["client_sdk/heap"]\n'
BREACHES = {
    ("folder", "protocols"): {f"protocols/part_{number}.py": "" for number in range(12)},
    ("lines", "client_sdk/long.py"): {"client_sdk/long.py": "\n" * 401},
    ("class", "Share"): {"client_sdk/half.py": "class Share: ..."},
    ("participle", "client_sdk.told"): {"client_sdk/told.py": ""},
    ("participle", "client_sdk.deciding"): {"client_sdk/deciding.py": ""},
    ("participle", "client_sdk.state.ShareDealing"): {"client_sdk/state.py": "class ShareDealing: ..."},
    ("participle", "client_sdk.state.SharesKept"): {"client_sdk/state.py": "class SharesKept: ..."},
    ("participle", "client_sdk.state.opened_sum"): {"client_sdk/state.py": "def opened_sum(): ..."},
    ("participle", "client_sdk.state.State.heard"): {
        "client_sdk/state.py": "class State:\n    async def heard(self): ..."
    },
    ("mirror", "tests/unit/protocols/test_half.py"): {"tests/unit/protocols/test_half.py": ""},
    ("test", "client_sdk/long.py"): {"client_sdk/long.py": LONG},
    ("test", "client_sdk/heap.py"): {
        "client_sdk/heap.py": LONG,
        "tests/conformance/test_heap.py": "import client_sdk.state",
        "tests/checks/suites.toml": SUITE,
    },
    ("mock", "client_sdk/state.py"): {"client_sdk/state.py": "def f():\n    from unittest import mock"},
    ("print", "client_sdk/state.py"): {"client_sdk/state.py": "print(1)"},
    ("docstring", "client_sdk/private"): {"client_sdk/private/state.py": ""},
    ("docstring", "client_sdk"): {"client_sdk/__init__.py": "import os"},
    ("field", "client_sdk/state.py"): {"client_sdk/state.py": "def f():\n    return 'the INFECTED'"},
    ("field", "client_sdk/beta.py"): {"client_sdk/beta.py": "alphabeta, cell_beta = 1, 2"},
    ("field", "client_sdk/shop.py"): {"client_sdk/shop.py": "def half_OPEN(): ..."},
    ("field", "client_sdk/table.py"): {"client_sdk/table.py": "x['shop.SHUT']"},
    ("field", "client_sdk/names.py"): {"client_sdk/names.py": "from protocols.models import seir"},
    ("floors", "client_sdk"): {"pyproject.toml": LINTER + TOPMOST + FLOORS.replace("'client_sdk', ", "")},
    ("floors", "protocols"): {"pyproject.toml": LINTER + TOPMOST.replace(", 'protocols'", "") + FLOORS},
    ("floors", "clients"): {"clients/__init__.py": ""},
    ("whole", "client_sdk.state.State"): {
        "client_sdk/state.py": "from protocols.task.manifest import Manifest\nclass State:\n    whole: Manifest | None"
    },
    ("whole", "client_sdk.state.step"): {
        "client_sdk/state.py": "from protocols.task import manifest as m\ndef step(*, all: m.SimulationManifest): ..."
    },
    ("whole", "client_sdk.state.end"): {
        "client_sdk/state.py": "import protocols.task.manifest\ndef end(all: protocols.task.manifest.Manifest): ..."
    },
    ("whole", "client_sdk.state.begin"): {
        "client_sdk/state.py": "from protocols.task.manifest import Manifest\ndef begin(all: 'Manifest | None'): ..."
    },
    ("synonym", "README.md:Conditional posterior"): {"README.md": "a Conditional\nposterior"},
    ("synonym", "README.md:comparers"): {"README.md": "two comparers"},
    ("trace", "README.md:/home/a"): {"README.md": "see /home/anna/notes"},
    ("trace", "README.md:pypi.org"): {"README.md": "from https://pypi.org/simple"},
}


@pytest.fixture
def findings(tmp_path):
    """Return a function that writes a repository, and returns what the rules find in it."""

    def _findings(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
        return [finding for rule in RULES for finding in rule(Tree(tmp_path))]

    return _findings


def test_a_clean_house_has_no_findings(findings):
    assert findings(CLEAN) == []


@pytest.mark.parametrize(("key", "files"), BREACHES.items(), ids=[" ".join(key) for key in BREACHES])
def test_a_planted_breach_is_found_alone(findings, key, files):
    assert [(finding.rule, finding.subject) for finding in findings(CLEAN | files)] == [key]


@pytest.mark.parametrize(
    ("files", "breaches"),
    [
        ({"tests/conformance/test_heap.py": "def f():\n    from client_sdk import heap"}, 0),
        ({"tests/conformance/test_heap.py": "from tests.heap import f", "tests/heap.py": "import client_sdk.heap"}, 0),
        ({"tests/unit/client_sdk/test_heap.py": ""}, 1),  # the line is needed no longer
        ({"client_sdk/heap.py": "def f(): ..."}, 1),
        ({}, 1),  # there is no such suite
    ],
)
def test_a_suite_holds_what_it_reaches_and_no_other_module(findings, files, breaches):
    given = CLEAN | {"client_sdk/heap.py": LONG, "tests/checks/suites.toml": SUITE} | files
    assert [finding.rule for finding in findings(given)] == ["test"] * breaches


def test_every_rule_has_a_planted_breach(findings):
    planted = {name: text for files in BREACHES.values() for name, text in files.items()}
    kinds = {finding.rule for finding in findings(CLEAN | planted)}
    assert len(kinds | {rule for rule, _ in BREACHES}) == len(RULES)


def test_no_more_than_five_files_speak_of_one_field():
    assert EXCEPTIONS.read_text().count("\nfield ") <= 5


@pytest.mark.parametrize("pattern", SYNONYMS)
def test_every_synonym_is_found_as_it_was_spoken(pattern):
    spoken = (
        "a conditional posterior",
        "conditional flows",
        "comparers",
        "vector_kept",
        "sealed_once",
        "seal small counts",
    )
    assert [bool(re.search(pattern, words)) for words in spoken].count(True) == 1


def test_every_general_name_is_one_of_the_library():
    files = (HERE.parent.parent / LIBRARY).glob("*.py")
    assert declarations(ast.parse(path.read_text()) for path in files) >= GENERAL


@pytest.mark.parametrize(
    "line",
    [
        "import sys; sys.stderr.write('x')",
        "from sys import stdout",
        "import rich",
        "from rich.table import Table",
        "def f():\n    import typer",
        "tell = print",
    ],
)
def test_every_way_to_print_is_found(findings, line):
    assert [finding.rule for finding in findings(CLEAN | {"client_sdk/state.py": line})] == ["print"]


def test_the_command_line_prints(findings):
    assert "print" not in {finding.rule for finding in findings(CLEAN | {"lpm_secure/cli/say.py": "print(1)"})}


@pytest.mark.parametrize("word", ["told", "Kept", "sealed", "summed"])
def test_participles_are_recognised(word):
    assert is_participle(word)


@pytest.mark.parametrize("word", ["seed", "bound", "speed", "share", "ed", "Ledger"])
def test_other_words_are_not_participles(word):
    assert not is_participle(word)


@pytest.mark.parametrize(
    ("word", "is_one"), [("Deciding", True), ("pending", True), ("sharing", False), ("ring", False)]
)
def test_present_participles_are_no_nouns_of_the_field(word, is_one):
    assert is_present_participle(word) == is_one


def test_every_noun_in_ing_names_a_module_or_a_class():
    tree = Tree(HERE.parent.parent)
    names = [module_name(path).rpartition(".")[2] for path in tree.modules]
    names += [node.name for module in tree.modules.values() for node in classes(module)]
    assert {words(name)[-1].lower() for name in names if words(name)} >= NOUNS


FINDING = Finding("class", "a.Told", "class Told")


def test_what_nothing_allows_is_a_line():
    assert list(judge([FINDING], "", "")) == ["class: class Told"]


@pytest.mark.parametrize(("exceptions", "leftovers"), [("class a.*  # heard so", ""), ("", "class a.Told")])
def test_what_is_allowed_is_none(exceptions, leftovers):
    assert list(judge([FINDING], exceptions, leftovers)) == []


def test_an_allowance_that_nothing_needs_is_a_line():
    assert list(judge([FINDING], "", "class a.Told\nclass b.Told")) == [
        "stale: nothing needs the allowance class b.Told"
    ]


def test_an_exception_without_a_reason_is_a_line():
    assert list(judge([FINDING], "class a.Told", "")) == ["reason: the exception class a.Told has none"]


def test_what_is_mended_is_trimmed():
    assert needed([FINDING], "class a.Told\nclass b.Told\n") == "class a.Told\n"
