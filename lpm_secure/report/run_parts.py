"""Parts that pages of runs of several kinds have."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lpm_secure.report import html
from lpm_secure.report.page import Plot

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


def chance_part(runs: int, *, of: str = "seeds") -> str:
    """Return what so many runs that differ by chance alone say of it, and what they do not."""
    return html.paragraph(CHANCE if runs == 1 else BANDS.format(of))


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
