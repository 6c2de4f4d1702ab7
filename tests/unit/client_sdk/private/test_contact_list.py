"""Contacts of files, cut into steps: nothing before people meet, and a day's weight whatever dt is."""

import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.private.calendar import DAY_S, Calendar, Instant
from client_sdk.private.contact_list import Channels, ContactList, moments_of
from client_sdk.private.table import Table
from protocols.errors import DataError

START = datetime.date(2026, 3, 2)
NEAR = Channels(("near",), (False,), (False,))
PATH = Path("contacts.csv")
PEOPLE = {"Ann": 1, "007": 2, "7": 3, "Zoë": 4}
DATED = {"date": ["2026-03-02"], "a": ["Ann"], "b": ["007"]}


def listed(columns, *, per_day=1, channels=NEAR, start=START):
    table = Table(PATH, columns)
    calendar = Calendar.over(moments_of(table), start=start, per_day=per_day)
    return ContactList.read(table, channels, number_of=PEOPLE.get, calendar=calendar)


def rows_of(columns, **more):
    table, _, _ = listed(columns, **more).by_step()
    return [tuple(map(int, row)) for row in zip(table.day, table.a, table.b, table.weight, strict=True)]


def test_names_are_text_and_a_weight_is_one_unless_given():
    assert rows_of(DATED) == [(0, 1, 2, 1)]
    assert rows_of(DATED | {"b": ["7"], "weight": ["5"]}) == [(0, 1, 3, 5)]


def test_a_contact_of_a_day_is_in_each_of_its_steps_with_the_days_weight():
    assert rows_of(DATED | {"date": ["2026-03-03"], "weight": ["5"]}, per_day=4) == [(t, 1, 2, 5) for t in (4, 5, 6, 7)]


def test_at_half_days_nobody_is_told_before_they_meet():
    afternoon = {"start": ["2026-03-03T14:00"], "end": ["2026-03-03T14:20"], "a": ["Ann"], "b": ["7"], "weight": ["3"]}
    assert rows_of(afternoon, per_day=1) == [(1, 1, 3, 3)]
    assert rows_of(afternoon, per_day=2) == [(3, 1, 3, 6)]  # for half as long, twice as much: the day's hazard stays


