"""Tables of one's own: the same people from CSV, Parquet and frames; and one line for whatever cannot be meant."""

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from client_sdk.private.contact_list import Channels
from lpm_secure.data.survey import SurveyQuestions, read_survey
from protocols.errors import DataError
from protocols.models.agent_model import UNKNOWN, ColumnSpec

PEOPLE = "person,ward,stage,since\n007,East 3,I,2026-03-01\n7,West,,\nZoë,East 3,R,\n"
CONTACTS = "date,a,b,weight\n2026-03-02,007,7,5\n2026-03-04,Zoë,7,2\n"
NEAR = Channels(("near",), (False,), (False,))


class Frame:
    """A frame as pandas and polars offer it to others, by Arrow's C interface alone."""

    def __init__(self, columns):
        self._table = pa.table(columns)

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.fixture
def asked(seir):
    def _asked(**changes):
        given = {"specs": seir().agents.columns, "channels": NEAR, "client": "ward"}
        return SurveyQuestions(**given | changes)

    return _asked


@pytest.fixture
def read(tmp_path, asked):
    def _read(people=PEOPLE, contacts=CONTACTS, **changes):
        for name, content in (("people.csv", people), ("contacts.csv", contacts)):
            (tmp_path / name).write_text(content)
        return read_survey(tmp_path / "people.csv", tmp_path / "contacts.csv", asked(**changes))

    return _read


def plain(survey):
    data = survey.data
    columns = {name: values.tolist() for name, values in data.columns.items()}
    table = [column.tolist() for column in (data.day, data.a, data.b, data.channel, data.weight)]
    return survey.ids, data.group, columns, table, data.days


def test_people_are_numbered_in_their_order_and_contacts_name_them(read):
    ids, clients, columns, table, days = plain(read())
    assert ids == ("007", "7", "Zoë")
    assert clients == ("East 3", "West", "East 3")
    assert columns == {"stage": [2, UNKNOWN, 3], "since": [1, UNKNOWN, UNKNOWN]}
    assert table == [[0, 2], [1, 2], [2, 3], [0, 0], [5, 2]]
    assert days == 3
    assert read().data.source == "people.csv: 3 people, 2 contacts"


def test_parquet_and_frames_say_what_csv_says(read, tmp_path, asked):
    day = datetime.date
    people = {
        "person": ["007", "7", "Zoë"],
        "ward": pa.array(["East 3", "West", "East 3"]).dictionary_encode(),
        "stage": pa.array(["I", None, "R"]),
        "since": pa.array([day(2026, 3, 1), None, None], pa.date32()),
    }
    contacts = {
        "date": pa.array([day(2026, 3, 2), day(2026, 3, 4)]).cast(pa.timestamp("ns")),  # as pandas keeps days
        "a": ["007", "Zoë"],
        "b": ["7", "7"],
        "weight": [5.0, 2.0],  # as pandas keeps whole numbers beside missing ones
    }
    expected = plain(read())
    for name, columns in (("people.parquet", people), ("contacts.pq", contacts)):
        parquet.write_table(pa.table(columns), tmp_path / name)
    assert plain(read_survey(tmp_path / "people.parquet", tmp_path / "contacts.pq", asked())) == expected
    assert plain(read_survey(Frame(people), Frame(contacts), asked())) == expected
    assert plain(read_survey(people, contacts, asked())) == expected


def test_a_time_at_midnight_is_a_day_only_where_all_are(read, asked):
    midnight, later = datetime.datetime(2026, 3, 3), datetime.datetime(2026, 3, 3, 0, 30)
    people, met = {"person": ["1", "2"], "ward": ["x", "y"]}, {"a": ["1"], "b": ["2"]}
    stay = {"start": pa.array([midnight], pa.timestamp("ns")), "end": pa.array([later], pa.timestamp("ns"))}
    start = datetime.date(2026, 3, 2)
    assert read_survey(people, met | stay, asked(per_day=24, start=start)).data.day.tolist() == [24]
    two = {"a": ["1", "1"], "b": ["2", "2"], "start": pa.array([datetime.datetime(2026, 3, 2, 23), midnight])}
    ends = {"end": pa.array([midnight, datetime.datetime(2026, 3, 3, 1)])}
    assert read_survey(people, two | ends, asked(per_day=24, start=start)).data.day.tolist() == [23, 24]


def test_spreadsheets_write_a_mark_semicolons_and_other_line_ends(read):
    expected = plain(read())
    people, contacts = ("\ufeff" + text.replace(",", ";").replace("\n", "\r\n") for text in (PEOPLE, CONTACTS))
    assert plain(read(people, contacts)) == expected


def test_days_may_be_counted_where_nothing_is_a_date(read):
    survey = read("person,ward\n1,x\n2,y\n", "day,a,b\n3,1,2\n", per_day=2)
    assert (survey.data.day.tolist(), survey.data.days) == ([6, 7], 8)


def test_without_contacts_there_is_a_day_without_any(tmp_path, asked):
    (tmp_path / "people.csv").write_text("person,ward\n1,x\n")
    survey = read_survey(tmp_path / "people.csv", None, asked())
    assert (survey.data.day.size, survey.data.days) == (0, 1)


