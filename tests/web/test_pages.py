"""Pages of all kinds of runs, on a desk and in a hand, by day and by night, by keyboard and for a screen reader."""

import re

import pytest
from playwright.sync_api import expect

from lpm_secure.report.progress import (
    FILE,
    Band,
    BandGroup,
    EnsembleProgress,
    FitProgress,
    PartyProgress,
    ProgressEnd,
    ProgressHead,
    ProgressJournal,
    SeriesNames,
    StepProgress,
)

pytestmark = pytest.mark.web
NASTY = '<img src=x onerror="document.title=1">'
NAMES = ("susceptible", "exposed", "infectious", "recovered")


def band_of(name):
    return Band(name=name, low=(1.0, 2.0), median=(2.0, 3.0), high=(4.0, 5.0))


@pytest.fixture
def runs(tmp_path):
    """Return a folder of runs of all kinds; one goes on as long as the test."""
    journal = ProgressJournal(tmp_path / "going")
    parts = tuple(SeriesNames(part=part, names=NAMES, stages=4) for part in ("private", "synthetic"))
    clients = tuple(f"clinic-{number}" for number in range(12))
    head = ProgressHead(
        at=1.0, kind="private run", name="ward", run="ab", total=40, parts=parts, clients=clients,
        servers=("aggregator-0", "aggregator-1", "dealer"), releases=("departures from S (with noise)",), rho=1.5,
        facts=("Each release is over at least 5 clients.", NASTY),
    )  # fmt: skip
    journal.write(head)
    for step in range(21):
        late = ("clinic-3",) if step > 10 else ()
        values = ((100 - 3 * step, step, step, step), (10_000 - 90 * step, 30 * step, 30 * step, 30 * step))
        given = {"values": values, "members": 11, "late": late, "refused": ("clinic-5",)}
        journal.write(StepProgress(at=2.0, step=step, traffic=9999, spent=step / 40, **given))
    journal.write(PartyProgress(at=3.0, party="clinic-7", code=1))

    fit = ProgressJournal(tmp_path / "fit")
    fit.write(ProgressHead(at=1.0, kind="calibration", name="fit", run="fit", total=30, unit="round", clients=clients))
    band = Band(name="rate", low=(0.1,), median=(0.2,), high=(0.3,))
    events = Band(name="median, and 90 % of draws", low=(1.0, 2.0), median=(2.0, 3.0), high=(4.0, 5.0))
    for step in range(1, 21):
        fit.write(FitProgress(at=2.0, step=step, loss=100.0 / step, members=12, posterior=(band,), forecast=events))
    fit.close()

    trained = ProgressJournal(tmp_path / "trained")
    trained.write(ProgressHead(at=1.0, kind="amortised posterior", name="trained", run="t", total=2, unit="round"))
    for step in (1, 2):
        trained.write(FitProgress(at=2.0, step=step, loss=9.0 / step, members=12))
    trained.write(ProgressEnd(at=3.0, outcome="ended"))
    trained.close()

    failed = ProgressJournal(tmp_path / "failed")
    failed.write(ProgressHead(at=1.0, kind="city", name="failed", run="x", total=9))
    failed.write(ProgressEnd(at=1.0, outcome="failed", reason="got 3 ages; give 4"))
    failed.close()

    ensemble = ProgressJournal(tmp_path / "ensemble")
    ensemble.write(ProgressHead(at=1.0, kind="comparison", name="masks", run="y", total=18, unit="run"))
    groups = [
        BandGroup(title=f"{name}: private agents", seeds=seeds, series=(band_of("infectious"), band_of("recovered")))
        for name, seeds in (("as is", 9), ("masks", 3))
    ]
    ensemble.write(EnsembleProgress(at=2.0, step=12, days=(0.0, 1.0), groups=tuple(groups)))
    ensemble.write(EnsembleProgress(at=2.0, step=13))
    ensemble.close()

    (tmp_path / "seeds").mkdir()
    rows = [f"{seed},{day},{10 * seed + day}" for seed in range(1, 8) for day in range(9)]
    (tmp_path / "seeds" / "series.csv").write_text("\n".join(["seed,day,private_S", *rows]))
    (tmp_path / "seeds" / "run.json").write_text('{"name": "seeds", "seeds": [1, 2, 3, 4, 5, 6, 7]}')
    yield tmp_path
    journal.close()


def go(page, name):
    page.get_by_role("link", name=name, exact=True).click()
    page.locator("#badge", has_text=re.compile(".")).wait_for()


