"""Populations as the command line and a program ask for them: built, of tables of one's own, and held against data."""

from pathlib import Path

import msgspec

from lpm_secure.analysis import outbreak
from lpm_secure.populations import user_tables
from lpm_secure.populations.agents import agents_of
from lpm_secure.populations.card import Card
from lpm_secure.populations.outbreak import OutbreakComparison
from lpm_secure.populations.population import Population
from lpm_secure.populations.show import number, page_of
from lpm_secure.populations.show_check import record_parts, rows_of
from lpm_secure.populations.synthesis import nyc
from lpm_secure.report.page import Page
from lpm_secure.report.summary import Summary
from lpm_secure.report.table import csv_of_rows
from lpm_secure.scenario.progress import watch_rounds
from lpm_secure.scenario.results.analysis import Analysis
from protocols.report.terminal import align


def build_population(
    out: Path | str, *, agents: int | str = "8.4M", seed: int = 1, progress: bool = True
) -> Population:
    """Build New York City from public tables, as `lpm population nyc` does.

    Args:
        out: folder to write; nothing may be there.
        agents: how many people: 250_000, "100k", "8.4M".
        seed: of all draws; the same seed gives the same bytes.
        progress: show how far it is.

    Returns:
        People with their households, schools, workplaces and community cells.

    Raises:
        ParameterError: something is at `out`, or no such number; of it DataError, where tables are not here.
    """
    count = agents_of(str(agents))
    with watch_rounds(f"{count:,} agents", shown=progress) as on_round:
        return nyc.build(
            Path(out),
            agents=count,
            seed=seed,
            on_part=lambda part: on_round(nyc.PARTS.index(part), len(nyc.PARTS), part),
        )


def read_population(people: Path | str, venues: Path | str, *, out: Path | str) -> Population:
    """Make a population of tables of one's own, as `lpm population from-csv` does.

    Args:
        people: CSV with columns `person`, `age` in years, `place` if you like, and one for each setting.
        venues: CSV with columns `venue` and `setting`.
        out: folder to write; nothing may be there.

    Returns:
        The population; nothing of it is drawn.

    Raises:
        ParameterError: something is at `out`; of it DataError, which names file, row and column.

    Security:
        The population holds these people's ages and venues in the clear; names of people are not kept.
    """
    return user_tables.from_csv(Path(people), Path(venues), out=Path(out))


def show_population(source: Population | Path | str) -> Analysis[Card]:
    """Show what a population is, as `lpm population show` does: its card, plots of it, and its check where it has one.

    Args:
        source: a population, or the folder of one.

    Returns:
        Plots and counts; the table `marginals` says how far each is from its public table, in its own unit.

    Raises:
        ParameterError: no population is there; as DataError, where a column was changed.
    """
    population = source if isinstance(source, Population) else Population.open(Path(source))
    card = population.card
    record = OutbreakComparison.read(population.path, card)
    marginals = [msgspec.to_builtins(each) for each in card.marginals]
    summary = Summary(
        file="population.json",
        figures={"card": msgspec.to_builtins(card), "check": msgspec.to_builtins(record)},
        lines=tuple(align([(name, number(value)) for name, value in card.counts.items()])),
        tables={"marginals.csv": csv_of_rows(marginals)} if marginals else {},
        page=page_of(card, record),
    )
    return Analysis(card, summary)


def check_population(
    source: Population | Path | str, *, seed: int = 1, progress: bool = True
) -> Analysis[OutbreakComparison]:
    """Run spring 2020 in New York City by the literature, and hold it against data, as `lpm population check` does.

    The record is kept in the population's folder.

    Args:
        source: a population that `build_population` made, or the folder of one.
        seed: of the simulation draws, a whole number.
        progress: show which day it is.

    Returns:
        The table `outbreak`: hospital admissions of each day, of the model (scaled to the city's people) and of the
        data. `passed` says whether total and highest week are within a factor of two.

    Raises:
        ParameterError: it is no population of New York City; of it DataError, where data are not here.
    """
    population = source if isinstance(source, Population) else Population.open(Path(source))
    with watch_rounds("spring 2020", shown=progress) as on_round:
        record = outbreak.check(
            population, seed=seed, on_day=lambda day, words, counts: on_round(day, outbreak.DAYS, f"day {day}")
        )
    record.write(population.path)
    days = zip(record.dates, record.model, record.data, strict=True)
    summary = Summary(
        file="outbreak.json",
        figures={"total": record.total, "peak": record.peak, "held": record.held} | msgspec.to_builtins(record),
        lines=tuple(align(rows_of(record))),
        tables={"outbreak.csv": csv_of_rows([{"date": date, "model": own, "data": data} for date, own, data in days])},
        page=Page(record.title, record_parts(record)),
        passed=record.held,
    )
    return Analysis(record, summary)
