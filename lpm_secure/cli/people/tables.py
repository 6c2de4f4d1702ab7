"""A population's card, and the record of its check, as tables for a terminal."""

from rich.table import Column, Table

from lpm_secure.populations.card import Card
from lpm_secure.populations.outbreak import OutbreakComparison
from lpm_secure.populations.show import marginal_cells, number
from lpm_secure.populations.show_check import rows_of


def card_tables(card: Card, record: OutbreakComparison | None = None) -> list[Table]:
    """Return the card as tables: counts, marginals, columns, and how it was made."""
    counts = Table(card.title, Column("", justify="right"), box=None)
    for name, value in card.counts.items():
        counts.add_row(name, number(value))
    columns = Table("column", "type", Column("MiB", justify="right"), "sha256", "meaning", title="columns", box=None)
    for name, column in card.columns.items():
        columns.add_row(name, column.dtype, f"{column.bytes / 2**20:.1f}", column.sha256[:12], column.meaning)
    made = Table("made", "of", title="origin", box=None)
    made.add_row("seed", "nothing was drawn" if card.seed is None else str(card.seed))
    made.add_row("versions", ", ".join(f"{name} {version}" for name, version in card.versions.items()))
    made.add_row("files", ", ".join(f"{name} ({sha256[:12]})" for name, sha256 in card.data.items()))
    made.add_row("sha256", card.sha256)
    for note in card.notes:
        made.add_row("note", note)
    checked = [record_table(record)] if record else []
    return [counts, *([_marginals(card)] if card.marginals else []), *checked, columns, made]


def record_table(record: OutbreakComparison) -> Table:
    """Return the record as a table."""
    table = Table("check", Column(record.title), box=None, show_header=False, title=record.title)
    for name, value in rows_of(record):
        table.add_row(name, value)
    for note in record.notes:
        table.add_row("source", note)
    return table


def _marginals(card: Card) -> Table:
    right = {"justify": "right"}
    table = Table(
        Column("against the tables", ratio=3),
        Column("cells", **right),  # type: ignore[arg-type]
        Column("largest distance", ratio=2),
        Column("median", **right),  # type: ignore[arg-type]
        Column("allowed", **right),  # type: ignore[arg-type]
        "held",
        title="marginals",
        box=None,
    )
    for each in card.marginals:
        table.add_row(*marginal_cells(each), style=None if each.held else "red")
    return table
