"""Pages and what they ask for: journals from where a page is, and nothing of a run's parties, whatever is asked."""

import asyncio
import json
import os

import httpx
import pytest

from lpm_secure.monitor import application
from lpm_secure.monitor.application import application_of
from lpm_secure.monitor.regular_file import read_regular
from lpm_secure.report.progress import FILE, ProgressHead, ProgressJournal, StepProgress, journal_of

SECRET = "4711-private"
HEAD = ProgressHead(at=1.0, kind="private run", name="x", run="ab", total=3)


@pytest.fixture
def runs(tmp_path):
    """Return a folder with a run, beside which private files lie."""
    root = tmp_path / "runs"
    with journal_of(root / "x", HEAD) as journal:
        journal.write(StepProgress(at=2.0, step=0, values=((1,),)))
    party = root / "x" / "parties" / "client"
    party.mkdir(parents=True)
    for path in (party / "people.csv", root / "x" / "run.log", tmp_path / "outside"):
        path.write_text(SECRET)
    (root / "x" / "report.html").write_text("<h1>Report</h1>")
    (root / "plotly.min.js").write_text("plot()")
    return root


def get(root, path):
    async def ask():
        transport = httpx.ASGITransport(application_of(root, {}))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(path)

    return asyncio.run(ask())


def stream(name, folder, last="", count=1):
    """Return the first messages of a journal's stream."""

    async def first():
        messages = application._journal(name, folder, last)
        try:
            return [await anext(messages) for _ in range(count)]
        finally:
            await messages.aclose()

    return [message.decode().split("\n") for message in asyncio.run(first())]


@pytest.mark.parametrize("path", ["/", "/runs/x"])
def test_pages_have_no_script_or_style_in_them_and_ask_nobody_else(runs, path):
    answer = get(runs, path)
    assert answer.status_code == 200
    assert "http" not in answer.text.replace("http-equiv", "")
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert answer.text.count("<script") == answer.text.count('<script type="module" src="/static/')


@pytest.mark.parametrize("name", ["page.js", "chart.js", "index.js", "run.js", "operator.js", "style.css", "icon.svg"])
def test_what_pages_load_is_here(runs, name):
    answer = get(runs, f"/static/{name}")
    assert answer.status_code == 200
    assert "//" not in answer.text.replace("http://www.w3.org/2000/svg", "").replace("// ", "")


@pytest.mark.parametrize(
    "path",
    [
        "/runs/x/run.log",
        "/runs/x/parties",
        "/runs/x/parties/client/people.csv",
        "/runs/x/..%2f..%2foutside",
        "/runs/x/%2e%2e/outside",
        "/runs/.",
        "/runs/%2e%2e",
        "/api/runs/../events",
        "/api/runs/nothing/events",
        "/api/runs/..%2f../bands",
        "/static/../application.py",
        "/static/..%2fapplication.py",
        "/operators/x",
        "/api/operators/x",
    ],
)
def test_nothing_else_of_a_folder_is_served(runs, path):
    answer = get(runs, path)
    assert answer.status_code == 404
    assert SECRET not in answer.text


LINKS = {
    "audit.html": "/runs/x/audit.html",
    "report.html": "/runs/x/report.html",
    "series.csv": "/api/runs/x/bands",
    "calibration.csv": "/api/runs/x/forecast",
    FILE: "/api/runs/x/events",
}


@pytest.mark.parametrize("name", LINKS)
def test_a_link_in_the_folder_of_a_run_is_not_followed(runs, tmp_path, name):
    (tmp_path / "outside").write_text(f"seed,day,{SECRET}\n1,0,1\n")
    (runs / "x" / name).unlink(missing_ok=True)
    (runs / "x" / name).symlink_to(tmp_path / "outside")
    answer = get(runs, LINKS[name])
    assert answer.status_code == 404 or answer.json() is None
    assert SECRET not in answer.text


def test_neither_is_a_folder_that_becomes_one_nor_the_script_that_all_share(runs, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "report.html").write_text(SECRET)
    (runs / "y").symlink_to(tmp_path / "elsewhere")
    assert read_regular(runs / "y" / "report.html", 100) is None
    (runs / "plotly.min.js").unlink()
    (runs / "plotly.min.js").symlink_to(tmp_path / "outside")
    assert get(runs, "/runs/plotly.min.js").status_code == 404


def test_a_pipe_is_not_waited_for(runs):
    os.mkfifo(runs / "x" / "audit.html")
    assert get(runs, "/runs/x/audit.html").status_code == 404


def test_a_report_stands_in_a_sandbox_and_its_script_needs_no_cookie(runs):
    report = get(runs, "/runs/x/report.html")
    assert report.text == "<h1>Report</h1>"
    assert report.headers["content-security-policy"].startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in report.headers["content-security-policy"]
    assert get(runs, "/runs/plotly.min.js").text == "plot()"


def test_a_run_without_series_has_no_bands(runs):
    assert get(runs, "/api/runs/x/bands").json() is None
    assert get(runs, "/api/runs/x/forecast").json() is None


def test_a_stream_begins_with_the_journal_and_goes_on_from_where_a_page_was(runs):
    (number, data, *_), card = stream("x", runs / "x", count=2)
    assert [each["event"] for each in json.loads(data.removeprefix("data: "))] == ["begin", "step", "end"]
    size = (runs / "x" / FILE).stat().st_size
    assert number == f"id: {size}"
    assert card[0] == "event: card"
    assert json.loads(card[1].removeprefix("data: "))["state"] == "ended"
    (only,) = stream("x", runs / "x", last=str(size))
    assert only[0] == "event: card"


def test_a_stream_tells_lines_as_they_are_written_and_when_a_journal_was_begun_anew(runs, monkeypatch):
    monkeypatch.setattr(application, "POLL_S", 0.001)
    folder = runs / "x"

    async def follow():
        messages = application._journal("x", folder, str((folder / FILE).stat().st_size))
        assert (await anext(messages)).startswith(b"event: card")
        journal = ProgressJournal(folder)
        journal.write(StepProgress(at=3.0, step=1))
        assert b'"step":1' in await anext(messages)
        journal.close()
        (folder / FILE).unlink()
        with journal_of(folder, HEAD):
            pass
        found = []
        while not any(b"event: anew" in each for each in found):
            found.append(await anext(messages))
        assert b'"event":"begin"' in await anext(messages)
        await messages.aclose()

    asyncio.run(asyncio.wait_for(follow(), 60))
