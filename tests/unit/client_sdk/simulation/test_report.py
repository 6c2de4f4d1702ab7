"""A client's own page: what it says of its people and of the releases is what its tables say."""

import re
from html import unescape
from types import SimpleNamespace

import pytest

from client_sdk.simulation.report import write_report
from tests.epidemics import Stage
from tests.unit.client_sdk.simulation.conftest import AGENTS, STEPS


@pytest.fixture
def page(tmp_path):
    def _page(record):
        path = tmp_path / "report.html"
        write_report(path, record, [SimpleNamespace(sent=1000, received=20)] * 2, files=("outcomes.csv", "series.csv"))
        assert path.stat().st_mode & 0o777 == 0o600
        return path.read_text()

    return _page


def rows_of(text):
    """Return the cells of all rows of tables."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", text, re.DOTALL)
    return [[unescape(cell) for cell in re.findall(r"<t[dh]>(.*?)</t[dh]>", row, re.DOTALL)] for row in rows]


def test_a_page_says_how_own_people_began_and_ended_and_each_release(recorded, page):
    record, states, _, series = recorded(mode="outcome", away=(2,))
    text, n = page(record), len(AGENTS[0])
    rows = rows_of(text)
    for stage in Stage:
        began, ended = ((state["stage"] == int(stage)).sum() for state in (states[0], states[STEPS]))
        assert [stage.name, str(began), str(ended)] in rows
    assert all(sum(each) == n for each in zip(*record.counts["stage"].values(), strict=True))
    assert all(list(row.values()) in rows for row in series)
    assert "missed 1: 2. It sent 2,000 bytes and received 40." in text
    assert "The run stopped" not in text
    assert not re.search(r"<script|<link|src=|https?:", text)  # nothing is loaded, from anywhere


def test_of_a_run_that_stopped_a_page_says_where(recorded, page):
    record, *_ = recorded(mode="sum")
    record.client.step = 4
    assert "The run stopped before step 4; this page ends there." in page(record)


def test_names_are_text(recorded, page):
    record, *_ = recorded(mode="sum", name="<b>winter")
    text = page(record)
    assert "<h1>What client-0 takes home from &lt;b&gt;winter</h1>" in text
    assert "<b>" not in text
