"""An institution's own files: every mistake is one line that names file and row."""

import datetime

import msgspec
import numpy as np
import pytest

from client_sdk import read_private_state
from lpm_secure.models.tracer import trace
from protocols.errors import DataError, ParameterError
from protocols.models.graph.agents import GraphModel
from protocols.task import manifest as manifests
from tests.user_models import MODELS

PEOPLE = "agent,cell,susceptibility\n20,1,2.0\n10,0,\n"
CONTACTS = "day,a,b,channel,weight\n0,10,20,near,5\n1,10,30,far,7\n1,20,40,far,8\n"


@pytest.fixture
def manifest(manifest_of, seir):
    model = seir(beta=(1, 2))
    return manifest_of([(10, 20), (30, 40)], model=model, channels=("near", "far"), period=2, cells=(5, 5))


@pytest.fixture
def read(manifest, tmp_path):
    """Return a function that reads the client's files, with their content or parts of it replaced."""

    def _read(*, people=PEOPLE, contacts=CONTACTS, name="client-0", of=manifest, start=None):
        for file, content in (("people.csv", people), ("contacts.csv", contacts)):
            if content is not None:
                (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        people, contacts = tmp_path / "people.csv", tmp_path / "contacts.csv"
        return read_private_state(of, name, people=people, contacts=contacts, start=start)

    return _read


def test_files_become_a_private_state_in_the_manifests_order(read):
    state = read()
    assert state.cell.tolist() == [0, 1]
    plain = read(people=PEOPLE.replace("2.0", ""))
    assert abs(2 * int(state.state["tau"][1]) - int(plain.state["tau"][1])) <= 2
    assert state.state["tau"][0] == plain.state["tau"][0]


@pytest.mark.parametrize(
    "write", [lambda text: "\ufeff" + text, lambda text: text.replace(",", ";")], ids=["mark", ";"]
)
def test_files_as_spreadsheets_write_them_are_the_same(read, write):
    plain, other = read(), read(people=write(PEOPLE), contacts=write(CONTACTS).replace("\n", "\r\n"))
    assert other.cell.tolist() == plain.cell.tolist()
    assert {name: field.tolist() for name, field in other.state.items()} == {
        name: field.tolist() for name, field in plain.state.items()
    }
    everybody = np.ones((2, 3), dtype=np.int64)
    assert other.contacts.add_up(everybody, step=1).tolist() == plain.contacts.add_up(everybody, step=1).tolist()


DATED = CONTACTS.replace("day,", "date,").replace("\n0,", "\n2026-03-02,").replace("\n1,", "\n2026-03-03,")


def test_dates_are_counted_from_the_manifests_start_whatever_a_client_was_told(read, manifest):
    dated = msgspec.structs.replace(manifest, start=datetime.date(2026, 3, 2))
    everybody = np.ones((2, 3), dtype=np.int64)
    for start in (None, datetime.date(2026, 3, 2)):
        contacts = read(contacts=DATED, of=dated, start=start).contacts
        assert contacts.add_up(everybody, step=1).tolist() == read().contacts.add_up(everybody, step=1).tolist()
    with pytest.raises(ParameterError, match="start is 2026-03-03 here, and 2026-03-02 in the manifest"):
        read(contacts=DATED, of=dated, start=datetime.date(2026, 3, 3))
    with pytest.raises(ParameterError, match="start is 2026-03-02 here, and none in the manifest"):
        read(contacts=DATED, start=datetime.date(2026, 3, 2))
    assert manifests.run_id(dated) != manifests.run_id(manifest)
    assert manifests.decode(manifests.encode(dated)) == dated


def test_contacts_stand_on_their_day_channel_and_slots(read):
    contacts = read().contacts
    everybody = np.ones((2, 3), dtype=np.int64)
    assert contacts.add_up(everybody, step=0).tolist() == [[5, 0], [5, 0], [0, 0], [0, 0]]
    assert contacts.add_up(everybody, step=1).tolist() == [[0, 0], [0, 0], [0, 7], [0, 8]]
    np.testing.assert_array_equal(contacts.add_up(everybody, step=3), contacts.add_up(everybody, step=1))


def test_a_contact_that_is_listed_twice_or_by_both_sides_counts_once(read):
    once, everybody = read().contacts, np.ones((2, 3), dtype=np.int64)
    again = read(contacts=CONTACTS + "1,30,10,far,7\n1,10,30,far,7\n").contacts
    assert again.add_up(everybody, step=1).tolist() == once.add_up(everybody, step=1).tolist()


def test_files_with_headers_alone_are_a_client_without_contacts(read):
    assert read(contacts="day,a,b,channel,weight\n").contacts.largest_message((1, 1)) == 0


def test_without_cells_no_cell_is_needed(read, manifest_of):
    plain = manifest_of([(10, 20)])
    assert read(of=plain, people="agent\n10\n20\n", contacts="day,a,b,channel,weight\n").cell.size == 0


def test_where_agents_that_move_begin_is_a_column_as_any_that_a_holder_may_know(read, manifest_of):
    model = GraphModel(trace(MODELS["places"]).graph, trace(MODELS["places"]).parameters)
    own = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "cells": (9,) * 3}
    moving = manifest_of([(10, 20)], **own)
    people, contacts = "agent,habit,place\n10,0,PARK\n20,1,\n", "day,a,b\n"
    begun = read(of=moving, people=people, contacts=contacts)
    assert begun.cell[0] == begun.state["place"][0] == 2
    assert begun.cell[1] == read(of=moving, people=people.replace("PARK", "2"), contacts=contacts).cell[1]
    with pytest.raises(DataError, match=r"place.*'PUB'"):
        read(of=moving, people=people.replace("PARK", "PUB"), contacts=contacts)
    with pytest.raises(DataError, match="cell"):
        read(of=moving, people="agent,habit,cell\n10,0,1\n20,1,1\n", contacts=contacts)


