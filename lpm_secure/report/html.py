"""Parts of a page: what goes in is text, and comes out escaped."""

import html
from collections.abc import Iterable, Sequence
from typing import Any, Final

STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.3rem 1rem .3rem 0;text-align:left;border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums}
.warning{background:#fff3cd;padding:.6rem 1rem;border-radius:.4rem}.broken{background:#fff3cd}
code{font-size:.85em;word-break:break-all}
"""


def heading(text: str) -> str:
    """Return the heading of a section."""
    return f"<h2>{html.escape(text)}</h2>"


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{html.escape(text)}</p>"


def warning(text: str) -> str:
    """Return a paragraph that stands out."""
    return f"<p class=warning>{html.escape(text)}</p>"


def digest(name: str, sha256: str) -> str:
    """Return a line with a hash."""
    return f"<p>{html.escape(name)} <code>{html.escape(sha256)}</code></p>"


def items(lines: Iterable[str]) -> str:
    """Return a list."""
    return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"


def table(rows: Iterable[Iterable[Any]], *, head: Sequence[str] = (), broken: Iterable[int] = ()) -> str:
    """Return a table.

    Args:
        rows: of values; `cell` says how each is shown.
        head: names of the columns; none where a row begins with its name.
        broken: which rows, counted from 0, stand out.
    """
    wrong = set(broken)
    lines = [_row(row, "td", stands_out=place in wrong) for place, row in enumerate(rows)]
    return f"<table>{_row(head, 'th') if head else ''}{''.join(lines)}</table>"


def records(rows: Sequence[dict[str, Any]]) -> str:
    """Return a table of rows that name their values."""
    return table((row.values() for row in rows), head=tuple(rows[0]))


def cell(value: Any) -> str:
    """Return a value as a cell has it, before it is escaped."""
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _row(values: Iterable[Any], tag: str, *, stands_out: bool = False) -> str:
    inner = "".join(f"<{tag}>{html.escape(cell(value))}</{tag}>" for value in values)
    return f"<tr{' class=broken' if stands_out else ''}>{inner}</tr>"
