"""Populations are made and looked at from a program as by commands."""

import pytest

import lpm_secure as lpm
from protocols.errors import ParameterError


def test_tables_of_ones_own_are_a_population_that_a_city_takes(tmp_path):
    people, venues, folder = tmp_path / "people.csv", tmp_path / "venues.csv", tmp_path / "own.lpmpop"
    venues.write_text("venue,setting\nh1,household\nh2,household\n")
    people.write_text("person,age,household\n" + "".join(f"p{n},{20 + n},h{1 + n % 2}\n" for n in range(6)))
    made = lpm.read_population(people, venues, out=folder)
    assert made.n == 6
    shown = lpm.show_population(made)
    assert shown.figures["card"]["agents"] == 6
    assert (shown.figures["check"], shown.names) == (None, ())
    assert shown.plot() is not None
    assert lpm.show_population(folder).figures == shown.figures
    with pytest.raises(ParameterError, match="is there already"):
        lpm.read_population(people, venues, out=folder)
    with pytest.raises(ParameterError, match="is not New York City"):
        lpm.check_population(folder)


def test_a_city_of_no_whole_number_of_agents_is_one_line(tmp_path):
    with pytest.raises(ParameterError, match=r"got '8\.4' agents"):
        lpm.build_population(tmp_path / "city", agents="8.4")
    with pytest.raises(ParameterError, match="3 agents"):
        lpm.build_population(tmp_path / "city", agents=3, progress=False)