@given(
    begin=st.integers(0, 5 * DAY_S),
    length=st.integers(0, 3 * DAY_S),
    weight=st.integers(1, 10**6),
    per_day=st.sampled_from([1, 2, 3, 4, 24]),
)
def test_a_days_weight_is_the_same_for_every_dt_and_only_in_steps_that_the_contact_touches(
    begin, length, weight, per_day
):
    times = [
        datetime.datetime.combine(START, datetime.time()) + datetime.timedelta(seconds=s)
        for s in (begin, begin + length)
    ]
    columns = {
        "start": [times[0].isoformat()],
        "end": [times[1].isoformat()],
        "a": ["Ann"],
        "b": ["7"],
        "weight": [str(weight)],
    }
    rows = rows_of(columns, per_day=per_day)
    by_day = {}
    for step, _, _, share in rows:
        by_day[step // per_day] = by_day.get(step // per_day, 0) + share
        assert Fraction(step, per_day) * DAY_S < max(begin + length, begin + 1)
        assert Fraction(step + 1, per_day) * DAY_S > begin
    last = max(-(-(begin + length) // DAY_S), begin // DAY_S + 1)
    assert by_day == dict.fromkeys(range(begin // DAY_S, last), weight * per_day)


def test_days_of_an_interval_are_both_included():
    stay = {"start": ["2026-03-02"], "end": ["2026-03-04"], "a": ["Ann"], "b": ["7"]}
    assert [row[0] for row in rows_of(stay)] == [0, 1, 2]


def test_two_meetings_of_a_pair_in_one_step_add_up_and_the_same_one_twice_does_not():
    twice = {
        "start": ["2026-03-02T09:00", "2026-03-02T15:00", "2026-03-02T09:00"],
        "end": ["2026-03-02T09:10", "2026-03-02T15:10", "2026-03-02T09:10"],
        "a": ["Ann", "7", "7"],
        "b": ["7", "Ann", "Ann"],
        "weight": ["2", "3", "2"],
    }
    assert rows_of(twice) == [(0, 1, 3, 5)]


def test_what_one_side_alone_lists_is_seen_where_others_are_mutual():
    both = {"date": ["2026-03-02"] * 3, "a": ["Ann", "7", "Ann"], "b": ["7", "Ann", "007"]}
    assert listed(both).one_sided.tolist() == [0, 1]
    once = {"date": ["2026-03-02"] * 2, "a": ["Ann", "Ann"], "b": ["7", "007"]}
    assert listed(once).one_sided.tolist() == [0, 0]
    assert listed(once | {"b": ["7", "7"]}).twice == 1


def test_a_directed_contact_has_two_ways():
    directed = Channels(("tells",), (True,), (False,))
    both = {"date": ["2026-03-02"] * 2, "a": ["Ann", "7"], "b": ["7", "Ann"], "weight": ["2", "3"]}
    assert rows_of(both, channels=directed) == [(0, 1, 3, 2), (0, 3, 1, 3)]


def test_contacts_with_numbers_of_their_own_stand_for_themselves():
    loans = Channels(("owes",), (True,), (True,))
    two = {"date": ["2026-03-02"] * 2, "a": ["Ann", "Ann"], "b": ["7", "7"], "weight": ["9", "4"]}
    assert sorted(rows_of(two, channels=loans, per_day=2)) == [(0, 1, 3, 4), (0, 1, 3, 9), (1, 1, 3, 4), (1, 1, 3, 9)]


def test_a_contact_with_a_number_that_both_sides_list_counts_once_and_as_often_as_one_side_does():
    talks = Channels(("talks",), (False,), (True,))
    both = {"date": ["2026-03-02"] * 5, "a": ["Ann", "7", "Ann", "Ann", "7"], "b": ["7", "Ann", "7", "7", "Ann"]}
    listed_once = both | {"weight": ["9", "9", "9", "4", "5"]}
    assert sorted(rows_of(listed_once, channels=talks)) == [(0, 1, 3, 4), (0, 1, 3, 5), (0, 1, 3, 9), (0, 1, 3, 9)]
    assert listed(listed_once, channels=talks).one_sided.tolist() == [0, 0, 1, 1]


def test_what_is_outside_of_the_run_is_left_out_and_counted():
    early = {"date": ["2026-03-01", "2026-03-02", "2026-03-09"], "a": ["Ann"] * 3, "b": ["7"] * 3}
    table, rows, outside = listed(early).by_step(steps=3)
    assert (table.day.tolist(), rows.tolist(), outside) == ([0], [1], 2)


def test_times_with_zones_are_moved_to_the_first_ones():
    zoned = {
        "start": ["2026-03-02T23:30+01:00", "2026-03-02T22:45Z"],
        "end": ["2026-03-02T23:50+01:00", "2026-03-02T22:50Z"],
        "a": ["Ann", "Ann"],
        "b": ["7", "007"],
    }
    assert [row[0] for row in rows_of(zoned, per_day=24)] == [23, 23]


def test_without_a_start_the_first_day_is_that_of_the_first_moment():
    assert [
        row[0] for row in rows_of({"date": ["2026-03-09", "2026-03-07"], "a": ["Ann"] * 2, "b": ["7"] * 2}, start=None)
    ] == [0, 2]


MISTAKES = {
    "a person that is not there": ({"b": ["8"]}, "row 2: names the unknown person 8; list who takes part"),
    "a number that another name has": ({"b": ["07"]}, "row 2: names the unknown person 07"),
    "a person with itself": ({"b": ["Ann"]}, "row 2: a contact of a person with itself"),
    "a date in words": ({"date": ["Monday"]}, "row 2: date is 'Monday'; a date such as 2026-03-02, or a time"),
    "a date as in Germany": ({"date": ["02.03.2026"]}, "row 2: date is '02.03.2026'; a date such as"),
    "a day that there is not": ({"date": ["2026-02-30"]}, "row 2: date is '2026-02-30'; a date such as"),
    "no date": ({"date": [""]}, "row 2: date is ''; a date such as"),
    "a weight in words": ({"weight": ["much"]}, "row 2, column weight: got 'much'; a whole number from 0 to"),
    "a negative weight": ({"weight": ["-1"]}, "row 2, column weight: got '-1'; a whole number from 0 to"),
    "a weight that would wrap": ({"weight": [str(2**31 + 1)]}, f"row 2, column weight: got '{2**31 + 1}'; a whole"),
    "a weight with digits of another script": ({"weight": ["٣"]}, "row 2, column weight: got '٣'; a whole number"),
    "a date without dashes": (
        {"date": ["20260302"]},
        "row 2: date is '20260302'; a date such as 2026-03-02, or a time",
    ),
    "a date by weeks": ({"date": ["2026-W10-1"]}, "row 2: date is '2026-W10-1'; a date such as 2026-03-02, or a time"),
    "a year before all": ({"date": ["0001-01-01"]}, "row 2: date is '0001-01-01'; .* of the years 1900 to 9000, is"),
    "a year after all": ({"date": ["9999-12-31"]}, "row 2: date is '9999-12-31'; .* of the years 1900 to 9000, is"),
    "an unknown channel": ({"channel": ["nera"]}, "row 2: channel 'nera'; the run has near; did you mean near"),
}


@pytest.mark.parametrize(("change", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(change, said):
    with pytest.raises(DataError, match=said) as caught:
        listed(DATED | change)
    assert str(caught.value).startswith("contacts.csv, row ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (("2026-03-02T10:00", "2026-03-02T09:00"), "row 2: the contact ends before it begins"),
        (("2026-03-02", "2062-03-02"), "row 2: the contact ends before it begins, or after years"),
        (("2026-03-02T10:00Z", "2026-03-02T11:00"), "some times have a time zone and others have none"),
    ],
)
def test_times_that_cannot_be_are_refused(times, said):
    with pytest.raises(DataError, match=said):
        listed({"start": [times[0]], "end": [times[1]], "a": ["Ann"], "b": ["7"]})


def test_another_weight_for_the_same_contact_is_refused():
    with pytest.raises(DataError, match="row 3: the contact of row 2 again, with weight 2 in place of 1; list it once"):
        listed({"date": ["2026-03-02"] * 2, "a": ["Ann", "7"], "b": ["7", "Ann"], "weight": ["1", "2"]})


@pytest.mark.parametrize("day", [10**6 + 1, 10**11, 10**15])
def test_a_day_that_no_run_reaches_is_refused_before_numbers_or_memory_end(day):
    with pytest.raises(DataError, match=f"row 2, column day: got '{day}'; a whole number from 0 to 1000000 is needed"):
        listed({"day": [str(day)], "a": ["Ann"], "b": ["7"]})


def test_a_list_prints_nothing_of_its_contacts():
    assert "Ann" not in repr(listed(DATED))
    assert Instant.of("2026-03-02").whole
    assert np.array_equal(listed(DATED).weight, [1])
