"""Progress bars on standard error; whoever imports this needs what the watched jobs need."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from lpm_secure.city.series import CityWords
from lpm_secure.engine.loop import StepRelease
from lpm_secure.models.words import shares
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import TallyWord

OnStep = Callable[[int, StepRelease], None]
OnPart = Callable[[str], None]
OnDay = Callable[[int, CityWords, I64], None]
OnRound = Callable[[int, str], None]
LINE: Final = 40  # letters that shares of stages may take of a bar
START: Final = (TextColumn("{task.description}"), BarColumn())


def bars(*columns: str | ProgressColumn, transient: bool = False) -> Progress:
    """Return bars with these columns between the title and the seconds."""
    inner = (TextColumn(each) if isinstance(each, str) else each for each in columns)
    return Progress(*START, *inner, TimeElapsedColumn(), console=Console(stderr=True), transient=transient)


@contextmanager
def step_bar(title: str, *, steps: int, words: Sequence[TallyWord]) -> Iterator[OnStep]:
    """Show day, shares of agents in stages, and bytes while a run goes on; the caller tells each step's release."""
    columns = (
        "day {task.completed}/{task.total}",
        "{task.fields[stages]}",
        "{task.fields[sent]}",
    )
    fitting = find_stages(words)
    names = [word.name for word in words[fitting]]
    with bars(*columns) as progress:
        bar = progress.add_task(title, total=steps, stages="", sent="")
        sent = 0

        def on_step(step: int, release: StepRelease) -> None:
            nonlocal sent
            sent += release.traffic
            stages = shares(names, release.tally[fitting].tolist()) if names else ""
            told = f"{sent / 1024:,.0f} KiB" if sent else ""  # of an active run the engine is not told
            progress.update(bar, completed=step, stages=stages, sent=told)

        yield on_step


def find_stages(words: Sequence[TallyWord]) -> slice:
    """Return where the stages stand, of the first field whose shares fit in one line; nowhere if none do."""
    fields = list(dict.fromkeys(word.stage_of for word in words if word.stage_of is not None))
    for field in fields:
        places = [place for place, word in enumerate(words) if word.stage_of == field]
        names = [words[place].name for place in places]
        if len(shares(names, [1] + [0] * (len(names) - 1))) <= LINE:
            return slice(places[0], places[-1] + 1)
    return slice(0, 0)


@contextmanager
def city_bar(days: int) -> Iterator[tuple[OnPart, OnDay]]:
    """Show parts while a population is built, then days while a city runs."""
    with bars("day {task.completed}/{task.total}", "{task.fields[stages]}") as progress:
        bar = progress.add_task("population", total=days, stages="")

        def on_part(part: str) -> None:
            progress.update(bar, description=f"population: {part}")

        def on_day(day: int, words: CityWords, counts: I64) -> None:
            stages = shares(words.names[: words.stages], counts[: words.stages].tolist()) if words.stages else ""
            progress.update(bar, description="city", completed=day, stages=stages)

        yield on_part, on_day


@contextmanager
def round_bar(title: str, *, rounds: int) -> Iterator[OnRound]:
    """Show rounds while something is fitted; the caller tells each one, and who took part in words."""
    with bars("round {task.completed}/{task.total}", "{task.fields[members]}", TimeRemainingColumn()) as progress:
        bar = progress.add_task(title, total=rounds, members="")
        yield lambda round_, members: progress.update(bar, completed=round_, members=members)
