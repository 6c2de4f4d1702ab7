"""`audit.json` and `audit.html`: an audit, for programs and for a reader without a command line."""

from pathlib import Path
from typing import Any, Final

from lpm_secure.audit.audit import Report
from lpm_secure.report import html
from lpm_secure.report import page as pages
from lpm_secure.report.page import Page
from lpm_secure.report.public_file import write_public

JSON: Final = "audit.json"
HTML: Final = "audit.html"
PRIVACY: Final = ("release", "unit of privacy", "sigma", "epsilon", "delta", "promised")


def write(folder: Path, report: Report) -> Path:
    """Write both files into the folder of the run, and return the page."""
    write_public(folder / JSON, report.json())
    pages.write(folder / HTML, page_of(report))
    return folder / HTML


def page_of(report: Report) -> Page:
    """Return the page; it has no plots."""
    verdict = "Nothing was found" if not report.findings else f"{report.findings} findings"
    checks = [("passed" if not lines else "FAILED", name, "; ".join(lines)) for name, lines in report.checks.items()]
    privacy = [[_cell(value) for value in row.values()] for row in report.privacy]
    received = [
        (aggregator, party, str(sums["count"]), f"{sums['bytes']:,}", sums["sha256"])
        for aggregator, parties in report.received.items()
        for party, sums in parties.items()
    ]
    parts = [
        html.digest("Run", report.run),
        html.table(checks, head=("", "check", "found")),
        html.heading("What was opened, and what it cost"),
        html.table(privacy, head=PRIVACY),
        html.paragraph(str(report.together)) if report.together else "",
        html.heading("Who was told what"),
        html.table(received, head=("by", "party", "answers", "bytes", "SHA-256")),
        html.heading("To know"),
        html.items(report.notes),
    ]
    return Page("Audit", parts, headline=verdict)


def _cell(value: Any) -> Any:
    return "no bound" if value is None else value
