"""People as epidemiologists list them: one row each, with what is known of them."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from client_sdk.private.calendar import DAY_S, YEARS, Calendar, Instant
from client_sdk.private.table import Table
from protocols.errors import DataError
from protocols.models.agent_model import Columns, ColumnSpec

SHOWN: Final = 12  # names of values in a message


def read_columns(table: Table, specs: Sequence[ColumnSpec], calendar: Calendar | None = None) -> Columns:
    """Return what a line list gives of a model's columns, array[rows] of each that it has.

    Args:
        table: of people.
        specs: of the model.
        calendar: of the run, for dates; without it there are none.

    Raises:
        DataError: a text that is no such number, name or date, or is out of its range; with file and row.
    """
    return {
        spec.name: np.array([_word(table, row, spec, calendar) for row in range(len(table))], dtype=np.int64)
        for spec in specs
        if spec.name in table.columns
    }


def moments_of(table: Table, specs: Sequence[ColumnSpec]) -> list[Instant]:
    """Return the moments that a line list names."""
    names = [spec.name for spec in specs if spec.elapsed and spec.name in table.columns]
    found = (_moment(text) for name in names for text in table.columns[name])
    return [each for each in found if each is not None]


def _word(table: Table, row: int, spec: ColumnSpec, calendar: Calendar | None) -> int:
    """Read a number of a private column, in its fixed point; never said in a message of this process to others."""
    if table.columns[spec.name][row] == "" and spec.default is not None:
        return int(spec.default)
    word: int = round(_value(table, row, spec, calendar) * (1 << spec.bits))
    return word


def _value(table: Table, row: int, spec: ColumnSpec, calendar: Calendar | None) -> float:
    text = table.columns[spec.name][row]
    if text in spec.names:
        return spec.names.index(text)
    if spec.elapsed and (moment := _moment(text)) is not None:
        value: float = _elapsed(table, row, spec, moment, calendar)
    else:
        value = _number(table, row, spec, text)
    if not spec.low <= value <= spec.high:
        raise DataError(
            f"{table.place(row)}: {spec.name} is {text}; it must lie in [{spec.low:.10g}, {spec.high:.10g}]"
        )
    return value


def _number(table: Table, row: int, spec: ColumnSpec, text: str) -> float:
    names = ", ".join(spec.names[:SHOWN])
    kind = f"one of {names}" if names else "a number" if spec.bits else "a whole number"
    kind += f" of steps before the run, or a date {YEARS}" if spec.elapsed else ""
    try:
        return float(text) if spec.bits else int(text)
    except ValueError:
        raise DataError(f"{table.place(row)}: {spec.name} is {text!r}; {kind} is needed") from None


def _moment(text: str) -> Instant | None:
    try:
        return None if text.isdecimal() else Instant.of(text)
    except ValueError:
        return None


def _elapsed(table: Table, row: int, spec: ColumnSpec, moment: Instant, calendar: Calendar | None) -> int:
    """Return for how many whole steps something has been so when the run begins."""
    if calendar is None:
        raise DataError(f"{table.place(row)}: {spec.name} is a date; say start, the day of the run's first step")
    passed = -calendar.seconds(moment)
    if passed < 0:
        begins = f"the run begins, on {calendar.start}"
        raise DataError(f"{table.place(row)}: {spec.name} is after {begins}; begin later, or leave it out")
    return passed * calendar.per_day // DAY_S
