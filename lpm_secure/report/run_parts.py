"""Parts that pages of runs of several kinds have."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lpm_secure.report import html
from lpm_secure.report.page import Plot
from protocols.arithmetic.fixed_point import I64

CHANCE: Final = (
    "One run is one draw of chance: another seed gives other numbers, and how far they lie apart this page does not "
    "say. Runs in the clear over many seeds (lpm run CONFIG --seeds 20) show a median and a band. Neither says whether "
    "the model is right."
)
BANDS: Final = (
    "Lines are medians over {}, and a band holds 90 % of them: what chance does to this model, with these parameters. "
    "It says nothing of how well they are known, or whether the model is right."
)
HEAD: Final = ("parameter", "value", "unit")
OPACITY: Final = 0.18  # of a band
RING: Final = "#222222"
SMALL: Final = 5  # people; tables of fewer are commonly not published
FEW: Final = (
    "{:,} counts of private agents{} are of 1 to {} people, and {} ringed in the plots: such a count can single "
    "somebody out. Look at them before you pass this report on; min_count in [protocol] has them released as 0."
)


def chance_part(runs: int, *, of: str = "seeds") -> str:
    """Return what so many runs that differ by chance alone say of it, and what they do not."""
    return html.paragraph(CHANCE if runs == 1 else BANDS.format(of))


def is_small(counts: Any) -> npt.NDArray[np.bool_]:
    """Return which counts of people are of so few that they can single somebody out."""
    return (np.asarray(counts) > 0) & (np.asarray(counts) < SMALL)


def small_counts_part(few: int, *, runs: str = "") -> list[str]:
    """Return the warning of so many small counts of real people, of one run or of several; nothing of none."""
    over, which = (f", over all {runs},", f"medians over {runs} that are so small") if runs else ("", "they")
    return [html.warning(FEW.format(few, over, SMALL - 1, f"{which} are"))] if few else []


def rings(days: Sequence[float], counts: Sequence[float], *, legend: bool) -> Any:
    """Return rings around those counts of people that are small; of each day one."""
    import plotly.graph_objects as go  # noqa: PLC0415 - slow to load, as below

    few = is_small(counts).nonzero()[0].tolist()
    return go.Scatter(
        x=[days[step] for step in few],
        y=[counts[step] for step in few],
        mode="markers",
        name=f"1 to {SMALL - 1} people",
        legendgroup="few",
        showlegend=legend,
        marker={"symbol": "circle-open", "size": 9, "color": RING},
    )


def band_lines(
    values: I64,
    days: Sequence[float],
    name: str,
    colour: str,
    *,
    band: float,
    legend: bool,
    dash: str = "solid",
    people: bool = False,
) -> Iterator[Any]:
    """Yield the edges of a band of runs, filled between, and the median above it; of one run its line alone.

    Args:
        values: int64[runs, T + 1].
        days: of the steps.
        name, colour, dash: of the line.
        band: the share of runs in it.
        legend: name the line in it.
        people: whether these are counts of real people, of which small medians are ringed.
    """
    import plotly.graph_objects as go  # noqa: PLC0415 - slow to load, and a result without plots does without

    low, median, high = np.quantile(values, (0.5 - band / 2, 0.5, 0.5 + band / 2), axis=0).tolist()
    if len(values) > 1:
        edge = {"x": days, "mode": "lines", "line": {"width": 0, "color": colour}, "legendgroup": name}
        hidden = {"showlegend": False, "hoverinfo": "skip"}
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        yield go.Scatter(**edge, **hidden, y=low)
        yield go.Scatter(**edge, **hidden, y=high, fill="tonexty", fillcolor=f"rgba({red},{green},{blue},{OPACITY})")
    line = {"color": colour, "dash": dash}
    yield go.Scatter(x=days, y=median, name=name, line=line, legendgroup=name, showlegend=legend)
    if people and is_small(median).any():
        yield rings(days, median, legend=False)


def announcement_parts(public: Mapping[str, Sequence[int]], days: Sequence[float]) -> list[str | Plot]:
    """Return what an environment announced, such as interventions: each number holds until the next."""
    if not public:
        return []
    import plotly.graph_objects as go  # noqa: PLC0415 - slow to load, and most runs announce nothing
    from plotly.subplots import make_subplots  # noqa: PLC0415

    figure = make_subplots(rows=1, cols=len(public), subplot_titles=list(public))
    for column, (name, numbers) in enumerate(public.items(), start=1):
        line = go.Scatter(x=list(days), y=list(numbers), name=name, line={"shape": "hv"}, showlegend=False)
        figure.add_trace(line, row=1, col=column)
    figure.update_xaxes(title_text="day")
    return [html.heading("What the environment announced"), Plot(figure.update_layout(template="plotly_white"))]


def parameter_parts(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the table of parameters with their units; nothing where there are none."""
    return [html.heading("Parameters"), html.table(rows, head=HEAD)] if rows else []


def settings_part(config: Mapping[str, Any]) -> str:
    """Return everything that was asked for, folded away."""
    return html.fold("Everything that was asked for", html.table(html.flatten(config), head=("key", "value")))
