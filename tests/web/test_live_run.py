"""A real private run in a real browser: the day, the stages, a client that is killed, and the end."""

import csv
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.web
EXAMPLE = Path(__file__).parents[2] / "examples" / "workplace.toml"
OFFICES = EXAMPLE.with_name("offices.toml")
STEPS, SEEDS = 300, 5_000
REPLACED = {
    "steps = 60": f"steps = {STEPS}",
    "100_000": "500",
    'dataset = "workplace_invs15"': 'dataset = "look_alike"',
    'mode = "outcome"': 'mode = "sum"',  # which starts soonest
    "min_cohort = 5": "min_cohort = 5\nround_timeout_s = 3.0",
}


def test_a_page_that_is_open_during_a_run_shows_its_days_stages_a_killed_client_and_its_end(
    open_page, serve, start_lpm, kill_party, check_page, tmp_path
):
    text = EXAMPLE.read_text()
    for old, new in REPLACED.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "run.toml").write_text(text)
    (tmp_path / "runs").mkdir()
    page = open_page(serve(tmp_path / "runs"))
    page.get_by_text("There is no run in this folder yet").wait_for()

    run = start_lpm("run", "run.toml", "--no-parity", cwd=tmp_path)
    page.get_by_role("link", name=re.compile("^workplace-")).click()
    page.get_by_role("heading", name="Run workplace").wait_for()
    page.locator("#badge", has_text="running").wait_for()
    page.locator("#where", has_text=re.compile(rf"day [1-9]\d* of {STEPS}")).wait_for()
    for part in ("private", "synthetic"):
        chart = page.get_by_role("img", name=f"{part} agents by day: susceptible, exposed, infectious, recovered")
        expect(chart.locator("path.line")).to_have_count(4)
    numbers = page.get_by_role("table", name=re.compile("^Agents on day"))
    numbers.get_by_role("row", name=re.compile("^infectious")).wait_for()
    page.get_by_text("12 of 12 clients took part in the last round").wait_for()
    page.get_by_text("of vectors went between clients and aggregators").wait_for()
    page.get_by_text("stage counts in every step (exact)").wait_for()

    kill_party("dse", tmp_path)
    page.get_by_text(re.compile(r"dse: lost by day \d+, killed by signal 9")).wait_for()
    page.get_by_text("11 of 12 clients took part in the last round").wait_for()

    page.get_by_text("The run has ended.").wait_for()
    page.locator("#badge", has_text="ended").wait_for()
    page.get_by_text(f"day {STEPS} of {STEPS}").wait_for()
    page.get_by_role("link", name="Report").wait_for()
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 0, errors
    (series,) = (tmp_path / "runs").glob("*/series.csv")
    *_, last = csv.DictReader(series.read_text().splitlines())
    numbers = page.get_by_role("table", name=f"Agents on day {STEPS}")
    shown = numbers.get_by_role("row", name=re.compile("^recovered")).get_by_role("cell").all_inner_texts()
    assert [int(each.replace(",", "")) for each in shown] == [int(last["private_R"]), int(last["synthetic_R"])]
    check_page(page)
    (own,) = (tmp_path / "runs").glob("*/parties/ssi/report.html")
    check_page(open_page(own.as_uri()))  # a client's own, which no server shows

    (party,) = (tmp_path / "runs").glob("*/parties/aggregator-1")
    page = open_page(serve(tmp_path / "runs", "--operator", party))
    page.get_by_role("link", name="aggregator-1").click()
    page.get_by_role("heading", name="Aggregator aggregator-1").wait_for()
    page.get_by_text(f"Round {STEPS + 1} of {STEPS + 1} has closed, in step {STEPS}.").wait_for()
    page.get_by_text("11 of 12 clients took part in it; a release is over at least 5.").wait_for()
    page.get_by_text("dse: late").wait_for()
    page.get_by_text(f"tally: {STEPS + 1} times, exact").wait_for()
    page.get_by_text("This aggregator tells no metrics").wait_for()
    check_page(page)


def test_a_page_shows_the_bands_of_an_ensemble_as_its_seeds_end(open_page, serve, start_lpm, check_page, tmp_path):
    page = open_page(serve(tmp_path))
    page.get_by_text("There is no run in this folder yet").wait_for()
    settings = ("--seeds", SEEDS, "--workers", 1, "--set", "steps=40", "--out", tmp_path)
    run = start_lpm("run", OFFICES, *settings, cwd=OFFICES.parents[1])
    page.get_by_role("link", name=re.compile("^offices-")).click()
    page.locator("#badge", has_text="running").wait_for()
    page.get_by_text(re.compile(r"Medians of \d+ seeds by now")).wait_for()
    page.locator("#where", has_text=re.compile(rf"run [1-9]\d* of {SEEDS}")).wait_for()
    check_page(page)
    run.send_signal(signal.SIGINT)  # it would go on for minutes
    page.locator("#badge", has_text="interrupted").wait_for()
    page.get_by_text(re.compile(r"Medians of \d+ seeds by now")).wait_for()
    run.communicate(timeout=60)
    assert run.returncode == 130
