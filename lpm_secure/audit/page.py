"""`audit.html`: an audit, for a reader without a command line."""

import html
from collections.abc import Sequence
from typing import Any

from lpm_secure.audit.audit import Report
from lpm_secure.run.report import STYLE


def page(report: Report) -> str:
    """Return the page; it opens without a network."""
    verdict = "Nothing was found" if not report.findings else f"{report.findings} findings"
    checks = [("passed" if not lines else "FAILED", name, "; ".join(lines)) for name, lines in report.checks.items()]
    privacy = [[_said(value) for value in row.values()] for row in report.privacy]
    received = [
        (aggregator, party, str(told["count"]), f"{told['bytes']:,}", told["sha256"])
        for aggregator, parties in report.received.items()
        for party, told in parties.items()
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Audit</title><style>{STYLE}</style>"
        f"<h1>{verdict}</h1><p>Run <code>{html.escape(report.run)}</code></p>"
        + _table(("", "check", "found"), checks)
        + "<h2>What was opened, and what it cost</h2>"
        + _table(("release", "unit of privacy", "sigma", "epsilon", "delta", "promised"), privacy)
        + (f"<p>{html.escape(str(report.together))}</p>" if report.together else "")
        + "<h2>Who was told what</h2>"
        + _table(("by", "party", "answers", "bytes", "SHA-256"), received)
        + "<h2>To know</h2><ul>"
        + "".join(f"<li>{html.escape(note)}</li>" for note in report.notes)
        + "</ul></html>"
    )


def _said(value: Any) -> str:
    if value is None:
        return "no bound"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"
