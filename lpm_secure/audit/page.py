"""`audit.json` and `audit.html`: an audit, for programs and for a reader without a command line."""

from pathlib import Path
from typing import Any, Final

from lpm_secure.audit.audit import Report
from lpm_secure.report import page as pages
from lpm_secure.report.page import Page
from lpm_secure.report.public_file import write_public
from protocols.quantity import quantity
from protocols.report import html

JSON: Final = "audit.json"
HTML: Final = "audit.html"
SIGNING: Final = ("who made this audit", "data protection officer", "ethics board")
PRIVACY: Final = ("release", "unit of privacy", "sigma", "epsilon", "delta", "promised")


def write(folder: Path, report: Report) -> Path:
    """Write both files into the folder of the run, and return the page."""
    write_public(folder / JSON, report.json())
    pages.write(folder / HTML, page_of(report))
    return folder / HTML


def page_of(report: Report) -> Page:
    """Return the page, for whoever has to agree to a run or to answer for it; it has no plots."""
    verdict = quantity(report.findings, "finding") if report.findings else "Nothing was found"
    checks = [("passed" if not lines else "FAILED", name, "; ".join(lines)) for name, lines in report.checks.items()]
    broken = [place for place, (verdict_of_check, *_) in enumerate(checks) if verdict_of_check == "FAILED"]
    privacy = [[_cell(value) for value in row.values()] for row in report.privacy]
    told = [
        (aggregator, party, sums["count"], f"{sums['bytes']:,}", sums["sha256"])
        for aggregator, parties in report.received.items()
        for party, sums in parties.items()
    ]
    notes = [note for note in report.notes if note not in report.caveats]
    parts = [
        *(html.warning(f"First: {caveat}.") for caveat in report.caveats),
        *([html.heading("Who learned what, and at what cost"), html.items(report.learned)] if report.learned else []),
        html.heading("What was checked"),
        html.table(checks, head=("result", "check", "found"), broken=broken),
        html.heading("What was opened, and what it cost"),
        html.table(privacy, head=PRIVACY),
        html.paragraph(str(report.together)) if report.together else "",
        html.heading("Who was told what"),
        html.paragraph("By each aggregator: answers, and their bytes in all. What they held, its ledger does not say."),
        html.table([row[:-1] for row in told], head=("by", "party", "answers", "bytes")),
        html.heading("To know"),
        html.items(notes) if notes else html.paragraph("Nothing more."),
        html.fold(
            "Hashes, by which the run and what each party was told can be recognised",
            html.digest("Run", report.run),
            html.table([(by, party, sha256) for by, party, _, _, sha256 in told], head=("by", "party", "SHA-256")),
        ),
        html.heading("Signatures"),
        html.signatures(SIGNING),
    ]
    return Page("Audit", parts, headline=verdict)


def _cell(value: Any) -> Any:
    return "no bound" if value is None else value
