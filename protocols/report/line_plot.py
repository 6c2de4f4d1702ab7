"""A plot of a few series over steps, drawn without a script: a page with it opens wherever there is a browser."""

import html
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

WIDTH: Final = 640
HEIGHT: Final = 240
MARGIN: Final = 80
COLOURS: Final = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")  # in their order, then anew


def line_plot(caption: str, series: Mapping[str, Sequence[int | None]], *, first: int = 0) -> str:
    """Return a figure with a line for each series, broken where a value is None.

    Args:
        caption: above the plot.
        series: values by name, one for each step, all of one length.
        first: step of the first value.
    """
    values = [value for each in series.values() for value in each if value is not None]
    low, high = min([0, *values]), max([1, *values])
    last = max([2, *map(len, series.values())]) - 1
    lines, names = [], []
    for place, (name, each) in enumerate(series.items()):
        colour = COLOURS[place % len(COLOURS)]
        names.append(f'<span style="color:{colour}">&#9632;</span> {html.escape(name)}')
        for run in _runs(each):
            points = (f"{WIDTH * x / last:.1f},{HEIGHT * (high - y) / (high - low):.1f}" for x, y in run)
            lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(points)}"/>')
    ends = (
        (-6, 14, "end", f"{high:,}"),
        (-6, HEIGHT, "end", f"{low:,}"),
        (0, HEIGHT + 20, "start", f"step {first:,}"),
        (WIDTH, HEIGHT + 20, "end", f"step {first + last:,}"),
    )
    label = html.escape(f"{caption}: {', '.join(series)}, by step")
    words = (f'<text x="{x}" y="{y}" text-anchor="{at}" font-size="14">{text}</text>' for x, y, at, text in ends)
    return (
        f"<figure><figcaption>{html.escape(caption)}</figcaption><p>{' &nbsp; '.join(names)}</p>"
        f'<svg viewBox="{-MARGIN} -4 {WIDTH + 2 * MARGIN} {HEIGHT + 32}" role="img" aria-label="{label}"'
        ' style="max-width:48rem">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>{"".join([*lines, *words])}</svg></figure>'
    )


def _runs(values: Sequence[int | None]) -> Iterator[list[tuple[int, int]]]:
    """Yield places and values of what lies between two gaps."""
    for known, run in groupby(enumerate(values), key=lambda each: each[1] is not None):
        if known:
            yield [(place, value) for place, value in run if value is not None]
