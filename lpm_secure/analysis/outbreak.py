"""A city's epidemic by the literature's parameters, held against the hospital admissions of spring 2020."""

import csv
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import torch

from lpm_secure.city.config import CityConfig
from lpm_secure.city.run import OnDay, run
from lpm_secure.data import catalogue
from lpm_secure.data.nyc_tables import NycTables
from lpm_secure.populations import Population
from lpm_secure.populations.epidemic import spring2020
from lpm_secure.populations.outbreak import OutbreakComparison
from lpm_secure.populations.source import PopulationConfig
from protocols.errors import ParameterError

TITLE = "hospital admissions of New York City, 1 March to 30 June 2020: the model by the literature, against NYC Health"

DAYS: Final = (spring2020.LAST - spring2020.FIRST).days


def check(
    population: Population, *, seed: int = 1, on_day: OnDay = lambda day, words, counts: None
) -> OutbreakComparison:
    """Run spring 2020 in a city, and compare daily hospital admissions with those that were reported.

    Args:
        population: that `lpm population nyc` built, of any size; events are scaled to the city.
        seed: of the simulation draws.
        on_day: told each day, and how many agents are in each stage.

    Raises:
        ParameterError: a population of another kind.
        DataError: data are missing or not the original.
    """
    if "zcta" not in population.card.places or "borough" not in population.card.places:
        raise ParameterError(f"{population.path} is not New York City; build one with lpm population nyc")
    people = float(NycTables.read().tract.people.sum())
    config = _config(population, people, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        series = run(config, population, device=torch.device("cpu"), folder=Path(folder), on_day=on_day).series
    days = range(config.days + 1)
    scale = people / population.n
    reported = _admissions()
    data = [reported[(spring2020.FIRST + timedelta(day)).isoformat()] for day in days]
    deaths = series.of("deaths").sum() * scale
    return OutbreakComparison(
        title=TITLE,
        population=population.card.sha256,
        dates=[(spring2020.FIRST + timedelta(day)).isoformat() for day in days],
        model=[float(each * scale) for each in series.of("admissions")],
        data=[admitted for admitted, _ in data],
        told={
            "no more in the first stage by 30 June, model": f"{series.departure_share:.1%}",
            "deaths, model": f"{deaths:,.0f}",
            "deaths, confirmed, data": f"{sum(died for _, died in data):,.0f}",
            "hazard per contact": f"{spring2020.hazard_per_contact(population):.4f}",
            "agents": f"{population.n:,}; events are scaled to {people:,.0f} people",
        },
        notes=list(spring2020.SOURCES),
    )


def _config(population: Population, people: float, *, seed: int) -> CityConfig:
    return CityConfig(
        name="nyc-spring-2020",
        seed=seed,
        days=DAYS,
        population=PopulationConfig(path=str(population.path)),
        disease=spring2020.disease(population, people),
        interventions=spring2020.interventions(),
    )


def _admissions() -> dict[str, tuple[float, float]]:
    """Return admissions and confirmed deaths by date, as NYC Health reports them."""
    path = catalogue.get("nyc_covid") / "data-by-day.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {
            datetime.strptime(row["date_of_interest"], "%m/%d/%Y").date().isoformat(): (
                float(row["HOSPITALIZED_COUNT"]),
                float(row["DEATH_COUNT"]),
            )
            for row in csv.DictReader(file)
        }
