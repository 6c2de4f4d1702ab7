"""`lpm amortise`, on made-up hospitals of a small city."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from lpm_secure.monitor.runs import card_of, events_of
from lpm_secure.report.progress import FILE, FitProgress
from tests.few_hospitals import MODEL
from tests.integration.conftest import call

CONFIG = f"""
name = "small"
seed = 3

[data]
simulated = 6
fit_periods = 6
forecast_periods = 2
{MODEL}
[fit]
rounds = 15
draws = 2

[amortised]
rounds = 20
simulations = 8
first_period = 3
hidden = 8
embedding = 4
context = 8
check_rounds = 4
checkpoint_rounds = 8
"""


def amortise(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return what happened when the command was called."""
    return call("amortise", "small.toml", "--collect", "all.json", *arguments, cwd=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("amortise")
    (folder / "small.toml").write_text(CONFIG)
    done = amortise(folder, "--compare")
    assert done.returncode == 0, done.stderr
    (folder / "printed").write_text(done.stdout)
    return folder


def test_it_prints_both_posteriors_and_writes_every_figure(folder: Path) -> None:
    printed, figures = (folder / "printed").read_text(), json.loads((folder / "all.json").read_text())["amortised"]
    assert "MADE UP" in printed
    assert re.search(r"mean \(sd\) +amortised +online fit +prior", printed)
    assert {row["parameter"] for row in figures["compared"]} >= {
        "reproduction, period -4",
        "prevalence East",
        "rate",
        "stay_days",
    }
    assert figures["simulations"] == 20 * 8
    assert figures["check"]["simulations"] == 4 * 8
    assert {row["periods"] for row in figures["scores"]} == {2}
    assert (folder / "runs/small/amortised_compared.csv").read_text().startswith("parameter,amortised_mean")
    assert json.loads((folder / "runs/small/calibration.json").read_text())["amortised"] == figures


def test_a_browser_sees_the_training_and_its_loss(folder: Path, tmp_path: Path) -> None:
    done = call("amortise", "small.toml", "--collect", "new.json", "--out", str(tmp_path), cwd=folder)
    assert done.returncode == 0, done.stderr
    card = card_of("small", tmp_path / "small")
    assert card is not None
    assert (card.kind, card.state, card.step, card.total) == ("amortised posterior", "ended", 20, 20)
    lines = (tmp_path / "small" / FILE).read_bytes().splitlines()
    rounds = [each for each in events_of(lines) if isinstance(each, FitProgress)]
    assert [each.step for each in rounds] == list(range(1, 21))
    assert all(each.loss is not None and each.members == 6 for each in rounds)


def test_a_new_week_needs_no_training(folder: Path) -> None:
    done = amortise(folder, "--resume", "--periods", "7")
    assert done.returncode == 0, done.stderr
    assert "0 s for the last 0 rounds" in done.stdout
    assert "posterior    after 7 periods" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "has a checkpoint; go on with --resume"),
        (("--resume", "--periods", "2"), "trained for 3 to 8"),
        (("--resume", "--out", "nowhere"), "without --resume"),
        (("--resume", "--compare", "--periods", "5"), "the fit reads 6 periods"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = amortise(folder, *arguments)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_noise_that_embeddings_do_not_have_is_refused(folder: Path) -> None:
    (folder / "small.toml").write_text(CONFIG + "\n[federation]\nepsilon = 1.0\n")
    done = amortise(folder, "--out", "other")
    (folder / "small.toml").write_text(CONFIG)
    assert done.returncode == 2
    assert "leave federation.epsilon out" in done.stderr
