"""Pages: what goes in as text comes out as text, and one script serves all pages below a folder."""

import subprocess
import sys

import plotly.graph_objects as go
import pytest

from lpm_secure.report import page as pages
from lpm_secure.report.page import SCRIPT, Page, Plot
from protocols.report import html

NASTY = "<script>alert('&')</script>"


@pytest.fixture
def plotted():
    return Page("Run x", [html.paragraph("words"), Plot(go.Figure(go.Bar(x=[1], y=[2])))])


def test_a_page_with_plots_refers_to_the_script_of_the_folder_above(plotted, tmp_path):
    folder = tmp_path / "runs" / "x"
    folder.mkdir(parents=True)
    pages.write(folder / "report.html", plotted, scripts=folder.parent)
    text = (folder / "report.html").read_text()
    assert f"<script src=../{SCRIPT}>" in text
    assert "Plotly.newPlot" in text
    assert len(text) < 50_000
    assert sorted(path.name for path in folder.parent.iterdir()) == [SCRIPT, "x"]
    assert sorted(path.name for path in folder.iterdir()) == ["report.html"]


def test_a_page_that_was_copied_alone_says_what_it_misses_until_the_script_has_loaded(plotted):
    text = plotted.html(script=f"../{SCRIPT}")
    warning = text.index("<p class=warning id=missing>")
    assert f"../{SCRIPT}" in text[warning : text.index("</p>", warning)]
    assert warning < text.index("<script")
    assert 'if (window.Plotly) document.getElementById("missing").remove()' in text


def test_the_script_is_written_once_and_again_only_where_it_was_changed(plotted, tmp_path):
    pages.write(tmp_path / "one.html", plotted)
    script = tmp_path / SCRIPT
    content, number = script.read_bytes(), script.stat().st_ino
    pages.write(tmp_path / "two.html", plotted)
    assert script.stat().st_ino == number
    script.write_bytes(content[:-1])
    pages.write(tmp_path / "two.html", plotted)
    assert script.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.html", SCRIPT, "two.html"]
    assert script.stat().st_mode & 0o777 == 0o644


def test_a_page_without_plots_needs_no_script_and_no_plotly(tmp_path):
    code = (
        "import sys; from pathlib import Path; from lpm_secure.report import page as pages;"
        "pages.write(Path(sys.argv[1]), pages.Page('x', ['<p>y</p>'])); assert 'plotly' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.html")], check=True, timeout=60)
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]
    assert "<script" not in (tmp_path / "x.html").read_text()


@pytest.mark.parametrize(
    "part",
    [
        html.heading(NASTY),
        html.paragraph(NASTY),
        html.warning(NASTY),
        html.digest(NASTY, NASTY),
        html.items([NASTY]),
        html.table([(NASTY, 1)], head=(NASTY, "n")),
        html.records([{NASTY: NASTY}]),
        Page(NASTY, []).html(),
        Page("x", [], headline=NASTY).html(),
    ],
)
def test_text_is_escaped(part):
    assert "&lt;script&gt;" in part
    assert "<script>" not in part
