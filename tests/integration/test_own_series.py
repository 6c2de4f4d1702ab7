"""A calibration of series of one's own: the configuration of the documentation, on tables that a test makes up.

Visits for a made-up illness in three institutions of two places, by a simulation that shares no code with the model.
"""

import csv
import re
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from typer.testing import CliRunner

from lpm_secure.calibration import config as configs
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.job import begin_fit, calibrate
from lpm_secure.calibration.series_check import SeriesCheck
from lpm_secure.calibration.transports import in_process as in_process_sums
from lpm_secure.calibration.transports import sums_of
from lpm_secure.cli.main import app
from lpm_secure.evaluation.config import load as load_evaluation
from lpm_secure.evaluation.job import evaluate
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.errors import ConfigError, DataError, ParameterError
from tests.calibration_hospitals import FloatOracle
from tests.page_blocks import blocks_of

PAGE = Path(__file__).parents[2] / "docs" / "calibration.md"
NAMES, PLACES = ("St. Mary", "Süd-Klinik", "praxis 3"), {"Upper Town": 900_000, "Lower Town": 1_400_000}
SHARES = {
    "St. Mary": {"Upper Town": 0.6},
    "Süd-Klinik": {"Upper Town": 0.2, "Lower Town": 0.5},
    "praxis 3": {"Lower Town": 0.3},
}
WEEKS, ROUNDS = 18, 6
SHORT = "[assimilation]\nrounds = 2\n\n[federation]"


def visits(rng):
    """Return expected visits by place and week: a chain of daily infections with a generation of three days."""
    expected = {}
    for place, people in PLACES.items():
        susceptible, infections = 0.7 * people, [120.0] * 3
        for _ in range(7 * (WEEKS + 3)):
            force = 1.52 / people * np.mean(infections[-3:])
            infections.append(susceptible * -np.expm1(-force))
            susceptible -= infections[-1]
        daily = 0.02 * np.array(infections[3:])
        expected[place] = daily.reshape(-1, 7).sum(axis=1)[3:]
    return expected


def rows():
    """Return rows of the long table: counts below 15 are hidden, one week is missing and another one has no row."""
    rng = np.random.default_rng(11)
    expected = visits(rng)
    for name in NAMES:
        mean = sum(share * expected[place] for place, share in SHARES[name].items())
        for week, count in enumerate(rng.poisson(mean)):
            day = np.datetime64("2026-01-05") + 7 * week + week % 3  # on any day of the week
            if (name, week) != ("praxis 3", 6):
                text = "NA" if (name, week) == ("St. Mary", 4) else "<15" if count < 15 else str(count)
                yield {"institution": name, "date": str(day), "series": "fever", "value": text}
                yield {"institution": name, "date": str(day), "series": "cough", "value": str(2 * count)}


