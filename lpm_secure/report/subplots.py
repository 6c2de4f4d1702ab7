"""The cells of a figure as figures of their own, which a page sets beside or below each other as its width allows."""

from collections.abc import Iterator
from typing import Any, Final, final

import msgspec

HEIGHT: Final = 300  # pixels of a cell
LEGEND: Final = 24  # and of a row of its legend
IN_A_ROW: Final = 3
MARGIN: Final = {"l": 56, "r": 12, "t": 12, "b": 48}
AXIS: Final = ("title", "rangemode", "type", "tickformat", "range", "categoryorder")

READABLE: Final = {"automargin": True, "ticklabelstandoff": 6}


@final
class Cell(msgspec.Struct, frozen=True):
    """One plot, and what it is of."""

    title: str
    figure: Any


def cells(figure: Any) -> list[Cell]:
    """Return the cells of a figure of plotly in their order; the figure itself where it has no subplots.

    What is written above a cell becomes its title, so that no text is drawn where there is no room for it.
    """
    places = list(dict.fromkeys(_axes(trace) for trace in figure.data if _flat(trace)))
    whole = str(figure.layout.title.text or "")
    if len(places) != len({_axes(trace) for trace in figure.data}):
        return [Cell("", figure)]  # a kind of trace that has no such axes
    if len(places) < 2:
        titles = [str(note.text) for note in figure.layout.annotations if not note.showarrow]
        return [Cell("; ".join(filter(None, [whole, *titles[:1]])), _plain(figure, figure.data, "x", "y"))]
    found = []
    for x, y in places:
        traces = [trace for trace in figure.data if _axes(trace) == (x, y)]
        title = "; ".join(filter(None, [whole if (x, y) == places[0] else "", *_title(figure, x, y)]))
        found.append(Cell(title, _plain(figure, traces, x, y)))
    return found


def _flat(trace: Any) -> bool:
    return "xaxis" in trace and "yaxis" in trace


def _axes(trace: Any) -> tuple[str, str]:
    return (trace["xaxis"] or "x", trace["yaxis"] or "y") if _flat(trace) else ("", "")


def _title(figure: Any, x: str, y: str) -> Iterator[str]:
    """Yield what is written above a cell."""
    domain, top = figure.layout[_key(x)].domain, figure.layout[_key(y)].domain
    for note in figure.layout.annotations:
        centre = domain and abs(note.x - (domain[0] + domain[1]) / 2) < 1e-6
        if centre and top and abs(note.y - top[1]) < 1e-6:
            yield str(note.text)


def _plain(figure: Any, traces: Any, x: str, y: str) -> Any:
    """Return a figure of these traces alone, with the look of the whole one, and a legend if they are several."""
    import plotly.graph_objects as go  # noqa: PLC0415 - slow to load, and pages without plots do without

    named = {trace.name for trace in traces if trace.name and trace.showlegend is not False} | {
        trace.legendgroup for trace in traces if trace.legendgroup
    }
    own = go.Figure()
    shown: set[str] = set()
    for trace in traces:
        name = trace.legendgroup or trace.name or ""
        first = bool(trace.name) and name in named and name not in shown  # the edges of a band have no name
        shown |= {name} if first else set()
        own.add_trace(go.Figure([trace]).data[0].update(xaxis="x", yaxis="y", showlegend=first and len(named) > 1))
    layout = figure.layout
    height = HEIGHT + (LEGEND * -(-len(named) // IN_A_ROW) if len(named) > 1 else 0)
    own.update_layout(template=layout.template, barmode=layout.barmode, hovermode=layout.hovermode, height=height)
    own.update_layout(margin=MARGIN, legend={"orientation": "h", "y": -0.25, "yanchor": "top"}, font={"size": 13})
    for key, axis in (("xaxis", layout[_key(x)]), ("yaxis", layout[_key(y)])):
        given = axis.to_plotly_json()
        own.update_layout({key: {name: given[name] for name in AXIS if name in given} | READABLE})
    return own


def _key(axis: str) -> str:
    return f"{axis[0]}axis{axis[1:]}"
