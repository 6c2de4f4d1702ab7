"""What a city's run yields: totals and arrivals, their hash and their table."""

import numpy as np
import pytest

from lpm_secure.city.series import CitySeries, CityWords
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace

WORDS = CityWords(("S", "I"), 2, {"I": "cases"})
COUNTS = np.array([[9, 1], [7, 3], [6, 4]])
EVENTS = np.array([[[1], [0]], [[1], [1]], [[0], [1]]])


def series(places=("Old Town", "Harbour"), **given):
    return CitySeries(COUNTS, EVENTS[:, : len(places)], places, WORDS, **given)


def test_arrivals_add_up_over_places_and_departures_are_of_the_first_stage():
    made = series()
    assert made.of("cases").tolist() == [1, 2, 1]
    assert (made.n, made.departure_share) == (10, pytest.approx(0.4))
    with pytest.raises(ValueError, match="deaths"):
        made.of("deaths")


def test_a_table_has_a_column_for_each_place_where_there_are_several():
    table = series(public={"closure": [0, 1, 1]}).table()
    assert table.column_names == ["day", "S", "I", "cases", "cases_Old_Town", "cases_Harbour", "public_closure"]
    assert table["cases_Harbour"].to_pylist() == [0, 1, 1]
    assert "cases_Old_Town" not in series(places=("city",)).table().column_names


def test_the_hash_changes_with_every_number():
    first = series(public={"a": [1, 2, 3]}).hash
    assert first == series(public={"a": [1, 2, 3]}).hash
    others = [series(public={"a": [1, 2, 4]}), series(), CitySeries(COUNTS + 1, EVENTS, ("x", "y"), WORDS)]
    assert len({first, *(each.hash for each in others)}) == 4


def test_words_of_a_model_are_its_stages_and_what_arrivals_in_them_are_called():
    words = CityWords.of(trace(SeirModel).graph)
    assert words.names[: words.stages] == words.shown == ("S", "E", "I", "R")
    assert set(words.arrivals) <= {"S", "E", "I", "R"}
