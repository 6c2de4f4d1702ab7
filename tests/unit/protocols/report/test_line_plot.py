"""A plot is lines of numbers, broken where nothing is known, and words that are escaped."""

import re

from protocols.report.line_plot import HEIGHT, WIDTH, line_plot


def points(text):
    found = re.findall(r'points="([^"]*)"', text)
    return [[tuple(map(float, point.split(","))) for point in run.split()] for run in found]


def test_a_line_goes_through_its_values_and_is_broken_where_one_is_missing():
    [first, second] = points(line_plot("x", {"a": [0, 4, None, 2, 8]}))
    assert first == [(0, HEIGHT), (WIDTH / 4, HEIGHT / 2)]
    assert second == [(WIDTH * 3 / 4, HEIGHT * 3 / 4), (WIDTH, 0)]


def test_values_below_zero_have_room_and_an_empty_plot_has_a_frame():
    assert points(line_plot("x", {"a": [-2, 0, 2]})) == [[(0, HEIGHT), (WIDTH / 2, HEIGHT / 2), (WIDTH, 0)]]
    assert "<rect" in line_plot("x", {})


def test_names_and_captions_are_text():
    text = line_plot("<b>", {"<i>": [1, 2]}, first=3)
    assert "<b>" not in text
    assert "<i>" not in text
    assert "&lt;b&gt;" in text
    assert ">step 3<" in text
    assert ">step 4<" in text
