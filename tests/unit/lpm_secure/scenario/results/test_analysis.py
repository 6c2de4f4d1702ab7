"""An analysis has its tables, plots and files, and a notebook shows its lines."""

import plotly.graph_objects as go
import pyarrow as pa
import pytest

from lpm_secure.report.page import Page, Plot
from lpm_secure.report.summary import Summary
from lpm_secure.report.table import both, csv_of_rows
from lpm_secure.scenario.results.analysis import Analysis
from protocols.errors import ParameterError

TABLE = pa.table({"day": [0, 1], "count": [3, 4]})
FIGURE = go.Figure(layout={"title": "counts"})


def made(**given):
    tables = both("series", TABLE) | {"bins.csv": csv_of_rows([{"low": 0.5}])}
    page = Page("Of <a> test", ["text", Plot(FIGURE)])
    return Summary(file="all.json", figures={"n": 2}, lines=("one < two",), tables=tables, page=page, **given)


def test_its_tables_and_plots_are_those_of_its_report(tmp_path):
    found = Analysis.write(7, made(), tmp_path / "out")
    assert (found.result, found.figures, found.passed, found.names) == (7, {"n": 2}, True, ("series", "bins"))
    assert found.to_arrow().equals(TABLE)
    assert found.to_arrow("bins").to_pylist() == [{"low": 0.5}]
    assert found.plot() is FIGURE
    assert found._repr_html_() == "<p>Of &lt;a&gt; test</p><pre>one &lt; two</pre>"
    files = {"series.csv", "series.parquet", "bins.csv", "all.json", "report.html"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == files
    assert {path.name for path in found.save(tmp_path / "again").iterdir()} == files


def test_a_table_or_a_plot_that_is_not_there_is_one_line():
    found = Analysis(None, made())
    with pytest.raises(ParameterError, match="no table seires; there are series, bins"):
        found.to_arrow("seires")
    with pytest.raises(ParameterError, match="plot is 1; the report has 1"):
        found.plot(1)
    with pytest.raises(ParameterError, match="no table at all; it has none"):
        Analysis(None, Summary(file="x.json", figures={}, lines=())).to_arrow()


def test_what_shows_people_is_written_for_this_user_alone(tmp_path):
    for private, mode in ((True, 0o600), (False, 0o644)):
        for path in Analysis(None, made(private=private)).save(tmp_path / str(private)).iterdir():
            assert path.stat().st_mode & 0o777 == mode
