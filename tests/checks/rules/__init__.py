"""The rules: each takes the tree and yields a finding for every breach. To add one, write it and name it here."""

from collections.abc import Callable, Iterable

from tests.checks.rules.contents import machine_traces, mocks, package_docstrings
from tests.checks.rules.field_words import field_words
from tests.checks.rules.floors import floors
from tests.checks.rules.names import class_names, participles
from tests.checks.rules.prints import prints
from tests.checks.rules.sizes import files_in_a_folder, lines_of_a_file
from tests.checks.rules.synonyms import synonyms
from tests.checks.rules.unit_tests import mirrors, modules_with_tests
from tests.checks.rules.whole import takers
from tests.checks.tree import Finding, Tree

Rule = Callable[[Tree], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    files_in_a_folder,
    lines_of_a_file,
    class_names,
    participles,
    mirrors,
    modules_with_tests,
    mocks,
    prints,
    package_docstrings,
    machine_traces,
    field_words,
    takers,
    floors,
    synonyms,
)
