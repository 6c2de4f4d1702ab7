"""Parts of pages of runs: what was announced, and what was asked for."""

import numpy as np

from lpm_secure.report.run_parts import announcement_parts, band_lines, parameter_parts, settings_part
from protocols.report import html


def test_each_public_number_is_drawn_as_steps():
    head, plot = announcement_parts({"a": [1, 2], "b": [3, 3]}, [0.0, 0.5])
    assert "announced" in head
    assert [(line.name, list(line.x), list(line.y), line.line.shape) for line in plot.figure.data] == [
        ("a", [0.0, 0.5], [1, 2], "hv"),
        ("b", [0.0, 0.5], [3, 3], "hv"),
    ]
    assert announcement_parts({}, [0.0]) == []


def test_runs_are_a_band_below_their_median_and_one_run_is_its_line():
    values, asked = np.array([[0, 1], [10, 11], [20, 21]]), {"band": 0.5, "legend": True}
    low, high, median = band_lines(values, [0.0, 1.0], "ill", "#0000ff", **asked)
    assert [list(line.y) for line in (low, high, median)] == [[5.0, 6.0], [15.0, 16.0], [10.0, 11.0]]
    assert (high.fill, high.fillcolor, low.showlegend, median.showlegend) == (
        "tonexty",
        "rgba(0,0,255,0.18)",
        False,
        True,
    )
    (only,) = band_lines(values[:1], [0.0, 1.0], "ill", "#0000ff", **asked)
    assert list(only.y) == [0.0, 1.0]


def test_settings_are_rows_of_paths_without_what_is_not_given():
    config = {"name": "x", "model": {"beta": {"near": 0.5}, "none": None}, "ages": [0, 20], "empty": {}, "off": False}
    assert html.flatten(config) == [("name", "x"), ("model.beta.near", "0.5"), ("ages", "0, 20"), ("off", "False")]
    assert "<details><summary>Everything that was asked for" in settings_part(config)
    assert "&lt;b&gt;" in settings_part({"name": "<b>"})
    assert parameter_parts([]) == []
