"""What `lpm run` does with a configuration of a city."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lpm_secure.city import config as configs
from lpm_secure.city import folder as folders
from lpm_secure.city import report
from lpm_secure.city.run import OnDay, run
from lpm_secure.engine.tensors.device import device_of
from lpm_secure.populations.source import open_population
from protocols.arithmetic.fixed_point import I64
from protocols.models.course import CourseStage


def city(path: Path, *, device: str, out: Path, resume: bool) -> tuple[Path, dict[str, Any]]:
    """Run a city, or go on with it, and write its folder.

    Args:
        path: of the configuration.
        device: of the torch back end: auto, cpu or cuda.
        out: a folder is made in it for the run, or found again.
        resume: go on with an interrupted run; one that is finished is left as it is.

    Returns:
        The folder, and the run's figures.

    Raises:
        ParameterError: a mistake in the input, or nothing of this configuration to resume.
    """
    place, config = device_of(device), configs.load(path)
    folder = folders.begin(config, out, resume=resume)
    if resume and (found := folders.finished(folder)):
        return folder, found
    with _shown(config.days) as (on_part, on_day):
        population = open_population(config.population, beside=path.parent, on_part=on_part)
        ran = run(config, population, device=place, folder=folder, on_day=on_day)
    found = folders.figures(config, population, ran)
    report.write(folder / "report.html", config.name, found, ran.series)
    folders.write(folder, found, ran)
    return folder, found


@contextmanager
def _shown(days: int) -> Iterator[tuple[Callable[[str], None], OnDay]]:
    """Show a bar on standard error while a population is built and a city runs."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("day {task.completed}/{task.total}"),
        TextColumn("infectious {task.fields[infectious]:.2%}"),
        TextColumn("in hospital {task.fields[hospital]:,}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("population", total=days, infectious=0.0, hospital=0)

        def on_part(part: str) -> None:
            progress.update(bar, description=f"population: {part}")

        def on_day(day: int, counts: I64) -> None:
            infectious = int(counts[CourseStage.A] + counts[CourseStage.M]) / max(int(counts.sum()), 1)
            hospital = int(counts[CourseStage.H])
            progress.update(bar, description="city", completed=day, infectious=infectious, hospital=hospital)

        yield on_part, on_day
