"""Cells of figures: each its own, with its traces, its title and a legend where it needs one."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lpm_secure.report.run_parts import band_lines
from lpm_secure.report.subplots import cells


def test_each_cell_has_its_own_traces_title_and_axes():
    figure = make_subplots(rows=2, cols=2, subplot_titles=["a", "b", "c", "d"])
    for place, name in enumerate("abcd"):
        where = {"row": place // 2 + 1, "col": place % 2 + 1}
        figure.add_trace(go.Scatter(x=[1], y=[place], name=name, legendgroup=name, showlegend=place == 0), **where)
        figure.add_trace(go.Bar(x=[1], y=[place], name="bar", showlegend=False), **where)
    figure.update_yaxes(title_text="agents", rangemode="tozero").update_layout(barmode="stack", template="plotly_white")
    found = cells(figure)
    assert [cell.title for cell in found] == ["a", "b", "c", "d"]
    for place, cell in enumerate(found):
        assert [trace.y[0] for trace in cell.figure.data] == [place, place]
        assert {trace.xaxis for trace in cell.figure.data} == {"x"}
        assert cell.figure.layout.yaxis.title.text == "agents"
        assert cell.figure.layout.barmode == "stack"
        assert cell.figure.layout.yaxis.domain is None
        assert not cell.figure.layout.annotations


def test_a_legend_is_shown_once_for_each_name_where_there_are_several_even_if_another_cell_had_it():
    figure = make_subplots(rows=1, cols=2)
    for column in (1, 2):
        for name in ("S", "I", "I"):
            line = go.Scatter(x=[1], y=[1], name=name, legendgroup=name, showlegend=column == 1)
            figure.add_trace(line, row=1, col=column)
    for cell in cells(figure):
        assert [trace.showlegend for trace in cell.figure.data] == [True, True, False]


def test_the_legend_of_a_band_names_its_median_and_not_its_edges():
    bands = [
        line
        for name in ("S", "I")
        for line in band_lines(np.array([[1, 2], [3, 4]]), [0, 1], name, "#4477aa", band=0.9, legend=True, people=True)
    ]
    (cell,) = cells(go.Figure(bands))
    assert [trace.name for trace in cell.figure.data if trace.showlegend] == ["S", "1 to 4 people", "I"]


def test_a_figure_of_one_cell_keeps_its_title_and_what_has_no_axes_is_left_as_it_is():
    (cell,) = cells(go.Figure(go.Scatter(x=[1], y=[1])).update_layout(title="one"))
    assert cell.title == "one"
    pie = go.Figure(go.Pie(values=[1, 2]))
    assert cells(pie)[0].figure is pie
    mixed = go.Figure([go.Scatter(x=[1], y=[1]), go.Pie(values=[1, 2])])
    assert cells(mixed)[0].figure is mixed
