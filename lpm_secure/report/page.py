"""A page of text, tables and plots that opens without a network; one plotting script serves all pages of a folder."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final, final

from lpm_secure.report.subplots import cells
from lpm_secure.report.versions import origin
from protocols.atomic_file import write_atomically
from protocols.file_mode import PUBLIC_MODE
from protocols.report import html

SCRIPT: Final = "plotly.min.js"
CONFIG: Final = {"displaylogo": False, "responsive": True}
FIT: Final = (  # a plot that was drawn before its neighbours were there has their width too
    '<script>addEventListener("load", () => dispatchEvent(new Event("resize")))</script>'
)
MISSING: Final = (
    f"The plots are not drawn: they need {SCRIPT}, which this page looks for at {{place}}. Copy it there together with "
    "this page; text and tables are whole without it."
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A plotly figure as a part of a page."""

    figure: Any

    def html(self) -> str:
        """Return the cells of the figure, beside or below each other, without the script that draws them."""
        import plotly.io as pio  # noqa: PLC0415 - slow to load, and a page without plots does without

        drawn = []
        for each in cells(self.figure):
            plot = pio.to_html(each.figure, include_plotlyjs=False, full_html=False, config=CONFIG)
            drawn.append(f"<figure><figcaption>{escape(each.title)}</figcaption>{plot}</figure>")
        return f"<div class=plots>{''.join(drawn)}</div>"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A page.

    Attributes:
        title: of the window, and above all parts unless `headline` is.
        parts: plots, and text as `protocols.report.html` makes it.
        headline: above all parts.
    """

    title: str
    parts: Sequence[str | Plot]
    headline: str | None = None

    @property
    def has_plots(self) -> bool:
        """Return whether it needs the script."""
        return any(isinstance(part, Plot) for part in self.parts)

    def html(self, *, script: str = SCRIPT) -> str:
        """Return the page; `script` is where it looks for the script, relative to itself."""
        loader = [_loader(script)] if self.has_plots else []
        parts = (part.html() if isinstance(part, Plot) else part for part in self.parts)
        made = f"<p class=made>{escape(origin())}</p>"
        foot = FIT if self.has_plots else ""
        return html.document(self.title, [*loader, *parts, made], headline=self.headline, foot=foot)


def write(path: Path, page: Page, *, scripts: Path | None = None, mode: int = PUBLIC_MODE) -> None:
    """Write a page, whole, and the script that draws its plots, if it has any.

    Args:
        path: of the page.
        page: to write.
        scripts: folder of the script, which all pages below it share; the page's own unless given.
        mode: of the page's file.
    """
    folder = path.parent if scripts is None else scripts
    if page.has_plots:
        share_script(folder)
    place = Path(os.path.relpath(folder, path.parent)) / SCRIPT
    write_atomically(path, page.html(script=place.as_posix()).encode(), mode=mode)


def share_script(folder: Path) -> None:
    """Put the plotting script into a folder, unless the same one is there."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - slow to load, as above

    content, path = get_plotlyjs().encode(), folder / SCRIPT
    if not (path.is_file() and path.read_bytes() == content):
        write_atomically(path, content, mode=PUBLIC_MODE)


def _loader(script: str) -> str:
    """Return what loads the script; the line that says what is missing goes where it has loaded."""
    missing = escape(MISSING.format(place=script))
    return (
        f"<p class=warning id=missing>{missing}</p><script src={escape(script)}></script>"
        '<script>if (window.Plotly) document.getElementById("missing").remove()</script>'
    )
