"""What the rules let pass: exceptions, each with its reason, and leftovers, which a later change mends.

A subject may be a pattern: `protocols.errors.*`.
"""

import fnmatch
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.checks.tree import Finding

HERE = Path(__file__).parent
EXCEPTIONS = HERE / "exceptions.txt"  # "rule subject  # reason"
LEFTOVERS = HERE / "leftovers.txt"  # "rule subject"

Key = tuple[str, str]


def judge(findings: Iterable[Finding], exceptions: str, leftovers: str) -> Iterator[str]:
    """Yield a line for each finding that nothing allows, and for each allowance that nothing needs."""
    findings, reasons = list(findings), dict(_entries(exceptions))
    allowances = reasons | dict(_entries(leftovers))
    for finding in findings:
        if not any(_allows(key, finding) for key in allowances):
            yield f"{finding.rule}: {finding.message}"
    for key in allowances:
        if not any(_allows(key, finding) for finding in findings):
            yield f"stale: nothing needs the allowance {' '.join(key)}"
    yield from (f"reason: the exception {' '.join(key)} has none" for key, reason in reasons.items() if not reason)


def needed(findings: Iterable[Finding], leftovers: str) -> str:
    """Return the leftovers that are still there."""
    findings = list(findings)
    keys = [key for key, _ in _entries(leftovers) if any(_allows(key, finding) for finding in findings)]
    return "".join(f"{rule} {subject}\n" for rule, subject in keys)


def _allows(key: Key, finding: Finding) -> bool:
    return key[0] == finding.rule and fnmatch.fnmatchcase(finding.subject, key[1])


def _entries(text: str) -> Iterator[tuple[Key, str]]:
    """Yield the rule, subject and reason of each line."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            entry, _, reason = line.partition("#")
            rule, _, subject = entry.strip().partition(" ")
            yield (rule, subject), reason.strip()