CONTACT_MISTAKES = {
    "a weight that is not a number": ("1,10,30,far,7", "1,10,30,far,nan", 3, "got 'nan'; a whole number"),
    "an infinite weight": ("1,10,30,far,7", "1,10,30,far,inf", 3, "got 'inf'; a whole number"),
    "a broken weight": ("1,10,30,far,7", "1,10,30,far,7.5", 3, "got '7.5'; a whole number"),
    "no weight": ("1,10,30,far,7", "1,10,30,far,", 3, "got ''; a whole number"),
    "a negative weight": ("1,10,30,far,7", "1,10,30,far,-7", 3, "got '-7'; a whole number"),
    "a huge weight": ("1,10,30,far,7", f"1,10,30,far,{2**62}", 3, "a whole number from 0 to 2147483648"),
    "a weight above the bound": ("1,10,30,far,7", "1,10,30,far,107", 3, "the manifest allows 100"),
    "an unknown person": ("1,10,30,far,7", "1,10,31,far,7", 3, "unknown person 31"),
    "a name for a person": ("1,10,30,far,7", "1,Eve,30,far,7", 3, "unknown person Eve"),
    "a pair of others": ("1,10,30,far,7", "1,30,40,far,7", 3, "other clients"),
    "a contact with oneself": ("1,10,30,far,7", "1,10,10,far,7", 3, "with itself"),
    "an unknown channel": ("1,10,30,far,7", "1,10,30,fra,7", 3, "channel 'fra'; the run has near, far"),
    "a day too late": ("1,10,30,far,7", "2,10,30,far,7", 3, "days 0 to 1"),
    "a negative day": ("1,10,30,far,7", "-1,10,30,far,7", 3, "got '-1'; a whole number"),
    "another weight for a contact": (
        "1,20,40,far",
        "1,30,10,far",
        4,
        "the contact of row 3 again, with weight 8",
    ),
    "a date, and no day of the first step": ("day,a,b", "date,a,b", 2, "date is a date; say start"),
}


