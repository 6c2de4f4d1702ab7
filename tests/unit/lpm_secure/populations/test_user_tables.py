"""Populations from a user's own tables, and the mistakes in them."""

import numpy as np
import pytest

from lpm_secure.populations import Population
from lpm_secure.populations.settings import settings_of
from lpm_secure.populations.user_tables import from_csv
from protocols.errors import DataError, ParameterError

PEOPLE = "person,age,place,home,ward\nann,41,north,h1,w1\nbob,7,south,h2,\ncid,39,north,h1,w2\ndee,80,south,h2,w1\n"
VENUES = "venue,setting\nh1,home\nh2,home\nw1,ward\nw2,ward\n"


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a population from two texts."""

    def reader(people=PEOPLE, venues=VENUES):
        for name, text in (("people.csv", people), ("venues.csv", venues)):
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return from_csv(tmp_path / "people.csv", tmp_path / "venues.csv", out=tmp_path / "out.lpmpop")

    return reader


def test_people_and_venues_become_columns_in_order_of_place(read, tmp_path):
    read()
    found = Population.open(tmp_path / "out.lpmpop")
    assert found.card.settings == {"home": 2, "ward": 2}
    assert found.card.places == {"place": ["north", "south"]}
    assert np.array_equal(found.column("place"), [0, 0, 1, 1])
    assert np.array_equal(found.column("age"), [41, 39, 7, 80])
    assert np.array_equal(found.column("home"), [0, 0, 1, 1])
    assert np.array_equal(found.column("ward"), [0, 1, -1, 0])


def test_names_of_people_are_not_kept(read, tmp_path):
    read()
    assert not any(b"ann" in file.read_bytes() for file in (tmp_path / "out.lpmpop").glob("*.npy"))
    assert "ann" not in (tmp_path / "out.lpmpop" / "card.json").read_text()


def test_a_population_without_mixing_gives_the_engine_its_venues(read):
    settings = settings_of(read())
    assert [(each.name, each.size.tolist()) for each in settings] == [("home", [1, 1]), ("ward", [1, 1])]


def test_columns_may_come_in_any_order_with_spaces_and_a_byte_order_mark(read):
    people = "\ufeffage, home ,person,ward\n 5 ,h1,x, w2\n"
    assert np.array_equal(read(people).column("ward"), [1])


@pytest.mark.parametrize(
    ("people", "message", "row"),
    [
        (PEOPLE.replace("41", "4l"), r"people\.csv, row 2, column age: got '4l'; a whole number from 0 to 120", 2),
        (PEOPLE.replace("80", "-1"), r"people\.csv, row 5, column age: got '-1'", 5),
        (PEOPLE.replace("80", "121"), r"people\.csv, row 5, column age: got '121'", 5),
        (PEOPLE.replace("bob", "ann"), r"people\.csv, row 3, column person: got 'ann'; .* row 2 has it", 3),
        (PEOPLE.replace("bob", ""), r"people\.csv, row 3, column person: got ''; a name is needed", 3),
        (PEOPLE.replace("39,north,h1", "39,north,h9"), r"people\.csv, row 4, column home: got 'h9'; a venue of the", 4),
        (PEOPLE.replace("39,north,h1", "39,north,w1"), r"people\.csv, row 4, column home: got 'w1'; .*is a ward", 4),
        (PEOPLE.replace("7,south,h2,", "7,south,h2"), r"people\.csv, row 3: got 4 fields; the header has 5", 3),
        (PEOPLE.replace("age,", "years,", 1), r"people\.csv, row 1: column age is missing; there are person, years", 1),
        (PEOPLE.replace("ward", "home", 1), r"people\.csv, row 1: column home is there twice", 1),
        (PEOPLE.replace("ward", "club", 1), r"people\.csv, row 1, column club: unknown; allowed are person", 1),
        ("person,age,home\nann,4,h1\n", r"people\.csv, row 1: column ward is missing", 1),
        ("person,age,home,ward\n", r"people\.csv has 1 rows", None),
        (PEOPLE.encode("utf-16"), r"cannot read .*people\.csv", None),
    ],
)
def test_a_mistake_in_people_is_told_by_file_row_and_column(read, people, message, row, tmp_path):
    with pytest.raises(DataError, match=message) as error:
        read(people)
    assert error.value.row == row
    assert not (tmp_path / "out.lpmpop").exists()


@pytest.mark.parametrize(
    ("venues", "message", "row"),
    [
        (VENUES.replace("h2", "h1"), r"venues\.csv, row 3, column venue: got 'h1'", 3),
        (VENUES.replace("w2,ward", "w2,"), r"venues\.csv, row 5, column setting: got ''", 5),
        (VENUES.replace("w2,ward", "w2,age"), r"venues\.csv, row 5, column setting: got 'age'", 5),
        (VENUES.replace("w2,ward", "w2,../x"), r"venues\.csv, row 5, column setting: got '\.\./x'", 5),
        (VENUES.replace("setting", "kind"), r"venues\.csv, row 1: column setting is missing", 1),
    ],
)
def test_a_mistake_in_venues_is_told_by_file_row_and_column(read, venues, message, row):
    with pytest.raises(DataError, match=message) as error:
        read(PEOPLE, venues)
    assert error.value.row == row


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*venues\.csv \(No such file"):
        from_csv(tmp_path / "people.csv", tmp_path / "venues.csv", out=tmp_path / "out")


def test_a_path_where_something_is_stays_as_it_is(read, tmp_path):
    read()
    with pytest.raises(ParameterError, match="is there already"):
        read()
    assert Population.open(tmp_path / "out.lpmpop").n == 4