def test_every_page_is_whole_in_every_look(runs, serve, open_page, check_page, look):
    page = open_page(serve(runs), look=look)
    page.get_by_role("table", name="Runs").wait_for()
    check_page(page)
    for name, text in {
        "going": "Spent 0.5 of the privacy budget rho 1.5",
        "fit": "0.1 to 0.3",
        "trained": "round 2 of 2",
        "failed": "got 3 ages; give 4",
        "ensemble": "run 13 of 18",
        "seeds": "Medians of 7 seeds; a band holds 90 % of them.",
    }.items():
        page.get_by_role("link", name="Runs").click()
        go(page, name)
        page.get_by_text(text).wait_for()
        check_page(page)
        assert page.title() != "1"


def test_a_run_that_goes_on_shows_who_is_here_late_lost_and_refused(runs, serve, open_page):
    page = open_page(serve(runs))
    go(page, "going")
    clients = page.get_by_role("list", name="Clients")
    lost = "clinic-7: lost by day 20, ended with code 1"
    for text in ("clinic-0: here", "clinic-3: late", "clinic-5: refused", lost):
        clients.get_by_text(text).wait_for()
    assert page.locator("#badge").inner_text() == "running"
    page.get_by_text(NASTY).wait_for()  # as text


def test_a_calibration_that_was_killed_shows_its_loss_and_posterior_and_that_nobody_drives_it(runs, serve, open_page):
    page = open_page(serve(runs))
    go(page, "fit")
    page.get_by_text("round 20 of 30").wait_for()
    page.get_by_role("img", name="loss by round: loss").locator("path.line").wait_for()
    assert page.get_by_role("table", name="Posterior").get_by_role("row", name=re.compile("^rate")).is_visible()
    assert page.locator("#badge").inner_text() == "stopped"
    assert "nobody drives it" in page.locator("#badge").get_attribute("title")


def test_a_training_shows_its_loss_and_no_empty_plot_or_table(runs, serve, open_page):
    page = open_page(serve(runs))
    go(page, "trained")
    page.get_by_role("img", name="loss by round: loss").locator("path.line").wait_for()
    assert page.locator("#fit figure:visible").count() == 1
    assert not page.get_by_text("Posterior by now").is_visible()


def test_an_ensemble_shows_the_bands_of_its_seeds_by_now_scenario_by_scenario(runs, serve, open_page):
    page = open_page(serve(runs))
    go(page, "ensemble")
    page.get_by_text("Medians of 9 seeds by now; a band holds 90 % of them.").wait_for()
    for name in ("as is", "masks"):
        chart = page.get_by_role("img", name=f"{name}: private agents by day: infectious, recovered")
        expect(chart.locator("path.line")).to_have_count(2)
        expect(chart.locator("path.band")).to_have_count(2)


def test_everything_can_be_reached_and_moved_by_keys(runs, serve, open_page):
    page = open_page(serve(runs))
    page.get_by_role("table", name="Runs").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_role("link", name="going", exact=True).focus()
    page.keyboard.press("Enter")
    slider = page.get_by_role("slider", name="Day")
    slider.wait_for()
    page.get_by_role("table", name="Agents on day 20").wait_for()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "day":
            break
    page.keyboard.press("ArrowLeft")
    page.get_by_role("table", name="Agents on day 19").wait_for()
    assert slider.get_attribute("aria-valuetext") == "day 19"
    page.keyboard.press("End")
    page.get_by_role("table", name="Agents on day 20").wait_for()
    legend = page.get_by_role("button", name="susceptible").first
    legend.focus()
    page.keyboard.press("Enter")
    assert legend.get_attribute("aria-pressed") == "false"
    chart = page.get_by_role("img", name=re.compile("^private agents"))
    expect(chart.locator("path.line")).to_have_count(3)


def test_a_page_goes_on_after_its_server_was_away_and_misses_and_repeats_nothing(runs, serve, open_page):
    page = open_page(serve(runs))
    go(page, "going")
    page.get_by_text("day 20 of 40").wait_for()
    page.context.set_offline(True)
    with (runs / "going" / FILE).open("ab") as file:
        file.write(b'{"event":"step","at":3,"step":21,"values":[[1,2,3,4],[5,6,7,8]],"members":9}\n')
    page.context.set_offline(False)
    page.get_by_text("day 21 of 40").wait_for()
    page.get_by_text("9 of 12 clients took part").wait_for()


def test_nobody_else_gets_in(runs, serve, browser):
    address, _, token = serve(runs).partition("?token=")
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    page.get_by_text("it has the token of this start").wait_for()
    assert page.goto(f"{address}?token={token[:-1]}").status == 401
    page.goto(f"{address}?token={token}")
    assert page.url == address
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("table", name="Runs").wait_for()
    context.close()
