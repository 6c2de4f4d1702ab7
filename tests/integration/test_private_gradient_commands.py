"""`lpm run` of a configuration with `[gradient]`: what it writes, prints, compares and refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import csv
from typer.testing import CliRunner

from lpm_secure.cli.main import app
from lpm_secure.config import simulation as configs
from lpm_secure.config.day_law import DayLaw
from lpm_secure.config.gradient_spec import gradient_for
from lpm_secure.config.model import model_of
from lpm_secure.gradients.private import job
from lpm_secure.gradients.private.result import difference
from lpm_secure.monitor.runs import card_of
from protocols.errors import ConfigError
from protocols.task.release_plan import releases_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "private_gradient.toml"
TANGENTS = (
    'way = "tangents"\nparameters = ["beta.near", "cell_beta", "latent", "infectious", "initial"]\nclip = 65536.0'
)
ADJOINTS = 'way = "adjoints"'
SCORE = 'way = "score"\nparameters = ["scale", "latent", "initial"]\nclip = 64.0\nlargest_hazard = 16.0'
NOISE = "\n[releases]\nscore_epsilon = 2.0\n"


@pytest.fixture
def written(tmp_path):
    """Return a function that writes the example, made small, with another gradient."""

    def write(gradient=TANGENTS, *replaced):
        text = EXAMPLE.read_text().replace('"workplace_invs15"', '"look_alike"').replace("steps = 20", "steps = 4")
        head, _ = text.split("[gradient]\n")
        for old, new in replaced:
            assert old in head
            head = head.replace(old, new)
        path = tmp_path / "run.toml"
        path.write_text(f"{head}[gradient]\n{gradient}\n")
        return path

    return write


def rounds_of(folder):
    """Return what `lpm serve` shows of a run: its kind, how it stands, and how many rounds of how many are over."""
    card = card_of(folder.name, folder)
    assert card.unit == "round"
    return card.kind, card.state, card.step, card.total


def lpm(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_the_example_is_small_and_asks_for_tangents():
    given = configs.load(EXAMPLE)
    assert given.gradient.way == "tangents"
    assert given.protocol.mode == "sum"
    assert gradient_for(given, model_of(given.model, {}, dt=given.dt)).clip == 65536.0


def test_a_run_writes_and_prints_the_clear_gradient(written, tmp_path):
    path = written()
    done = lpm("run", path, "--out", tmp_path / "runs")
    assert done.exit_code == 0, done.output
    assert "gradient parity: identical" in done.output
    (folder,) = (tmp_path / "runs").iterdir()
    figures = json.loads((folder / "gradient.json").read_text())
    assert figures["parity"] is True
    assert figures["apart"] == 0.0
    assert rounds_of(folder) == ("private derivatives", "ended", 5, 5)
    clear = lpm("run", path, "--clear")
    assert f"gradient: {figures['sha256']}" in clear.output
    table = csv.read_csv(folder / "gradient.csv")
    assert table.column_names == ["step", "agents", "stage", "expected", *figures["parameters"]]
    assert table.num_rows == 5 * 2 * 4
    last = [row for row in table.to_pylist() if row["step"] == 4]
    assert sum(row["contact_rate"] for row in last) == pytest.approx(0.0, abs=1e-2)  # nobody is lost
    assert sum(row["initial"] for row in last if row["stage"] != "S") > 0
    printed = next(line for line in done.output.splitlines() if line.startswith("contact_rate"))
    by_stage = [sum(row["contact_rate"] for row in last if row["stage"] == stage) for stage in "SEIR"]
    assert [float(word) for word in printed.split()[1:]] == pytest.approx(by_stage, rel=1e-5)


def test_tangents_and_adjoints_of_the_same_run_agree(written):
    tangents = job.clear(configs.load(written()))
    adjoints = job.clear(configs.load(written(ADJOINTS)))
    at = [adjoints.found.parameters.index(name) for name in tangents.found.parameters]
    np.testing.assert_allclose(adjoints.found.last[:, at], tangents.found.last, rtol=1e-3, atol=1e-2)


@pytest.mark.slow
def test_adjoints_over_processes_are_the_clear_ones(written, tmp_path):
    done = lpm("run", written(ADJOINTS), "--out", tmp_path / "runs")
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "runs").iterdir()
    kind, outcome, rounds, total = rounds_of(folder)
    assert (kind, outcome, rounds) == ("private derivatives", "ended", total)
    assert "gradient parity: identical" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["", NOISE])
def test_a_score_of_an_outcome_run_is_the_clear_one_or_noised_and_audited(written, tmp_path, noise):
    path = written(SCORE + noise, ('mode = "sum"', 'mode = "outcome"'))
    done = lpm("run", path, "--out", tmp_path / "runs")
    assert done.exit_code == 0, done.output
    assert ("releases have noise" if noise else "gradient parity: identical") in done.output
    (folder,) = (tmp_path / "runs").iterdir()
    assert csv.read_csv(folder / "gradient.csv").column_names == ["parameter", "score"]
    assert rounds_of(folder)[2:] == (5, 5)
    assert (folder / "series.csv").is_file()
    audited = lpm("audit", folder, "--no-build-checks")
    assert audited.exit_code == 0, audited.output
    score = "release score by scale.infection, latent_law, initial"
    assert f"{score}: {'epsilon 1.99' if noise else 'exact, no privacy budget'}" in audited.output


def test_another_gradient_is_seen_and_fails_the_run(written, monkeypatch):
    path = written()
    one, other = job.clear(configs.load(path)), job.clear(configs.load(written(TANGENTS.replace("65536.0", "1.0"))))
    assert difference(one.found, one.found) == 0.0
    assert difference(one.found, other.found) > 1e-3
    result = job.GradientRun("tangents", one.found, difference(one.found, other.found))
    assert "gradient parity: DIFFERENT" in list(job.lines_of(result))[-2]
    monkeypatch.setattr(job, "private", lambda *_, **__: (Path("folder"), result))
    assert lpm("run", path).exit_code == 1


def test_slopes_are_those_of_the_laws_by_their_means_in_steps(written):
    config = configs.load(written(SCORE, ('mode = "sum"', 'mode = "outcome"'), ("dt = 1.0", "dt = 0.5")))
    given = gradient_for(config, model_of(config.model, {}, dt=config.dt, way="score"))
    law = DayLaw.of(3.0, 1.5, dt=0.5)
    assert np.array(given.slopes["latent_law"]) / 2**32 == pytest.approx(law.slope * 0.5)
    assert list(given.slopes) == ["latent_law"]
    assert given.parameters == ("scale.infection", "latent_law", "initial")
    means = [
        float(np.dot(np.arange(1, len(each.weight) + 1), each.weight))
        for each in (DayLaw.of(3.0, 1.5, dt=0.5), DayLaw.of(3.01, 1.5, dt=0.5))
    ]
    grown = float(np.dot(np.arange(1, len(law.weight) + 1), np.array(given.slopes["latent_law"]) / 2**32))
    assert grown == pytest.approx((means[1] - means[0]) / 0.02, rel=0.02)  # 0.01 d are 0.02 steps


def test_the_noise_of_a_score_keeps_to_its_budget(written):
    from lpm_secure.run.jobs import local_testbed

    manifest = local_testbed(configs.load(written(SCORE + NOISE, ('mode = "sum"', 'mode = "outcome"')))).manifest
    rule = releases_of(manifest).of("score")
    assert (rule.times, rule.epsilon) == (3, 2.0)
    assert manifest.releases.rho == pytest.approx(3 / (2 * rule.sigma**2))
    assert releases_of(manifest).of("tally").mechanism == "exact"


@pytest.mark.parametrize(
    ("gradient", "replaced", "said"),
    [
        (
            TANGENTS,
            ("agents = 500", 'agents = 500\npopulation = "nyc"\nbeta = {household = 0.1}'),
            "leave the population",
        ),
        (TANGENTS + NOISE, ("seed = 1", "seed = 1"), "the run no score"),
        (TANGENTS + "\n[releases]\ndelta = 1e-6", ("seed = 1", "seed = 1"), "names no epsilon"),
        (TANGENTS.replace("initial", "nothing"), ("seed = 1", "seed = 1"), "no derivative by nothing"),
        (SCORE.replace("initial", "nothing"), ("seed = 1", "seed = 1"), "no score by nothing: there are beta.near"),
        (SCORE, ("seed = 1", "seed = 1"), "is for mode outcome"),
        (TANGENTS, ("min_cohort = 5", "min_cohort = 1"), "at least 2 clients"),
        (TANGENTS, ('mode = "sum"', 'mode = "outcome"'), "outcome mode tells no client its exposure"),
    ],
)
def test_what_a_run_cannot_give_is_refused_in_one_line(written, gradient, replaced, said):
    refused = lpm("run", written(gradient, replaced), "--clear")
    assert refused.exit_code != 0
    assert said in str(refused.exception)


def test_an_engine_of_values_refuses_a_gradient(written):
    refused = lpm("up", written())
    assert "use lpm run" in str(refused.exception)
    with pytest.raises(ConfigError):
        configs.load(written("way = 'sideways'"))
