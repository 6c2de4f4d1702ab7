"""Data as the command line and a program ask for them: of the catalogue, and a look over tables of one's own."""

import datetime
from pathlib import Path
from typing import Any

from lpm_secure.calibration.config import load as load_series
from lpm_secure.calibration.series_check import SeriesCheck
from lpm_secure.data import catalogue
from lpm_secure.models.model import Model
from lpm_secure.models.reference import name_of
from lpm_secure.report.summary import Summary
from lpm_secure.report.table import csv_of_rows
from lpm_secure.run.survey_check import SurveyCheck, TableQuestions, check_survey
from lpm_secure.scenario.own_tables import OwnFolder, tables_of
from lpm_secure.scenario.results.analysis import Analysis
from protocols.report.terminal import align


def get_dataset(name: str) -> Path:
    """Return the folder of a data set of the catalogue, fetched if it is not here, as `lpm data get` does.

    Args:
        name: as `datasets()` has it, with licence, use and citation.

    Raises:
        ParameterError: no such data set; DataError, where a file cannot be fetched or is not the original.
    """
    return catalogue.get(name)


def check_people(
    people: Any,
    contacts: Any = None,
    *,
    model: type[Model] | str,
    clients: str | None = None,
    cells: str | None = None,
    start: datetime.date | None = None,
    dt: float = 1.0,
) -> Analysis[SurveyCheck]:
    """Say what a run would read in people and contacts of one's own, as `lpm data check` does.

    Args:
        people, contacts: as `Simulation` takes them: paths, frames, or a graph.
        model: a class, its name, or the path of a run's configuration (`.toml`), which says the rest too.
        clients: the column that says whose client a person is.
        cells: the column that says in which cell a person is.
        start: day of the first step.
        dt: days in a step.

    Returns:
        What was read, in `figures`, and plots of degree (contacts a day), days and stages. `result.warnings` are what
        may not be as it was meant.

    Raises:
        ParameterError: what a run would be refused for, with file and row; DataError, ConfigError, ModelError are.

    Security:
        All of it stays in this process; plots and figures have counts alone.
    """
    folder = OwnFolder()  # holds what is no file yet, and goes when this ends
    who, met = tables_of(people, contacts, folder)
    asked = TableQuestions(clients, cells, start, dt)
    name = model if isinstance(model, str) else name_of(model)
    found = check_survey(Path(who), None if met is None else Path(met), model=name, questions=asked)
    figures = {"tables": dict(found.rows), "warnings": list(found.warnings)}
    return Analysis(
        found, Summary(file="people.json", figures=figures, lines=align(found.rows), page=found.page, private=True)
    )


def check_series(config: Path | str) -> Analysis[SeriesCheck]:
    """Say what a calibration would read of institutions' series, as `lpm data series` does.

    Args:
        config: the path of a calibration's configuration.

    Returns:
        The table `institutions`: of each its places, first and last day, and how many of its periods are exact,
        censored, missing or kept back; plots of all series. `result.warnings` are what may not be as it was meant.

    Raises:
        ParameterError: what a calibration would be refused for, with file and row; DataError and ConfigError are.

    Security:
        All of it stays in this process; plots and the table have every institution's values.
    """
    given = load_series(Path(config))
    study = given.study()
    study.institutions(local_steps=given.fit.local_steps)  # refuses what the likelihood cannot have
    found = SeriesCheck(study)
    figures = {"data": dict(found.summary), "institutions": found.institutions, "warnings": list(found.warnings)}
    summary = Summary(
        file="series.json",
        figures=figures,
        lines=align(found.summary),
        tables={"institutions.csv": csv_of_rows(found.institutions)},
        page=found.page,
        private=True,
    )
    return Analysis(found, summary)
