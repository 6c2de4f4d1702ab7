"""Tables in an institution's own words say the same as those in the run's, to the bit."""

import datetime
from pathlib import Path

import numpy as np
import pytest

from client_sdk import read_private_state
from client_sdk.private.data_dictionary import NO_DICTIONARY, DataDictionary
from client_sdk.private.table import Table
from protocols.errors import ConfigError, DataError

START = datetime.date(2031, 11, 5)
PLAIN = (
    "agent,cell,stage,since\n10,0,I,2031-11-04\n20,1,,\n",
    "date,a,b,weight\n2031-11-05,10,20,3\n2031-11-06,20,30,2\n",
)
PEOPLE = "mrn;name;ward;test;onset\n007;Ada;W 1;pos;04.11.2031\n7;Bo;W 2;?;\n"
CONTACTS = "von;P1;P2;min\n05.11.2031;007;7;3\n06.11.2031;7;x-9;2\n"
OTHERS = "person,agent\nx-9,30\n"
WORDS = DataDictionary(
    columns={
        "person": "mrn",
        "cell": "ward",
        "stage": "test",
        "since": "onset",
        "date": "von",
        "a": "P1",
        "b": "P2",
        "weight": "min",
    },
    values={"stage": {"pos": "I", "?": ""}},
    dates=("%d.%m.%Y",),
    cells=("W 1", "W 2"),
    unread=("name",),
)


@pytest.fixture
def read(manifest_of, tmp_path):
    """Return a function that reads a client's two tables."""
    manifest = manifest_of([(10, 20), (30, 40)], period=2, cells=(5, 5), testbed_seed=3, start=START)

    def _read(people, contacts, *, others=None, dictionary=NO_DICTIONARY):
        for name, text in (("people.csv", people), ("contacts.csv", contacts), ("others.csv", others or "")):
            (tmp_path / name).write_text(text, encoding="utf-8")
        paths = {"people": tmp_path / "people.csv", "contacts": tmp_path / "contacts.csv"}
        known = tmp_path / "others.csv" if others else None
        return read_private_state(manifest, "client-0", **paths, others=known, start=START, dictionary=dictionary)

    return _read


def test_own_words_names_dates_and_cells_are_the_same_agents_bit_for_bit(read):
    plain, own = read(*PLAIN), read(PEOPLE, CONTACTS, others=OTHERS, dictionary=WORDS)
    assert own.names == ("007", "7")
    assert own.cell.tolist() == plain.cell.tolist()
    for name, values in plain.state.items():
        np.testing.assert_array_equal(own.state[name], values)
    everybody = np.ones((2, 2), dtype=np.int64)
    for step in (0, 1):
        np.testing.assert_array_equal(
            own.contacts.add_up(everybody, step=step), plain.contacts.add_up(everybody, step=step)
        )


def test_iso_dates_with_times_and_zones_need_no_entry(read):
    dated = (
        PLAIN[1].replace("date,", "start,end,").replace("2031-11-05,", "2031-11-05T23:10+09:00,2031-11-05T23:40+09:00,")
    )
    both = dated.replace("2031-11-06,", "2031-11-06T01:00+09:00,2031-11-06T02:00+09:00,")
    assert read(PLAIN[0], both, dictionary=DataDictionary(dates=("%d.%m.%Y",))).contacts.largest_message((1,)) == 3


@pytest.mark.parametrize(
    ("form", "text", "said"),
    [
        ("%d.%m.%Y %H:%M", "05.11.2031 21:40", "2031-11-05T21:40:00"),
        ("%d.%m.%Y %I:%M %p", "05.11.2031 09:40 PM", "2031-11-05T21:40:00"),
        ("%Y%m%d %X", "20311105 21:40:00", "2031-11-05T21:40:00"),
        ("%d.%m.%Y", "05.11.2031", "2031-11-05"),
    ],
)
def test_a_form_with_a_time_of_day_keeps_it(form, text, said):
    table = Table(Path("contacts.csv"), {"start": [text]})
    assert DataDictionary(dates=(form,)).translate(table).columns["start"] == [said]


MISTAKES = {
    "an unknown word": ({"columns": {"persn": "mrn"}}, ConfigError, "; did you mean person?"),
    "an unknown column of values": ({"values": {"sage": {}}}, ConfigError, "did you mean stage?"),
    "another form of dates": (
        {"dates": ("%Y/%m/%d",)},
        DataError,
        "row 2: since is '04.11.2031'; dates are of the form",
    ),
    "a value with no meaning": ({"values": {}}, DataError, "row 2: stage is 'pos'; one of S, E, I, R is needed"),
    "a cell without a name": ({"cells": ("W 1", "W 3")}, DataError, "got 'W 2'; one of W 1, W 3 is needed"),
    "a cell too few": ({"cells": ("W 1",)}, ConfigError, "dictionary.cells names 1 cells, and the run has 2"),
    "a column that nothing reads": ({"unread": ()}, DataError, "has a column name, which nothing reads"),
    "two words for a column": (
        {"columns": {**WORDS.columns, "cell": "mrn"}},
        ConfigError,
        "dictionary.columns gives the column mrn two words",
    ),
    "two columns of one word": (
        {"columns": {**WORDS.columns, "cell": "name"}, "unread": ()},
        DataError,
        "which nothing reads",
    ),
}


@pytest.mark.parametrize(("change", "kind", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_dictionary_is_one_line(read, change, kind, said):
    fields = {name: getattr(WORDS, name) for name in WORDS.__struct_fields__} | change
    with pytest.raises(kind) as caught:
        read(PEOPLE, CONTACTS, others=OTHERS, dictionary=DataDictionary(**fields))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("people", "others", "said"),
    [
        ("person,cell\n10,0\n10,1\n", OTHERS, "row 3: person '10' is listed in row 2 too"),
        ("person,cell\n,0\n10,1\n", OTHERS, "row 2: person '' has no name"),
        ("person,cell\na,0\n", OTHERS, "has 1 people, and the manifest 2 of this client"),
        ("person,cell\n20,0\n10,1\n", OTHERS, "has the manifest's numbers in another order"),
        ("person,cell\na,0\nb,1\n", "person,agent\na,30\n", "row 2: 'a' is agent 10 too"),
        ("person,cell\na,0\nb,1\n", "person,agent\nc,31\n", "row 2: the run has no agent 31"),
        (
            "person,cell\na,0\nb,1\n",
            OTHERS,
            "names the unknown person 10; list who takes part; where own people have names, others' are",
        ),
        ("mrn,cell\na,0\nb,1\n", OTHERS, "has no column person"),
    ],
)
def test_a_mistake_in_names_is_one_line_with_its_row(read, people, others, said):
    with pytest.raises(DataError) as caught:
        read(people, PLAIN[1], others=others)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
