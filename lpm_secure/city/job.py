"""The run of a city, from its configuration to its folder."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from lpm_secure.city import folder as city_folders
from lpm_secure.city.config import CityConfig
from lpm_secure.city.report import lines_of, summary_of
from lpm_secure.city.run import CHECKPOINT, OnDay, run
from lpm_secure.engine.device import device_of
from lpm_secure.populations.source import open_population
from lpm_secure.report import folder as folders
from lpm_secure.report.summary import Summary

OnPart = Callable[[str], None]
CityObserver = Callable[[int], AbstractContextManager[tuple[OnPart, OnDay]]]


@contextmanager
def null_observer(days: int) -> Iterator[tuple[OnPart, OnDay]]:
    """Watch nothing."""
    yield lambda part: None, lambda day, words, counts: None


def simulate_city(
    config: CityConfig,
    *,
    beside: Path,
    out: Path,
    device: str = "auto",
    resume: bool = False,
    observer: CityObserver = null_observer,
) -> Summary:
    """Run a city, or go on with it, and write its folder.

    Args:
        config: of the run.
        beside: the folder that a population's relative path starts from.
        out: a folder is made in it for the run, or found again.
        device: of the torch back end: auto, cpu or cuda.
        resume: go on with an interrupted run; one that is finished is left as it is.
        observer: begins to watch so many days; told each part of a population that is built, then each day.

    Raises:
        ParameterError: a mistake in the input, or nothing of this configuration to resume.
    """
    place = device_of(device)
    folder = city_folders.begin(config, out, resume=resume)
    if resume and (figures := city_folders.load_figures(folder)):
        return Summary(file=city_folders.FIGURES, figures=figures, lines=lines_of(figures, folder))
    with observer(config.days) as (on_part, on_day):
        population = open_population(config.population, beside=beside, on_part=on_part)
        city = run(config, population, device=place, folder=folder, on_day=on_day)
    summary = summary_of(config, population, city, folder)
    folders.write(folder, summary)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return summary
