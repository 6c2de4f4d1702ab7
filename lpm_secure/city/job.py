"""The run of a city, from its configuration to its folder."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from lpm_secure.city import folder as city_folders
from lpm_secure.city.config import CityConfig
from lpm_secure.city.report import lines_of, summary_of
from lpm_secure.city.run import CHECKPOINT, OnDay, run
from lpm_secure.city.series import CityWords
from lpm_secure.engine.device import device_of
from lpm_secure.models.words import stage_words, word_of
from lpm_secure.populations.source import open_population
from lpm_secure.report import folder as folders
from lpm_secure.report.progress import ProgressHead, SeriesNames, StepProgress, journal_of
from lpm_secure.report.summary import Summary
from protocols.arithmetic.fixed_point import I64

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
        observer: begins to watch so many days; told each part of a population that is built, then each day and its
            counts, int64[q].

    Returns:
        What was written into its folder, and what `lpm run` prints.

    Raises:
        ParameterError: a mistake in the input, or nothing of this configuration to resume.
    """
    place = device_of(device)
    folder = city_folders.begin(config, out, resume=resume)
    if resume and (figures := city_folders.load_figures(folder)):
        return Summary(file=city_folders.FIGURES, figures=figures, lines=lines_of(figures, folder))
    with journal_of(folder, _head(config)) as journal, observer(config.days) as (on_part, on_day):
        journal.enter("the population is built, or read")
        population = open_population(config.population, beside=beside, on_part=on_part)

        def see(day: int, words: CityWords, counts: I64) -> None:
            if not journal.results:
                journal.results["population"] = population.card.title
                journal.write(_head(config, words))
                journal.enter("the days")
            journal.write(StepProgress(at=time.time(), step=day, values=(tuple(counts.tolist()),)))
            on_day(day, words, counts)

        city = run(config, population, device=place, folder=folder, on_day=see)
        summary = summary_of(config, population, city, folder)
        folders.write(folder, summary)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return summary


def _head(config: CityConfig, words: CityWords | None = None) -> ProgressHead:
    """Return the head of a city's progress; what is counted is known once there is a population."""
    names: tuple[str, ...] = ()
    if words is not None:
        names = tuple(each.word for each in stage_words(words.names[: words.stages]))
        names += tuple(map(word_of, words.names[words.stages :]))
    return ProgressHead(
        at=time.time(),
        kind="city",
        name=config.name,
        run=config.hash,
        total=config.days,
        parts=(SeriesNames(part="synthetic", names=names, stages=words.stages),) if words else (),
        facts=("Synthetic agents only; no agent is a person.",),
    )
