"""Functions of a model's author: elementwise, exact on every back end; a mistake raises ModelError, by its line."""

from typing import Any

from lpm_secure.models.symbols import Choice, Number, Symbol, operate, refuse, symbol
from lpm_secure.models.symbols import where as _where


def where(condition: Number, yes: Any, no: Any) -> Any:
    """Return `yes` for agents of whom a condition holds, `no` for others.

    Args:
        condition: of each agent.
        yes, no: numbers or symbols; stages by name, too.
    """
    return _where(condition, yes, no)


def minimum(*numbers: Number) -> Symbol:
    """Return the least of some numbers of an agent."""
    return _fold("minimum", numbers)


def maximum(*numbers: Number) -> Symbol:
    """Return the greatest of some numbers of an agent."""
    return _fold("maximum", numbers)


def clip(number: Number, low: int, high: int) -> Symbol:
    """Return a number, or the bound `low` or `high` that it is beyond: it proves a range that intervals do not see."""
    return minimum(maximum(number, low), high)


def ratio(number: Number, numerator: Number, denominator: Number) -> Symbol:
    """Return `number * numerator // denominator`, rounded down; the denominator is at least 1."""
    return operate("divide", operate("multiply", number, numerator), denominator)


def table(*entries: int) -> Symbol:
    """Return a table of whole numbers, `entries`, to be read as `table[index]` from 0 on."""
    if not entries or not all(isinstance(entry, int) for entry in entries):
        refuse("a table has whole numbers, at least one")
    return Symbol("table", numbers=tuple(entries), kind="table")


def _fold(op: str, numbers: tuple[Number, ...]) -> Symbol:
    if not numbers:
        refuse(f"{op} of nothing: give at least one number")
    result = symbol(numbers[0])
    for number in numbers[1:]:
        result = operate(op, result, number)
    return result


__all__ = ["Choice", "clip", "maximum", "minimum", "ratio", "table", "where"]
