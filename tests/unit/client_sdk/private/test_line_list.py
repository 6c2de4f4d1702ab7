"""What a line list says of people becomes columns of a model; what it cannot mean is one line."""

import datetime
from pathlib import Path

import pytest

from client_sdk.private.calendar import Calendar
from client_sdk.private.line_list import moments_of, read_columns
from client_sdk.private.table import Table
from protocols.errors import DataError
from protocols.models.agent_model import UNKNOWN

START = datetime.date(2026, 3, 2)


@pytest.fixture
def read(seir):
    specs = seir().agents.columns

    def _read(per_day=1, start=START, **columns):
        table = Table(Path("people.csv"), {name: list(texts) for name, texts in columns.items()})
        calendar = None if start is None else Calendar.over(moments_of(table, specs), start=start, per_day=per_day)
        return {name: values.tolist() for name, values in read_columns(table, specs, calendar).items()}

    return _read


def test_stages_have_names_or_numbers_and_what_is_empty_is_not_known(read):
    assert read(stage=["I", "0", "", "R"]) == {"stage": [2, 0, UNKNOWN, 3]}
    assert read(susceptibility=["0.5", ""]) == {"susceptibility": [2**15, UNKNOWN]}  # 16 fraction bits
    assert read(ward=["North"]) == {}


def test_since_is_a_date_or_steps_before_the_run(read):
    assert read(since=["2026-03-02", "2026-02-27", "4", ""]) == {"since": [0, 3, 4, UNKNOWN]}
    assert read(since=["2026-02-28", "2026-03-01T18:00"], per_day=2) == {"since": [4, 0]}
    assert read(since=["4"], start=None) == {"since": [4]}


MISTAKES = {
    "an unknown stage": ({"stage": ["ill"]}, "row 2: stage is 'ill'; one of S, E, I, R is needed"),
    "a stage out of range": ({"stage": ["4"]}, r"row 2: stage is 4; it must lie in \[0, 3\]"),
    "a stage in small letters": ({"stage": ["i"]}, "row 2: stage is 'i'; one of S, E, I, R is needed"),
    "a time to come": ({"since": ["2026-03-03"]}, "row 2: since is after the run begins, on 2026-03-02; begin later"),
    "since yesterday": (
        {"since": ["yesterday"]},
        "row 2: since is 'yesterday'; a whole number of steps before the run, or",
    ),
    "a negative time": ({"since": ["-1"]}, r"row 2: since is -1; it must lie in \[0, 32767\]"),
    "centuries": ({"since": ["1900-03-02"]}, r"row 2: since is 1900-03-02; it must lie in \[0, 32767\]"),
    "a year before all": ({"since": ["0026-03-02"]}, "row 2: since is '0026-03-02'; .* or a date of the years 1900 to"),
    "a date without dashes": ({"since": ["20260302"]}, r"row 2: since is 20260302; it must lie in \[0, 32767\]"),
    "no susceptibility": ({"susceptibility": ["0"]}, "row 2: susceptibility is 0; it must lie in"),
    "a susceptibility in words": ({"susceptibility": ["low"]}, "row 2: susceptibility is 'low'; a number is needed"),
    "a decimal comma": ({"susceptibility": ["0,5"]}, "row 2: susceptibility is '0,5'; a number is needed"),
}


@pytest.mark.parametrize(("columns", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(read, columns, said):
    with pytest.raises(DataError, match=said) as caught:
        read(**columns)
    assert str(caught.value).startswith("people.csv, row 2: ")
    assert "\n" not in str(caught.value)


def test_a_date_needs_the_first_day(read):
    with pytest.raises(DataError, match="row 2: since is a date; say start, the day of the run's first step"):
        read(since=["2026-03-01"], start=None)
