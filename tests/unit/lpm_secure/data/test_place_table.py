"""Tables of places are read whole, and whatever is in them twice is refused."""

import numpy as np
import pytest

from lpm_secure.data.place_table import PlaceTable
from protocols.errors import DataError

PLACES = "place,population,group\nEast,10,young\nEast,20,old\nWest,30,young\nWest,40,old\n"
CONTACTS = "group,other,contacts\nyoung,young,8\nyoung,old,4\nold,young,6\nold,old,5\n"
MOVEMENT = "from,to,share\nEast,West,0.1\nWest,East,0.2\n"


def read(folder, *, contacts=CONTACTS, movement=MOVEMENT):
    for name, text in (("places", PLACES), ("contacts", contacts), ("movement", movement)):
        (folder / f"{name}.csv").write_text(text)
    more = {name: folder / f"{name}.csv" for name in ("contacts", "movement")}
    return PlaceTable.read(folder / "places.csv", **more)


def test_tables_are_read_by_their_names(tmp_path):
    found = read(tmp_path)
    assert found.people.tolist() == [[10, 20], [30, 40]]
    assert found.contacts.tolist() == [[8, 4], [6, 5]]
    assert np.allclose(found.presence, [[0.9, 0.1], [0.2, 0.8]])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"contacts": CONTACTS + "young,old,3\n"}, r"contacts.csv, row 6, column contacts.*the same two groups"),
        ({"movement": MOVEMENT + "East,West,0.3\n"}, r"movement.csv, row 4, column share.*the same two places"),
        ({"movement": MOVEMENT + "East,North,0.3\n"}, r"movement.csv, row 4, column to: 'North' is not known"),
        ({"contacts": CONTACTS.replace("old,old,5\n", "")}, "needs a row for each group and each other one"),
    ],
)
def test_what_is_there_twice_or_missing_is_one_line(tmp_path, given, said):
    with pytest.raises(DataError, match=said) as caught:
        read(tmp_path, **given)
    assert "\n" not in str(caught.value)
