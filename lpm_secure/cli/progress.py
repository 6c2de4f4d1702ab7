"""A progress bar with day, prevalence and bytes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lpm_secure.engine.loop import StepRelease
from protocols.models import Stage

OnStep = Callable[[int, StepRelease], None]


@contextmanager
def shown(title: str, *, steps: int) -> Iterator[OnStep]:
    """Show a bar on standard error while a run goes on; the caller tells it each step and its release."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("day {task.completed}/{task.total}"),
        TextColumn("prevalence {task.fields[prevalence]:.1%}"),
        TextColumn("{task.fields[kib]:,.0f} KiB"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(title, total=steps, prevalence=0.0, kib=0.0)
        sent = 0

        def on_step(step: int, release: StepRelease) -> None:
            nonlocal sent
            sent += release.traffic
            prevalence = float(release.tally[Stage.I]) / max(int(release.tally.sum()), 1)
            progress.update(bar, completed=step, prevalence=prevalence, kib=sent / 1024)

        yield on_step


@contextmanager
def counted(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar on standard error; the caller tells how many are done, of how many, and what comes next."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(title, total=None)

        def on_next(done: int, total: int, name: str) -> None:
            progress.update(bar, completed=done, total=total, description=f"{title}: {name}")

        yield on_next
