"""The audit of one run's folder."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, final

import msgspec
from pyarrow import ArrowInvalid, csv

from lpm_secure.audit import index, inquiries, rules
from lpm_secure.audit.index import LEDGERS, MANIFEST
from lpm_secure.audit.privacy_cost import PrivacyCost, joint
from protocols.errors import LpmError, OtherVersion, ParameterError
from protocols.releases import deliveries, ledger
from protocols.releases.deliveries import DeliveryProof
from protocols.releases.query import NOISE
from protocols.report import html
from protocols.task import manifest as manifests
from protocols.task import signature as signatures
from protocols.task.manifest import Manifest, Simulation, is_active
from protocols.task.release_plan import releases_of

LOW_DEGREE: Final = 3
OnCheck = Callable[[int, int, str], None]  # tests of the build done, tests in all, and what comes next
FROM_FOLDER: Final = (
    "the operator's key was taken from the folder itself, and whoever can write there can replace it; ask the run's "
    "operator for the key, and give it with --operator-key"
)
SKIPPED: Final = (
    "SKIPPED: the tests of this build were not run, so this report says nothing about whether the program hides what "
    "it should; run the audit without --no-build-checks"
)
TESTED: Final = (
    "the build that was tested is the one that audits: install what the parties ran, and audit with it; joint "
    "computations were stood in for by ideal ones, which have tests of their own"
)
ACTIVE: Final = (
    "the build that was tested is the one that audits: install what the parties ran, and audit with it. NOT TESTED: "
    "what each party sees, and an aggregator that computes with other numbers; the source's own tests do that"
)


@final
@dataclass(frozen=True, slots=True)
class Report:
    """What an audit found.

    Attributes:
        checks: each check, and the lines that it found wrong.
        notes: what a reader should know, and no rule forbids.
        privacy: of each release, what it cost, with that of a round in which an active run stopped.
        together: what all of them cost, from the first aggregator's ledger; and that round, which the manifest names.
        learned: who learned what, in which mode, over how many, and at what cost, in sentences.
    """

    run: str
    checks: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)
    privacy: list[dict[str, Any]] = field(default_factory=list)
    received: dict[str, Any] = field(default_factory=dict)
    together: PrivacyCost | None = None
    learned: list[str] = field(default_factory=list)

    @property
    def caveats(self) -> list[str]:
        """Return the notes without which the rest would seem to say more than it does."""
        return [note for note in self.notes if note in (FROM_FOLDER, SKIPPED)]

    @property
    def findings(self) -> int:
        """Return how many lines the checks found."""
        return sum(map(len, self.checks.values()))

    def figures(self) -> dict[str, Any]:
        """Return it as plain values, as JSON has them."""
        return asdict(self) | {"findings": self.findings}

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what was learned, each check and what it found, and what it does not say."""
        rows = [(name, "; ".join(lines) or "ok") for name, lines in self.checks.items()]
        return html.items(self.learned) + html.table(rows, head=("check", "found")) + html.items(self.notes)

    def json(self) -> bytes:
        """Return it as JSON."""
        return msgspec.json.format(msgspec.json.encode(self.figures()), indent=2)


def silent(done: int, total: int, name: str) -> None:
    """Tell nobody."""


def audit(folder: Path, *, operator_key: bytes, runs: int | None = None, on_check: OnCheck = silent) -> Report:
    """Check a run that has ended, offline.

    Args:
        folder: of the run.
        operator_key: of the run's operator, 32 bytes, known from elsewhere.
        runs: replays of this build's noise path; without it the build is not tested, and the report says so.
        on_check: is told each test of the build before it begins.

    Raises:
        ParameterError: no run's folder.
        OtherVersion: every file is as the run's operator signed it, and of a version that has to audit it.
    """
    if not (folder / index.INDEX).is_file() or not (folder / MANIFEST).is_file():
        raise ParameterError(f"{folder} has no {index.INDEX} or no {MANIFEST}; give the folder of a run that has ended")
    checks = {"every file is as it was when the run ended": index.differences(folder, operator_key)}
    try:
        manifest = manifests.load(folder / MANIFEST)
        trust = signatures.trust_of(manifest)
        signature = signatures.load_signature(folder / MANIFEST)
        signatures.verify(manifest, signature, operator_key=operator_key, now=trust.not_before)
    except (LpmError, ValueError) as error:
        if isinstance(error, OtherVersion) and not any(checks.values()):
            raise
        rest = {"ledgers, releases and the build": ["not checked: no manifest says what is allowed"]}
        return Report("", checks | {"the manifest is its operator's": [f"{MANIFEST}: {error}"]} | rest)
    report = Report(manifests.run_id(manifest).hex(), checks | {"the manifest is its operator's": []})
    together = _ledgers(folder, manifest, report)
    if runs is None:
        report.notes.append(SKIPPED)
    else:
        from lpm_secure.audit.build import build  # noqa: PLC0415 (loads all that a run needs)

        report.checks.update(build(manifest, runs=runs, on_check=on_check))
        report.notes.append(ACTIVE if is_active(manifest) else TESTED)
    report.notes.extend(_low_degrees(folder))
    report.notes.extend(
        f"{each.name} is opened exact: over at least {manifest.min_cohort} clients, with no bound on what it tells"
        for each in releases_of(manifest).each
        if each.mechanism != NOISE
    )
    return replace(report, together=together)


