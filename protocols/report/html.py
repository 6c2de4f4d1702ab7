"""Parts of a page: what goes in is text, and comes out escaped."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

STYLE: Final = """
:root{color-scheme:light}
body{font:16px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1,h2,p,li,figcaption,summary{overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse}
td,th{padding:.3rem 1rem .3rem 0;text-align:left;border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums;
vertical-align:top;min-width:4rem}
.warning{background:#fff3cd;padding:.6rem 1rem;border-radius:.4rem}.broken{background:#fff3cd}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem}
figure{margin:0;min-width:0;break-inside:avoid}figcaption{font-weight:600}
.made,.sign td{color:#555}.sign td{padding-top:2.5rem;min-width:9rem}
summary{cursor:pointer;margin:1rem 0}
code{font-size:.85em;word-break:break-all}
@media print{body{margin:0;max-width:none;font-size:11pt}.warning{border:1px solid #888}tr,figure{break-inside:avoid}
h2{break-after:avoid}.scroll{overflow:visible}}
"""


def document(title: str, parts: Iterable[str], *, headline: str | None = None, foot: str = "") -> str:
    """Return a whole page of parts, which are HTML; the headline is the title unless given."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
        f"<meta name=viewport content='width=device-width, initial-scale=1'><style>{STYLE}</style>"
        f"<main><h1>{html.escape(headline or title)}</h1>{''.join(parts)}</main>{foot}</html>"
    )


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
    rows_of_table = f"{_row(head, 'th') if head else ''}{''.join(lines)}"
    return f"<div class=scroll tabindex=0 role=group><table>{rows_of_table}</table></div>"


def fold(title: str, *parts: str) -> str:
    """Return parts that a reader may open; a page that is printed has them as they stand."""
    return f"<details><summary>{html.escape(title)}</summary>{''.join(parts)}</details>"


def signatures(roles: Iterable[str]) -> str:
    """Return lines to sign on paper, one for each role."""
    return f"<div class=sign>{table([(role, 'name', 'date', 'signature') for role in roles])}</div>"


def flatten(values: Mapping[str, Any], path: str = "") -> list[tuple[str, str]]:
    """Return nested values as rows of their paths, without what is not given; lists stand in one row."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            rows += flatten(value, name)
        elif value not in (None, "", [], ()):
            rows.append((name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)))
    return rows


def records(rows: Sequence[dict[str, Any]]) -> str:
    """Return a table of rows that name their values."""
    return table((row.values() for row in rows), head=tuple(rows[0]))


def cell(value: Any) -> str:
    """Return a value as a cell has it, before it is escaped."""
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _row(values: Iterable[Any], tag: str, *, stands_out: bool = False) -> str:
    inner = "".join(f"<{tag}>{html.escape(cell(value))}</{tag}>" for value in values)
    return f"<tr{' class=broken' if stands_out else ''}>{inner}</tr>"