@pytest.mark.parametrize(("old", "new", "row", "said"), CONTACT_MISTAKES.values(), ids=CONTACT_MISTAKES)
def test_a_mistake_in_the_contacts_names_file_and_row(read, tmp_path, old, new, row, said):
    with pytest.raises(DataError) as caught:
        read(contacts=CONTACTS.replace(old, new, 1))
    message = str(caught.value)
    assert said in message
    assert message.startswith(tuple(f"{tmp_path / 'contacts.csv'}, row {row}{mark} " for mark in ":,"))
    assert "\n" not in message


PEOPLE_MISTAKES = {
    "an agent twice": ("10,0,\n", "20,0,\n", 3, "agent 20 is listed twice"),
    "an agent that is no number": ("10,0,\n", "x,0,\n", 3, "got 'x'; a whole number"),
    "a negative agent": ("10,0,\n", "-10,0,\n", 3, "got '-10'; a whole number"),
    "a cell that is no number": ("10,0,\n", "10,b,\n", 3, "got 'b'; a whole number"),
    "a cell that the run does not have": ("10,0,\n", "10,2,\n", 3, "0 to 1"),
    "a susceptibility that is not a number": ("10,0,\n", "10,0,nan\n", 3, "; it must lie in ["),
    "an infinite susceptibility": ("10,0,\n", "10,0,inf\n", 3, "; it must lie in ["),
    "a negative susceptibility": ("10,0,\n", "10,0,-1\n", 3, "; it must lie in ["),
    "a susceptibility of zero": ("10,0,\n", "10,0,0\n", 3, "; it must lie in ["),
    "a susceptibility in words": ("10,0,\n", "10,0,low\n", 3, "susceptibility is 'low'; a number"),
    "a susceptibility whose threshold could wrap": ("10,0,\n", "10,0,1e-30\n", 3, "susceptibility"),
    "a field too few": ("10,0,\n", "10,0\n", 3, "got 2 fields; the header has 3"),
    "a field too many": ("10,0,\n", "10,0,,\n", 3, "got 4 fields; the header has 3"),
}


@pytest.mark.parametrize(("old", "new", "row", "said"), PEOPLE_MISTAKES.values(), ids=PEOPLE_MISTAKES)
def test_a_mistake_in_the_people_names_file_and_row(read, tmp_path, old, new, row, said):
    with pytest.raises(DataError) as caught:
        read(people=PEOPLE.replace(old, new))
    message = str(caught.value)
    assert said in message
    assert message.startswith(tuple(f"{tmp_path / 'people.csv'}, row {row}{mark} " for mark in ":,"))
    assert "\n" not in message


@pytest.mark.parametrize(("old", "new", "odd"), [("10,0,\n", "", 10), ("10,0,\n", "10,0,\n30,0,\n", 30)])
def test_people_that_are_not_those_of_the_manifest_are_refused(read, old, new, odd):
    with pytest.raises(DataError, match=rf"people\.csv: agent {odd} is in only one of this file and the manifest"):
        read(people=PEOPLE.replace(old, new))


@pytest.mark.parametrize("column", ["a", "b", "channel"])
def test_a_missing_column_is_named(read, column):
    with pytest.raises(DataError, match=rf"contacts\.csv has no column {column}; it needs a, b, channel$"):
        read(contacts=",".join(name for name in ("day", "a", "b", "channel", "weight") if name != column) + "\n")


@pytest.mark.parametrize("columns", ["a,b,channel", "day,date,a,b,channel", "start,a,b,channel"])
def test_one_kind_of_time_is_needed(read, columns):
    with pytest.raises(DataError, match=r"says when contacts were by date, or by start and end, or by day; it has"):
        read(contacts=columns + "\n")


