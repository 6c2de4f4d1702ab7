"""Plots of one ensemble or several: a band for each series, one legend for each stage."""

import numpy as np
import pytest

from lpm_secure.scenario.results.figures import bands, part_of
from protocols.errors import ParameterError


class Made:
    days = np.arange(3.0)
    small_counts = ()

    def values(self, name):
        return np.array([[1, 2, 3], [2, 3, 4]])


def test_one_ensemble_has_a_column_for_each_part_and_a_legend_for_each_stage():
    figure = bands({"a run": Made()}, ["private_S", "synthetic_S", "private_I"], band=0.9)
    assert [each.text for each in figure.layout.annotations] == ["private agents", "synthetic agents"]
    shown = [trace.name for trace in figure.data if trace.showlegend is not False and trace.name]
    assert len(shown) == len(set(shown))


def test_several_ensembles_have_a_column_for_each_series():
    figure = bands({"one": Made(), "other": Made()}, ["S", "private_I"], band=0.5)
    assert [each.text for each in figure.layout.annotations] == ["S", "private I"]
    assert {"one", "other"} <= {trace.name for trace in figure.data}


@pytest.mark.parametrize(("series", "band"), [([], 0.9), (["S"], 0.0), (["S"], 1.0)])
def test_nothing_to_draw_is_refused(series, band):
    with pytest.raises(ParameterError, match="give a series, and a band"):
        bands({"a run": Made()}, series, band=band)


@pytest.mark.parametrize(
    ("name", "parts"), [("private_S", ("private", "S")), ("synthetic_x_y", ("synthetic", "x_y")), ("I", ("", "I"))]
)
def test_a_series_is_somebodys_or_everybodys(name, parts):
    assert part_of(name) == parts