def write(folder, *, changes=()):
    text = re.search(r"```toml\n(name = \"visits\".*?)```", PAGE.read_text(), re.DOTALL)[1]
    for old, new in (("rounds = 300", f"rounds = {ROUNDS}\ncheckpoint_rounds = 50"), *changes):
        assert old in text, old
        text = text.replace(old, new)
    (folder / "visits.toml").write_text(text)
    with (folder / "visits.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, ["institution", "date", "series", "value"], delimiter=";", lineterminator="\r\n")
        table.writeheader()
        table.writerows(rows())
    shares = [f"{name},{place},{share}" for name, each in SHARES.items() for place, share in each.items()]
    (folder / "institutions.csv").write_text("\n".join(["institution,place,share", *shares]) + "\n")
    (folder / "places.csv").write_text("\n".join(["place,population", *(f"{a},{b}" for a, b in PLACES.items())]))
    return folder / "visits.toml"


def load(folder, **ways):
    given = configs.load(write(folder))
    return msgspec.structs.replace(given, federation=msgspec.structs.replace(given.federation, **ways))


def lpm(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def in_process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    return calibrate(load(folder, transport="in-process"), folder)


def test_federated_draws_are_the_pooled_ones_up_to_fixed_point(in_process):
    config, study = in_process.config, in_process.study
    held = study.institutions(local_steps=config.fit.local_steps)
    pooled = Fit(study.course, FloatOracle(held, config.federation.contribution), config.schedule, study.names)
    pooled.run()
    assert torch.allclose(pooled.draws(50, seed=3), in_process.fit.draws(50, seed=3), rtol=0, atol=1e-5)
    assert study.names == ("st.-mary", "sud-klinik", "praxis-3")


def own_files(monkeypatch):
    """Let each institution run `python -m client_sdk` beside a table of all, in which it has its own name."""
    written = SumDeployment._write_client

    def write_client(self, name):
        written(self, name)
        folder, label = self.party(name), NAMES[list(self.institutions).index(name)]
        write(folder.parent.parent)
        config = (folder / "config.toml").read_text().replace('series = "series.csv"', 'series = "../../visits.csv"')
        config = re.sub(r"start = .*", f'start = 2026-01-05\nquantity = "fever"\ninstitution = "{label}"', config)
        (folder / "config.toml").write_text(config.replace("period_days = 1", "period_days = 7"))

    monkeypatch.setattr(SumDeployment, "_write_client", write_client)
    monkeypatch.setattr(SumDeployment, "client_program", property(lambda self: "client_sdk"))


def test_processes_with_their_own_tables_give_the_same_fit_to_the_bit(in_process, tmp_path, monkeypatch):
    own_files(monkeypatch)
    config = load(tmp_path, transport="native")
    study = config.study()
    with sums_of(config, study.institutions(local_steps=config.fit.local_steps), tmp_path) as sums:
        native = begin_fit(config, study, sums)
        native.run()
    assert torch.equal(native.draws(20, seed=3), in_process.fit.draws(20, seed=3))
    assert native.absences == {}


def test_the_fit_follows_the_series_and_forecasts_it(in_process):
    study, forecast = in_process.study, in_process.forecast
    assert [each.name for each in forecast.parameters] == ["reproduction", "prevalence", "rate"]
    for name, series in zip(study.names, study.data.series, strict=True):
        low, high = np.quantile(forecast.institutions[name], [0.01, 0.99], axis=0)
        held = (low <= series.exact) & (series.exact <= high)
        assert held[np.isfinite(series.exact)].mean() > 0.7, name


def test_more_periods_than_the_series_have_are_refused(tmp_path):
    path = write(tmp_path, changes=[("fit_periods = 14", "fit_periods = 40")])
    with pytest.raises(ConfigError, match="no institution has a value in a period after that of 2026-05-04; take 18"):
        configs.load(path).study()


def test_names_of_institutions_and_places_can_be_read_on_a_terminal_of_80_columns(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    output = lpm("data", "series", write(tmp_path)).output
    lines = output[: output.index("plots: ")].splitlines()
    assert max(map(len, lines)) <= 80
    (row,) = (line for line in lines if line.startswith("St. Mary"))
    assert "Upper Town" in row
    assert "2026-01-05" in row


def test_what_is_read_is_listed_and_plotted(tmp_path):
    done = lpm("data", "series", write(tmp_path))
    assert done.exit_code == 0, done.output
    assert "other series too: cough" in done.output
    checked = SeriesCheck(configs.load(tmp_path / "visits.toml").study())
    mary, south, practice = checked.institutions
    assert (mary["institution"], mary["places"]) == ("St. Mary (st.-mary)", "Upper Town 0.6")
    assert [row["missing"] for row in (mary, south, practice)] == [1, 0, 1]
    assert (south["first"], south["last"]) == ("2026-01-05", "2026-05-04")
    assert sum(row["censored"] for row in checked.institutions) == sum(
        each["value"] == "<15" and each["series"] == "fever" and each["date"] < "2026-04-13" for each in rows()
    )
    page = tmp_path / "visits.html"
    assert "Süd-Klinik" in page.read_text(encoding="utf-8")
    assert page.stat().st_mode & 0o077 == 0


def test_a_parquet_table_is_read_as_its_csv(tmp_path):
    csv_study = configs.load(write(tmp_path)).study()
    each = list(rows())
    parquet.write_table(pa.table({name: [row[name] for row in each] for name in each[0]}), tmp_path / "visits.parquet")
    path = write(tmp_path, changes=[("visits.csv", "visits.parquet")])
    for one, other in zip(csv_study.data.series, configs.load(path).study().data.series, strict=True):
        assert np.array_equal(one.least, other.least, equal_nan=True)
        assert np.array_equal(one.most, other.most, equal_nan=True)


def test_other_likelihoods_days_and_groups_go_the_same_way(tmp_path):
    gaussian = [
        ('likelihood = "negative_binomial"', 'likelihood = "log_gaussian"'),
        ("spread = 20.0 ", "spread = 0.3 "),
        ("rounds = 6", "rounds = 2"),
        ('places = "places.csv"', 'places = "groups.csv"\ncontacts = "contacts.csv"\nmovement = "movement.csv"'),
        ("immune = 0.3 ", "severity = [1.0, 4.0]\nimmune = 0.3 "),
        ('transport = "native"', 'transport = "in-process"'),
    ]
    path = write(tmp_path, changes=gaussian)
    groups = [f"{place},{group},{people / 2}" for place, people in PLACES.items() for group in ("young", "old")]
    (tmp_path / "groups.csv").write_text("\n".join(["place,group,population", *groups]))
    pairs = [(a, b) for a in ("young", "old") for b in ("young", "old")]
    contacts = [f"{a},{b},{8 if a == b else 3}" for a, b in pairs]
    (tmp_path / "contacts.csv").write_text("\n".join(["group,other,contacts", *contacts]))
    (tmp_path / "movement.csv").write_text("from,to,share\nUpper Town,Lower Town,0.2\n")
    config = configs.load(path)
    assert config.study().data.places.presence.tolist() == [[0.8, 0.2], [0.0, 1.0]]
    result = calibrate(config, tmp_path)
    assert np.isfinite([row["wis"] for row in result.scores]).all()


def test_daily_rows_in_other_words_make_the_weeks_that_they_are_of(tmp_path):
    ways = """combine = "sum"
dictionary = { columns = { institution = "site", date = "day", value = "n" }, dates = ["%d.%m.%Y"], unread = ["note"] }
period_days = 7"""
    changes = [("period_days = 7", ways), ('quantity = "fever"', ""), ("fit_periods = 14", "fit_periods = 2")]
    path = write(tmp_path, changes=[*changes, ("forecast_periods = 4", "forecast_periods = 1")])
    days = [np.datetime64("2026-01-05") + day for day in range(20)]  # the last day of the third week is missing
    each = [f"{name};{day.item():%d.%m.%Y};{place};x" for name in NAMES for place, day in enumerate(days)]
    (tmp_path / "visits.csv").write_text("\n".join(["site;day;n;note", *each]), encoding="utf-8")
    for series in configs.load(path).study().data.series:
        assert series.exact[:2].tolist() == [21.0, 70.0]
        assert np.isnan(series.exact[2])
    (tmp_path / "visits.csv").write_text("\n".join(["site;day;n;note", *each, each[0]]), encoding="utf-8")
    with pytest.raises(DataError, match=r"row 62: row 2 is of 2026-01-05 too"):
        configs.load(path).study()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('quantity = "fever"', 'quantity = "fevre"', "has no series 'fevre'; did you mean fever?"),
        ('quantity = "fever"', "", "has 2 series, cough, fever; say quantity"),
        ('institutions = "institutions.csv"\n', "", "data.institutions is missing"),
        ("immune = 0.3", "imune = 0.3", "did you mean `immune`"),
        ("walk_sd = 0.15", "", "walk_sd"),
        ('"negative_binomial"', '"negative_binomal"', "allowed are"),
        ("prevalence = {", "stay_days = { median = 1.0, sd = 1.0 }\nprevalence = {", "stay_days"),
        ("min_cohort = 3", "min_cohort = 4", "there are 3 institutions"),
        ('series = "visits.csv"', 'series = "visits.csv"\ncatalogue = "x"', "got series and catalogue"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line(tmp_path, old, new, said):
    done = lpm("data", "series", write(tmp_path, changes=[(old, new)]))
    assert isinstance(done.exception, ConfigError | DataError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("visits.csv", ";date;", ";dat;", "has no column date"),
        ("visits.csv", "praxis 3;", "praxis3;", "'praxis3' is not in"),
        ("visits.csv", "St. Mary;2026-01-05", "St. Mary;05.01.2026", "column date"),
        (
            "institutions.csv",
            "St. Mary,Upper Town",
            "St. Mary,Uper Town",
            "'Uper Town' is not known; did you mean Upper Town?",
        ),
        ("institutions.csv", ",share", ",shares", "did you mean share"),
        ("institutions.csv", "0.6", "1.6", "above 0 and at most 1"),
        ("places.csv", "900000", "many", "column population"),
    ],
)
def test_a_mistake_in_a_table_is_one_line_with_its_file(tmp_path, file, old, new, said):
    path = write(tmp_path)
    content = (tmp_path / file).read_text(encoding="utf-8")
    assert old in content
    (tmp_path / file).write_text(content.replace(old, new), encoding="utf-8")
    done = lpm("data", "series", path)
    assert isinstance(done.exception, DataError)
    assert said in str(done.exception)
    assert file in str(done.exception)
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("places.csv", "900000", "800000"), ("institutions.csv", "0.6", "0.3"), ("visits.csv", "fever;15", "fever;16")],
)
def test_a_checkpoint_of_other_tables_is_not_gone_on_from(tmp_path, file, old, new):
    config = load(tmp_path, transport="in-process")

    def begin():
        study = config.study()
        return begin_fit(config, study, in_process_sums(config, study.institutions(local_steps=0)))

    begin().save(tmp_path / "fit.safetensors")
    begin().load(tmp_path / "fit.safetensors")
    before = (tmp_path / file).read_text(encoding="utf-8")
    assert old in before
    (tmp_path / file).write_text(before.replace(old, new), encoding="utf-8")
    with pytest.raises(ParameterError, match="is of another fit"):
        begin().load(tmp_path / "fit.safetensors")


def test_own_series_are_evaluated_from_a_configuration_alone(tmp_path):
    write(tmp_path)
    (tmp_path / "evaluation.toml").write_text(
        'name = "visits-evaluation"\ncalibration = "visits.toml"\nhorizons = [2, 4]\n[origins]\ntuning = [10, 12]\n'
        "least_institutions = 3\n[assimilation]\nrounds = 2\n"
    )
    result = evaluate(*load_evaluation(tmp_path / "evaluation.toml"), tmp_path / "runs")
    assert {row["target"] for row in result.rows} == {"institutions"}  # no table of public events is given
    assert [each.scored for each in result.origins] == [True, True, True]
    assert {row["method"] for row in result.rows} >= {"model", "combined", "hub", "pooled_growth", "persistence"}
    assert all(np.isfinite(row["wis"]) and row["values"] > 0 for row in result.rows)


@pytest.mark.slow
def test_the_commands_of_the_page_fit_these_tables_and_follow_weeks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, changes=[("fit_periods = 14", "fit_periods = 17"), ("[federation]", SHORT)])
    first, again = (each.commands for each in blocks_of("docs/calibration.md", "sh")[1:3])
    assert again[0] == first[1] == "lpm calibrate visits.toml"
    for line in (*first, again[1]):
        done = lpm(*line.split()[1:])
        assert done.exit_code == 0, done.output
    assert (tmp_path / "runs" / "visits-assimilation" / "forecast.csv").exists()