def test_contacts_before_the_first_step_are_counted(read):
    survey = read(start=datetime.date(2026, 3, 3))
    assert (survey.outside, survey.data.day.tolist(), survey.data.days) == (1, [1], 2)


def test_a_needed_column_may_be_drawn(read):
    needs = (ColumnSpec("age", 0, 9),)
    with pytest.raises(DataError, match=r"people\.csv has no column age; it needs person, ward, age"):
        read("person,ward\n1,x\n", "day,a,b\n", specs=needs)
    assert read("person,ward\n1,x\n", "day,a,b\n", specs=needs, drawn=("age",)).data.columns == {}
    given = read("person,ward,age\n1,x,4\n", "day,a,b\n", specs=needs)
    np.testing.assert_array_equal(given.data.columns["age"], [4])


MISTAKES = {
    "a misspelt column": (("since\n", "sinse\n"), (), "has a column sinse, which nothing reads; did you mean since?"),
    "a column of nobody": (("since\n", "shoes\n"), (), "has a column shoes, which nothing reads; it may have person,"),
    "the clock": (("since\n", "step\n"), (), "has a column step, which nothing reads"),
    "a column twice": (("since\n", "stage\n"), (), "column stage is there twice; rename one"),
    "no persons": (("person,", "name,"), (), "has no column person; it needs person, ward"),
    "no client": (("person,ward", "person,room"), (), "has no column ward; it needs person, ward"),
    "an empty client": (("7,West", "7,"), (), "row 3: ward is empty; say it of each person"),
    "a person twice": (("\n7,", "\n007,"), (), "row 3: person '007' is listed in row 2 too"),
    "a person without a name": (("\n7,", "\n,"), (), "row 3: person '' has no name"),
    "a field too many": (("R,", "R,,,"), (), "row 4: got 6 fields; the header has 4"),
    "nobody": ((PEOPLE[24:], ""), (), "has no person; give a row to each"),
    "a stage that the model has not": ((",R,", ",X,"), (), "row 4: stage is 'X'; one of S, E, I, R is needed"),
    "contacts of nobody": ((), ("Zoë", "Zoe"), "row 3: names the unknown person Zoe; list who takes part"),
    "contacts without a time": ((), ("date", "when"), "has a column when, which nothing reads"),
    "contacts with a day and a date": ((), ("weight", "day"), "by date, or by start and end, or by day; it has"),
    "contacts with another weight": (
        (),
        ("Zoë,7,2", "Zoë,7,two"),
        "row 3, column weight: got 'two'; a whole number from 0",
    ),
    "a date in words": ((), ("2026-03-04", "4 March"), "row 3: date is '4 March'; a date such as 2026-03-02"),
}


@pytest.mark.parametrize(("people", "contacts", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_that_names_the_file(read, people, contacts, said):
    with pytest.raises(DataError) as caught:
        read(PEOPLE.replace(*people, 1) if people else PEOPLE, CONTACTS.replace(*contacts) if contacts else CONTACTS)
    message = str(caught.value)
    assert said in message
    assert ("contacts.csv" if contacts else "people.csv") in message
    assert "\n" not in message


def test_several_channels_have_to_be_named(read):
    both = Channels(("home", "work"), (False, False), (False, False))
    with pytest.raises(DataError, match=r"contacts\.csv has no column channel; it needs a, b, channel"):
        read(channels=both)
    named = CONTACTS.replace("weight", "channel").replace(",5", ",work").replace(",2\n", ",home\n")
    assert read(PEOPLE, named, channels=both).data.channel.tolist() == [1, 0]
    with pytest.raises(DataError, match="has contacts, and the model has no contact channel"):
        read(channels=Channels((), (), ()))


def test_dates_of_people_beside_counted_days_need_a_start(read):
    with pytest.raises(DataError, match=r"people\.csv has dates, and contacts have none; say start"):
        read(PEOPLE, "day,a,b\n0,007,7\n")
    assert read(PEOPLE, "day,a,b\n0,007,7\n", start=datetime.date(2026, 3, 2)).data.columns["since"][0] == 1


@pytest.mark.parametrize("content", [b"PAR1 and no more", b""])
def test_what_is_no_parquet_is_one_line(tmp_path, asked, content):
    (tmp_path / "people.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"^cannot read .*people\.parquet \(.*\); a Parquet file is needed$") as caught:
        read_survey(tmp_path / "people.parquet", None, asked())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ([1, 2], "cannot read a list"),
        ({"person": [["a"]], "ward": ["x"]}, "column person is of type list"),
        ({}, "the frame has no column"),
    ],
)
def test_what_is_no_frame_is_one_line(asked, frame, said):
    with pytest.raises(DataError, match=said):
        read_survey(frame, None, asked())


def test_the_rows_own_numbers_of_a_frame_are_no_column(asked):
    people = {
        "person": ["a", "b"],
        "ward": ["x", "y"],
        "__index_level_0__": [4, 7],
    }  # as pandas offers some of its rows
    assert read_survey(pa.table(people), None, asked()).ids == ("a", "b")


def test_a_survey_prints_nothing_of_its_people(read):
    assert "007" not in repr(read())
    assert Path("people.csv").name in repr(read().data.source)
