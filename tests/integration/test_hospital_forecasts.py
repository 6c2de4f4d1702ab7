"""Forecasts of New York's hospitals, at origins that settings were chosen on: baselines, and short fits."""

from pathlib import Path

import msgspec
import pytest

from lpm_secure.data import catalogue
from lpm_secure.evaluation import job
from lpm_secure.evaluation.config import OriginsConfig, load

DATA = ("ny_hospitals_weekly", "nyc_covid", "nyc_population", "contact_matrices_ny_mistry", "nyc_commute_acs2015")
EXAMPLE = Path(__file__).parents[2] / "examples" / "evaluation.toml"
PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"


@pytest.fixture(autouse=True)
def here():
    if any(catalogue.where(name) is None for name in DATA):
        pytest.skip("the data are not here")


def cell_of(row):
    """Return what the page says of a row of the summary."""
    held = ", ".join(f"{row[name]:.0%}".replace("%", " %") for name in ("mean_held50", "mean_held90"))
    return f"{row['relative']:.2f} ({row['relative_log']:.2f}), {held}"


@pytest.mark.slow
def test_baselines_score_what_the_page_says(tmp_path):
    result = job.evaluate(*load(EXAMPLE), tmp_path, model=False)
    row = {(row["half"], row["target"], row["horizon"], row["method"]): row for row in result.summary}
    page = PAGE.read_text()
    for half in ("tuning", "judged"):
        for target in ("hospitals", "city"):
            for method in ("pooled_growth", "combined_baselines", "persistence"):
                cells = " | ".join(cell_of(row[half, target, horizon, method]) for horizon in (4, 8))
                assert f"| {half}, {target}: `{method}` | {cells} |" in page


@pytest.mark.slow
def test_short_fits_at_two_origins_are_scored_and_combined(tmp_path):
    config, calibration = load(EXAMPLE)
    config = msgspec.structs.replace(config, origins=OriginsConfig(tuning=(16, 17), least_institutions=20))
    config = msgspec.structs.replace(config, assimilation=msgspec.structs.replace(config.assimilation, rounds=10))
    fit = msgspec.structs.replace(calibration.fit, rounds=60, draws=2)
    result = job.evaluate(config, msgspec.structs.replace(calibration, fit=fit), tmp_path)
    assert result.rounds == 70
    scores = {(row["target"], row["horizon"], row["origin"], row["method"]): row["wis"] for row in result.rows}
    assert len(scores) == 2 * 2 * 2 * 6
    for origin in (16, 17):
        assert scores["hospitals", 4, origin, "model"] < 40
        assert scores["hospitals", 4, origin, "combined"] < 20
