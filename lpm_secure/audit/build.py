"""Tests of the build that audits: what its aggregators see, its noise, and mutants of both that must be caught."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Final

from lpm_secure.audit import two_worlds
from lpm_secure.audit.attacks.check import AttackAudit
from lpm_secure.audit.attacks.mutants import mutants_of
from lpm_secure.audit.replays import rules
from lpm_secure.audit.views import check
from protocols.errors import LpmError
from protocols.masking.plan import plan_of
from protocols.releases.query import NOISE as NOISED
from protocols.task.manifest import Manifest, is_active
from protocols.task.release_plan import releases_of

VIEWS: Final = "what aggregators of this build see does not depend on secrets"
BROKEN_VIEWS: Final = "the audit catches sharings that are known to be bad"
NOISE: Final = "the noise path of this build keeps its promise"
BROKEN_NOISE: Final = "the audit catches noise paths that are known to be bad"
LIES: Final = "an aggregator of this build that lies ends a run for all, alike in two worlds"
BROKEN_PARTIES: Final = "the audit catches parties that are known to be bad"
Test = Callable[[], list[str]]
Tests = list[tuple[str, str, Test]]


def build(manifest: Manifest, *, runs: int, on_check: Callable[[int, int, str], None]) -> dict[str, list[str]]:
    """Test this build in the mode, with the model and with the noise of a run.

    Args:
        manifest: of the run.
        runs: replays of each noise path.
        on_check: is told before each test how many are done, how many there are, and its name.

    Returns:
        Each check, and the lines that it found wrong.
    """
    found: dict[str, list[str]] = {}
    given = tests(manifest, runs=runs)
    for done, (heading, name, test) in enumerate(given):
        on_check(done, len(given), name)
        try:
            lines = test()
        except LpmError as error:
            lines = [f"{name} could not be tested: {error}"]
        found.setdefault(heading, []).extend(lines)
    return found


def tests(manifest: Manifest, *, runs: int) -> Tests:
    """Return all tests: the check that each is part of, its own name, and what to call."""
    if is_active(manifest):
        noised = {each.name for each in releases_of(manifest).each if each.mechanism == NOISED}
        return _attacks(manifest) + _noise(manifest, noised, runs=runs)
    return _shares(manifest, runs=runs)


def _attacks(manifest: Manifest) -> Tests:
    """Return the tests of an active run: every lie, and parties that do not notice some."""
    audit = AttackAudit(manifest)
    found: Tests = [(LIES, lie.name, partial(audit.judge, lie)) for lie in audit.lies]
    for name, mutant in mutants_of(plan_of(audit.manifest)).items():
        found.append((BROKEN_PARTIES, name, _caught(name, partial(audit.find, mutant))))
    return found


def _shares(manifest: Manifest, *, runs: int) -> Tests:
    """Return the tests of a run on additive shares: views, and noise."""
    found: Tests = [(VIEWS, "views in two worlds", partial(check.audit, manifest))]
    for mutant, sharing in check.MUTANTS.items():
        found.append((BROKEN_VIEWS, mutant, _caught(mutant, partial(check.audit, manifest, sharing))))
    return found + _noise(manifest, {series for series, _ in rules(manifest)}, runs=runs)


def _noise(manifest: Manifest, noised: Collection[str], *, runs: int) -> Tests:
    """Return the tests of one operator's noise: every operator of a run adds the same, in full, by its own key."""
    found: Tests = []
    for series, sigma in (rule for rule in rules(manifest) if rule[0] in noised):
        of = f"{series}, sigma {sigma:g}"
        found.append((NOISE, of, partial(two_worlds.audit, manifest, series, sigma, runs=runs)))
        for mutant, make in two_worlds.MUTANTS[series].items():
            replay = partial(two_worlds.audit, manifest, series, sigma, make, runs=two_worlds.FEW)
            found.append((BROKEN_NOISE, f"{mutant}, {of}", _caught(f"{mutant}, {of}", replay)))
    if is_active(manifest):
        return found
    apart = partial(two_worlds.noise_of_steps, manifest)
    found.append((NOISE, "noise of steps", apart))
    same = partial(apart, two_worlds.constant_seed)
    found.append((BROKEN_NOISE, "constant seed of steps", _caught("constant seed of steps", same)))
    return found


def _caught(name: str, audit: Test) -> Test:
    """Return a test that an audit of what is broken finds anything."""
    return lambda: [] if audit() else [f"{name} was not found: do not trust this audit"]