def test_an_empty_file_has_no_columns(read):
    with pytest.raises(DataError, match=r"people\.csv has 0 rows; a header is needed"):
        read(people="")


@pytest.mark.parametrize("content", [b"agent,cell\n\xff,0\n", b'agent,cell\n"10,0\n', b'agent,cell\n"1"0,0\n'])
def test_what_is_no_csv_in_utf8_is_refused(read, content):
    with pytest.raises(DataError, match=r"^cannot read .*people\.csv .*; a CSV file in UTF-8 is needed$"):
        read(people=content)


def test_a_missing_file_is_named(read):
    with pytest.raises(DataError, match=r"^cannot read .*people\.csv \(No such file or directory\); a CSV file"):
        read(people=None)


def test_a_name_that_the_manifest_does_not_list_is_refused(read):
    with pytest.raises(ParameterError, match="the manifest lists no client client-7"):
        read(name="client-7")


def test_a_column_that_nothing_reads_is_a_mistake_and_not_ignored(read):
    with pytest.raises(DataError, match=r"column suceptibility, which nothing reads; did you mean susceptibility\?$"):
        read(people=PEOPLE.replace("susceptibility", "suceptibility"))
    with pytest.raises(DataError, match="has a column note, which nothing reads"):
        read(contacts="day,a,b,channel,weight,note\n")


@pytest.fixture
def opinions(manifest_of):
    """Return the manifest of a run in which people hold opinions."""
    traced = trace(MODELS["opinion"])
    model = GraphModel(traced.graph, dict(traced.parameters))
    return manifest_of([(10, 20), (30, 40)], model=model, model_hash=model.digest, channels=("talk",))


def test_what_a_holder_knows_is_given_and_only_the_rest_is_drawn(read, opinions):
    contacts = "day,a,b,channel,weight\n"
    drawn = read(of=opinions, people="agent,trust\n10,3\n20,4\n", contacts=contacts).state
    people = "agent,trust,opinion,doubt\n10,3,YES,\n20,4,,0\n"
    state = read(of=opinions, people=people, contacts=contacts).state
    assert state["trust"].tolist() == [3, 4]
    assert state["opinion"].tolist() == [1, drawn["opinion"][1]]
    assert state["doubt"].tolist() == [drawn["doubt"][0], 0]


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("agent\n10\n20\n", "has no column trust; it needs agent, trust"),
        ("agent,trust\n10,3\n20,\n", "row 3: trust is ''; a whole number is needed"),
        ("agent,trust\n10,3\n20,11\n", r"row 3: trust is 11; it must lie in \[0, 9\]"),
        ("agent,trust,opinion\n10,3,MAYBE\n20,4,NO\n", "row 2: opinion is 'MAYBE'; one of NO, YES is needed"),
        ("agent,trust,opinion\n10,3,2\n20,4,NO\n", r"row 2: opinion is 2; it must lie in \[0, 1\]"),
        ("agent,trust,doubt\n10,3,-1\n20,4,\n", r"row 2: doubt is -1; it must lie in \[0, 60\]"),
    ],
)
def test_a_mistake_in_what_is_known_is_one_line(read, opinions, people, said):
    with pytest.raises(DataError, match=said):
        read(of=opinions, people=people, contacts="day,a,b,channel,weight\n")


@pytest.mark.parametrize("header", ["agent,stage,since,susceptibility", "agent,stage"])
def test_a_client_without_agents_may_have_every_column(read, manifest_of, header):
    state = read(of=manifest_of([(), (10, 20)]), people=f"{header}\n", contacts="day,a,b\n")
    assert state.state["stage"].size == 0


def test_rows_have_the_numbers_that_they_have_in_the_file(read):
    with pytest.raises(DataError, match=r"contacts\.csv, row 5: names the unknown person 31"):
        read(contacts=CONTACTS.replace("\n1,10,30", "\n\n\n1,10,31"))
