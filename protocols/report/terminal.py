"""Rows of names and values, as a terminal has them."""

from collections.abc import Iterable


def align(rows: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return a line for each name and value, values below each other."""
    pairs = tuple(rows)
    width = max(len(name) for name, _ in pairs)
    return tuple(f"{name:<{width}}  {value}" for name, value in pairs)
