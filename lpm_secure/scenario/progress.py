"""How far an ensemble or an analysis is: a bar in a terminal and in a notebook, nothing elsewhere."""

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from protocols.errors import ParameterError
from protocols.report.html import paragraph

if TYPE_CHECKING:
    from rich.progress import Progress

OnSeries = Callable[[int], None]
OnRound = Callable[[int, int, str], None]  # rounds that are over, of how many, and where
NOTEBOOK: Final = "ZMQInteractiveShell"  # of IPython's shells that of a notebook


def journal_folder(given: Path | str | None) -> Path | None:
    """Return the folder that was given for a journal; none where none was.

    Raises:
        ParameterError: it is a file.
    """
    folder = None if given is None else Path(given)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise ParameterError(f"{folder} is a file, and a journal has a folder; give another path")
    return folder


@contextmanager
def watch(
    titles: Sequence[str], *, seeds: int | Sequence[int], shown: bool = True, unit: str = "runs"
) -> Iterator[OnSeries]:
    """Show how many seeds of each scenario have ended; the caller tells whose.

    Args:
        titles: of scenarios.
        seeds: of all, or of each; or how many days, where each of these is told.
        shown: False for no bar, wherever this is.
        unit: of what is told.
    """
    totals = [seeds] * len(titles) if isinstance(seeds, int) else list(seeds)
    if shown and _is_notebook():
        with _notebook_bar(sum(totals), unit) as on_series:
            yield on_series
    elif shown and sys.stderr is not None and sys.stderr.isatty():
        with _terminal_bars(titles, totals) as on_series:
            yield on_series
    else:
        yield lambda scenario: None


@contextmanager
def watch_rounds(title: str, *, shown: bool = True) -> Iterator[OnRound]:
    """Show how far something is that says itself how long it is.

    Args:
        title: of it.
        shown: as `watch` has it.
    """
    if shown and _is_notebook():
        with _notebook_page() as show:
            yield lambda done, total, words: show(_bar(done, total, f"({title}: {words})"))
    elif shown and sys.stderr is not None and sys.stderr.isatty():
        with _terminal() as progress:
            bar = progress.add_task(title, total=None)
            yield lambda done, total, words: progress.update(
                bar, completed=done, total=total, description=f"{title}: {words}"
            )
    else:
        yield lambda done, total, words: None


@contextmanager
def _notebook_bar(total: int, unit: str) -> Iterator[OnSeries]:
    with _notebook_page(_bar(0, total, unit)) as show:
        done = itertools.count(1)
        yield lambda scenario: show(_bar(next(done), total, unit))


@contextmanager
def _notebook_page(first: str = "") -> Iterator[Callable[[str], None]]:
    """Yield what writes over one place of a notebook; it is empty afterwards."""
    from IPython.display import HTML, display  # noqa: PLC0415 - a notebook has it, and this package does without

    handle = display(HTML(first), display_id=True)
    yield lambda page: handle.update(HTML(page))
    handle.update(HTML(""))


def _bar(done: int, total: int, unit: str) -> str:
    """Return a bar as a notebook's page has it, with the same in words."""
    return f"<progress value={done} max={total}></progress>{paragraph(f'{done} of {total} {unit}')}"


@contextmanager
def _terminal_bars(titles: Sequence[str], totals: Sequence[int]) -> Iterator[OnSeries]:
    with _terminal() as progress:
        bars = [progress.add_task(title, total=total) for title, total in zip(titles, totals, strict=True)]
        yield lambda scenario: progress.advance(bars[scenario])


def _terminal() -> "Progress":
    from rich.console import Console  # noqa: PLC0415 - only where there is a terminal
    from rich.progress import Progress  # noqa: PLC0415

    return Progress(console=Console(stderr=True), transient=True)


def _is_notebook() -> bool:
    """Return whether this runs in a notebook's kernel; what nobody has imported is not asked."""
    library = sys.modules.get("IPython")
    return library is not None and type(library.get_ipython()).__name__ == NOTEBOOK