def _ledgers(folder: Path, manifest: Manifest, report: Report) -> PrivacyCost | None:
    """Check the ledgers, and return what all releases cost together; None where a ledger is not whole."""
    trust, found, wrong = signatures.trust_of(manifest), {}, []
    for party in manifest.aggregators:
        try:
            path = folder / LEDGERS / f"{party.name}.jsonl"
            found[party.name] = ledger.load(path, trust.keys[party.name].identity)
        except LpmError as error:
            wrong.append(f"{LEDGERS}/{party.name}.jsonl: {error}")
    report.checks["every ledger is whole, chained and signed"] = wrong
    if not found or wrong:
        report.checks["rounds, releases, cohorts and what they cost"] = ["not checked: a ledger is not whole"]
        return None
    agreed = rules.rounds(next(iter(found.values())))
    report.checks["the aggregators' ledgers agree"] = rules.disagreements(manifest, bytes.fromhex(report.run), found)
    report.checks["no ledger ends before its run"] = rules.cut_off(manifest, found)
    report.checks["every release is one that the manifest allows, over its cohort"] = rules.breaches(manifest, agreed)
    if isinstance(manifest, Simulation) and manifest.model.agents.public:
        report.checks["every public number is one that the model hears, in its range"] = rules.announcements(
            manifest, agreed
        )
    report.checks["who was left out for garbage is whom the rule names"] = inquiries.misjudgements(
        manifest, bytes.fromhex(report.run), agreed
    )
    report.checks["no two exact releases differ by a few clients"] = rules.differencing(manifest, agreed)
    stopped = rules.unwritten(manifest, agreed)
    lines, table = rules.overspending(manifest, [*agreed, *stopped])
    report.checks["no release costs more than was promised"] = lines
    report.privacy.extend(table)
    report.notes.extend(rules.early_end(manifest, agreed))
    report.notes.extend(
        f"round {each.number}: the run stopped in it, and a server may have had its release: what releases cost counts "
        "it"
        for each in stopped
    )
    wrong = []
    for name, events in found.items():
        shown: dict[int, DeliveryProof] = {}
        try:
            if beside := index.deliveries_of(folder, name, found):
                shown = deliveries.load(beside)
        except ParameterError as error:
            wrong.append(str(error))
        wrong += [f"{name}: {line}" for line in rules.misstatements(manifest, events, shown)]
        report.received[name] = rules.disclosures(events, shown)
        notes = rules.unshown(manifest, events, shown) + rules.refusals(events)
        report.notes.extend(f"{name}: {line}" for line in notes)
    report.checks["what parties were told, as far as it is shown, is what the ledgers commit to"] = wrong
    return joint([*agreed, *stopped])


def _low_degrees(folder: Path) -> list[str]:
    """Return a line of how many agents have few contacts, whose own outcomes tell most of these."""
    degrees: dict[int, set[int]] = {}
    for path in sorted(folder.glob("parties/*/contacts.csv")):
        try:
            table = csv.read_csv(path)
            pairs = zip(table["a"].to_pylist(), table["b"].to_pylist(), strict=True)
        except (ArrowInvalid, KeyError, OSError, UnicodeDecodeError) as error:
            return [f"{path.name} of {path.parent.name} cannot be read, so degrees are not counted: {error}"]
        for a, b in pairs:
            degrees.setdefault(a, set()).add(b)
            degrees.setdefault(b, set()).add(a)
    count = Counter(min(len(others), LOW_DEGREE) for others in degrees.values())
    few = sum(n for degree, n in count.items() if degree < LOW_DEGREE)
    if not few:
        return []
    return [f"{few} of {len(degrees)} agents have fewer than {LOW_DEGREE} contacts: their bits tell them most of these"]
