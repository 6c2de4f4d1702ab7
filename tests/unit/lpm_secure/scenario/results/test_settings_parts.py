"""What a report says of its settings: of one scenario all, of several what differs first."""

import numpy as np
import pytest

from lpm_secure.scenario.results.settings_parts import settings_parts


class Made:
    def __init__(self, share, names=("S", "public_closure"), small=()):
        self.names, self.small_counts, self.seeds, self.days = names, small, (1, 2), np.arange(3.0)
        self.parameters = [("days", "7", "days"), ("share", share, "")]
        self.config = {"name": "a run", "share": share}

    def values(self, name):
        return np.array([[0, 1, 2], [0, 3, 4]])


def text_of(parts):
    return "".join(part for part in parts if isinstance(part, str))


def test_one_scenario_has_its_parameters_and_what_was_announced():
    parts = settings_parts({"a run": Made("0.5")})
    assert "0.5" in text_of(parts)
    assert any(not isinstance(part, str) for part in parts)  # a plot of the closure
    assert all(isinstance(part, str) for part in settings_parts({"a run": Made("0.5", names=("S",))}))


def test_of_several_scenarios_the_parameters_that_differ_come_first():
    text = text_of(settings_parts({"one": Made("0.5"), "other": Made("0.7")}))
    assert text.index(">share<") < text.index(">days<")
    assert "0.5" in text
    assert "0.7" in text


@pytest.mark.parametrize("small", [(), ("S",)])
def test_small_counts_of_people_are_told_where_there_are_some(small):
    text = text_of(settings_parts({"a run": Made("0.5", small=small)}))
    assert ("1 to 4" in text) == bool(small)
