"""Reports in a browser: nothing overlaps or leaves the page, in a hand and on a desk, and they can be printed."""

import numpy as np
import pytest

from lpm_secure.audit import page as audit_page
from lpm_secure.audit.audit import FROM_FOLDER, SKIPPED, Report
from lpm_secure.calibration import config as calibrations
from lpm_secure.calibration import job, report
from lpm_secure.engine.series import StageSeries
from lpm_secure.report import folder as folders
from lpm_secure.report import page as pages
from lpm_secure.report.page import Page
from lpm_secure.run.report import series_parts
from tests.few_hospitals import FEW

pytestmark = pytest.mark.web
OVERLAPS = """() => [...document.querySelectorAll('svg.main-svg')].flatMap((drawing) => {
  const texts = [...drawing.querySelectorAll('text')].filter((text) => text.textContent && text.checkVisibility());
  const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
  const width = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = (a, b) => Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return boxes.flatMap(([one, a], place) => boxes.slice(place + 1)
    .filter(([, b]) => width(a, b) > 1 && height(a, b) > 3).map(([other]) => `${one} | ${other}`));
})"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder for pages."""
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def private(folder, manifest_of):
    """Return the page of a private run of real people with an intervention."""
    steps = np.arange(61)
    left = np.round(200 / (1 + np.exp(-(steps - 30) / 5))).astype(int)
    private = np.stack([217 - left, left // 9, left // 5, left - left // 9 - left // 5], axis=1)
    counts = np.stack([private, 500 * private], axis=1)
    words = manifest_of().model.agents.tally
    series = StageSeries.of_tally(counts, 1.0, words, {"contacts_percent": [100] * 20 + [40] * 41})
    path = folder / "run" / "report.html"
    path.parent.mkdir()
    parts = series_parts(manifest_of(steps=60).model, [series], people=True)
    pages.write(path, Page("Run x", parts), scripts=folder)
    return path


@pytest.fixture(scope="module")
def calibration(folder):
    """Return the page of a calibration."""
    (folder / "few.toml").write_text(FEW)
    config = calibrations.load(folder / "few.toml")
    result = job.calibrate(config, folder / "few")
    folders.write(folder / "few", report.summary_of(result, [], folder / "few"))
    return folder / "few" / "report.html"


@pytest.fixture(scope="module")
def audit(folder):
    """Return the page of an audit that had to skip something."""
    told = {"aggregator-0": {f"clinic-{n}": {"count": 61, "bytes": 10**6, "sha256": "ab" * 32} for n in range(12)}}
    checks = {"every file is as it was when the run ended": [], "the manifest is its operator's": ["manifest.json: no"]}
    row = {"release": "incidence", "unit": "contribution", "sigma": 9.0, "epsilon": 1.2, "delta": 1e-5, "promised": 2.0}
    learned = ["Each client learned one bit an agent and step."]
    found = Report("cd" * 32, checks, [SKIPPED, FROM_FOLDER, "more"], [row], told, None, learned)
    return audit_page.write(folder, found)


@pytest.mark.parametrize("name", ["private", "calibration", "audit"])
def test_nothing_overlaps_or_leaves_the_page_and_it_can_be_printed(name, request, open_page, check_page, look):
    page = open_page(request.getfixturevalue(name).as_uri(), look=look)
    plots = page.locator("figure")
    if name != "audit":
        page.locator("svg.main-svg").nth(2 * plots.count() - 1).wait_for()
        assert plots.count() >= 4
    assert page.evaluate(OVERLAPS) == []
    check_page(page)
    assert page.get_by_text("Made on 20").is_visible()
    assert len(page.pdf()) > 10_000


def test_small_counts_of_people_and_the_intervention_are_marked(private, open_page):
    page = open_page(private.as_uri())
    page.get_by_text("counts of private agents are of 1 to 4 people").wait_for()
    page.locator("figure", has_text="contacts_percent").locator("svg.main-svg").first.wait_for()
    rings = page.locator("figure").first.get_by_text("1 to 4 people")
    rings.wait_for()


def test_an_audits_caveats_stand_first_and_its_hashes_are_folded_away(audit, open_page):
    page = open_page(audit.as_uri())
    text = page.locator("main").inner_text()
    assert text.index("SKIPPED") < text.index("Who learned what") < text.index("What was checked")
    assert text.index("taken from the folder") < text.index("Who learned what")
    assert not page.get_by_text("ab" * 32).first.is_visible()
    page.get_by_text("Hashes, by which").click()
    assert page.get_by_text("ab" * 32).first.is_visible()
    assert page.get_by_text("ethics board").is_visible()
