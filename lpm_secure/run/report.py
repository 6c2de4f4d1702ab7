"""What a private run shows: a table, plots, who received what, and parity."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lpm_secure.engine.series import PARTS, StageSeries
from lpm_secure.report import html
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.summary import REPORT, Summary, align
from lpm_secure.report.table import both
from lpm_secure.run import ingress
from lpm_secure.run.disclosure import describe_disclosure
from lpm_secure.run.ingress import Ingress, by_party
from lpm_secure.run.private_run import FIGURES, PrivateRun
from protocols.models import Stage

COLOURS: Final = {Stage.S: "#4477aa", Stage.E: "#ccbb44", Stage.I: "#ee6677", Stage.R: "#228833"}
NAMES: Final = {Stage.S: "susceptible", Stage.E: "exposed", Stage.I: "infectious", Stage.R: "recovered"}


def summary_of(run: PrivateRun, folder: Path) -> Summary:
    """Return what a run yields, in the form that is written into its folder and printed."""
    figures = run.figures()
    rows = _rows(run, figures)
    return Summary(
        file=FIGURES,
        figures=figures,
        lines=(*align([*rows, ("report", str(folder / REPORT))]), *_parity_lines(run)),
        tables=both("series", run.private.series.table()) | {ingress.FILE: ingress.table(run.received)},
        page=Page(f"Run {run.config.name}", _parts(run, rows)),
        passed=run.parity is not False,
    )


def _rows(run: PrivateRun, figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the table that ends a run: what was measured, in words, and its value."""
    waning = bool(run.testbed.manifest.model.recurrence)
    attack = "not susceptible at the end" if waning else "attack rate"
    rows = [
        ("contacts", run.label),
        ("population", run.population),
        (f"{attack}, private agents", f"{figures['attack_rate_private']:.1%}"),
        (f"{attack}, synthetic agents", f"{figures['attack_rate_synthetic']:.1%}"),
        ("mode", run.testbed.manifest.mode),
        ("seconds per step", f"{figures['seconds_per_step']:.4f}"),
        ("seconds until all have joined", f"{figures['seconds_start']:.1f}"),
    ]
    if figures["bytes_per_client_per_step"] is not None:
        rows.append(("bytes per client and step", f"{figures['bytes_per_client_per_step']:,.0f}"))
    rows += [(f"bytes received per step, {party}", f"{count:,.0f}") for party, count in by_party(run.received).items()]
    if figures["overhead"] is not None:
        rows.append(("overhead against the clear step", f"{figures['overhead']:.1f}x"))
    if figures["lost"]:
        rows.append(("lost on the way", ", ".join(each["party"] for each in figures["lost"])))
    return rows


def _parity_lines(run: PrivateRun) -> Iterator[str]:
    if run.clear is not None:
        yield f"parity: {'identical' if run.parity else 'DIFFERENT'}"
        yield f"  private {run.private.series.hash}"
        yield f"  clear   {run.clear.series.hash}"


def _parts(run: PrivateRun, rows: Sequence[tuple[str, str]]) -> list[str | Plot]:
    manifest = run.testbed.manifest
    parts: list[str | Plot] = [html.paragraph(_description(run))]
    if run.testbed.look_alike:
        parts.append(html.warning(run.label))
    parts += [html.warning(describe_disclosure(manifest)), html.table(rows)]
    parts.append(Plot(_plots(run.private.series, waning=bool(manifest.model.recurrence))))
    if run.received:
        parts += [html.heading("What each party received"), _ingress_table(run.received)]
    if run.clear is not None:
        parts.append(html.heading(f"Parity: {'identical' if run.parity else 'DIFFERENT'}"))
        parts += [html.digest("private", run.private.series.hash), html.digest("clear", run.clear.series.hash)]
    return parts


def _description(run: PrivateRun) -> str:
    manifest = run.testbed.manifest
    n = sum(len(client.agents) for client in manifest.clients)
    return (
        f"{len(manifest.clients)} clients with {n} private agents, "
        f"{len(manifest.aggregators)} aggregators, {run.testbed.synthetic:,} synthetic agents in the engine, "
        f"{manifest.steps} steps of {manifest.dt:g} d, seed {run.config.seed}."
    )


def _ingress_table(rows: Sequence[Ingress]) -> str:
    """Return the table of who received how much from whom."""
    cells = [(row.party, row.sender, f"{row.per_step:,.0f}") for row in rows]
    return html.table(cells, head=("received by", "from", "bytes per step"))


def _plots(series: StageSeries, *, waning: bool) -> Any:
    """Return stages and incidence of private and synthetic agents, one column each."""
    incidence = "new infections, less returns" if waning else "new infections"
    parts = [part for part in PARTS if series.size(part)]
    titles = [f"{part} agents: {what}" for what in ("stages", incidence) for part in parts]
    figure = make_subplots(rows=2, cols=len(parts), subplot_titles=titles, vertical_spacing=0.12)
    days = list(series.table()["day"].to_pylist())
    for column, part in enumerate(parts, start=1):
        for stage in Stage:
            line = go.Scatter(
                x=days,
                y=series.of(part, stage).tolist(),
                name=NAMES[stage],
                legendgroup=stage.name,
                showlegend=column == 1,
                line={"color": COLOURS[stage]},
            )
            figure.add_trace(line, row=1, col=column)
        bars = go.Bar(x=days, y=series.incidence(part).tolist(), marker_color=COLOURS[Stage.I], showlegend=False)
        figure.add_trace(bars, row=2, col=column)
    figure.update_xaxes(title_text="day")
    figure.update_yaxes(title_text="agents", rangemode="tozero")
    figure.update_layout(
        height=760, template="plotly_white", hovermode="x unified", legend={"orientation": "h", "y": 1.08}
    )
    return figure
