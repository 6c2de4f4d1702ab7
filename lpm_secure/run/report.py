"""What a private run shows: a table, plots, who received what, and parity."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lpm_secure.engine.series import PARTS, StageSeries, difference, hash_of, table_of
from lpm_secure.models.words import colours_of, departure_words, word_of
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.run_parts import (
    announcement_parts,
    band_lines,
    chance_part,
    is_small,
    parameter_parts,
    rings,
    settings_part,
    small_counts_part,
)
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.report.table import both
from lpm_secure.run import ingress
from lpm_secure.run.ingress import Ingress, by_party
from lpm_secure.run.private_run import FIGURES, PrivateRun
from protocols.models.graph.agents import GraphModel
from protocols.report import html
from protocols.report.disclosure import describe_cost, describe_disclosure
from protocols.report.model_report import parameters_in_words
from protocols.report.terminal import align
from protocols.task.parties import agents_of

BARS: Final = "#ee6677"
PRIVATE: Final = PARTS.index("private")
BAND: Final = 0.9  # of replicates lie in it


def summary_of(run: PrivateRun, folder: Path) -> Summary:
    """Return what a run yields, in the form that is written into its folder and printed."""
    figures = run.figures()
    rows = _rows(run, figures)
    return Summary(
        file=FIGURES,
        figures=figures,
        lines=(*align([*rows, ("report", str(folder / REPORT))]), *_parity_lines(run)),
        tables=both("series", table_of(run.private.replicates)) | {ingress.FILE: ingress.table(run.received)},
        page=Page(f"Run {run.config.name}", _parts(run, rows)),
        passed=run.parity is not False,
    )


def _rows(run: PrivateRun, figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the table that ends a run: what was measured, in words, and its value."""
    rows = [
        ("contacts", run.label),
        ("population", run.population),
        *_endings(run, figures),
        ("mode", run.testbed.manifest.mode),
        ("security", run.testbed.manifest.security),
        ("seconds per step", f"{figures['seconds_per_step']:.4f}"),
        ("seconds until the first step", f"{figures['seconds_first_step']:.1f}, {_joining(figures)}"),
    ]
    if figures["bytes_per_client_per_step"] is not None:
        rows.append(("bytes per client and step", f"{figures['bytes_per_client_per_step']:,.0f}"))
    rows += [(f"bytes received per step, {party}", f"{count:,.0f}") for party, count in by_party(run.received).items()]
    if figures["overhead"] is not None:
        rows.append(("overhead against the clear step", f"{figures['overhead']:.1f}x"))
    if figures["lost"]:
        rows.append(("lost on the way", ", ".join(each["party"] for each in figures["lost"])))
    return rows


def _joining(figures: dict[str, Any]) -> str:
    return f"of which processes start and join in {figures['seconds_start']:.1f}"


def _endings(run: PrivateRun, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how agents ended: who left the first stage, where its name is known; else the last day's totals."""
    series = run.private.series
    words = departure_words(series.first)
    for part in PARTS:
        if words.share:
            share = words.share_again if run.testbed.manifest.model.recurrence else words.share_once
            yield f"{share}, {part} agents", f"{figures[f'{words.share}_{part}']:.1%}"
        elif series.has(part):
            totals = ", ".join(f"{word_of(name)} {total:,}" for name, total in series.last(part).items())
            yield f"at the end, {part} agents", totals


def _parity_lines(run: PrivateRun) -> Iterator[str]:
    if run.clear is not None:
        apart, many = difference(run.private.replicates, run.clear.replicates), len(run.private.replicates)
        yield f"parity: {f'DIFFERENT, {apart}' if apart else 'identical'}{f' of {many} replicates' if many > 1 else ''}"
        yield f"  private {hash_of(run.private.replicates)}"
        yield f"  clear   {hash_of(run.clear.replicates)}"


def _parts(run: PrivateRun, rows: Sequence[tuple[str, str]]) -> list[str | Plot]:
    manifest = run.testbed.manifest
    parts: list[str | Plot] = [html.paragraph(_description(run))]
    if run.testbed.look_alike:
        parts.append(html.warning(run.label))
    parts += [html.warning(describe_disclosure(manifest)), html.table(rows)]
    parts += series_parts(manifest.model, run.private.replicates, people=not run.testbed.look_alike)
    parts += [html.heading("What it costs in privacy"), html.items(describe_cost(manifest))]
    if run.received:
        parts += [html.heading("What each party received"), _ingress_table(run.received)]
    if run.clear is not None:
        parts.append(html.heading(f"Parity: {'identical' if run.parity else 'DIFFERENT'}"))
        if not run.parity:
            parts.append(html.warning(difference(run.private.replicates, run.clear.replicates)))
        digests = [("private", hash_of(run.private.replicates)), ("clear", hash_of(run.clear.replicates))]
        parts.append(html.fold("Hashes of both series", *(html.digest(*each) for each in digests)))
    return [*parts, settings_part(msgspec.to_builtins(run.config))]


def _replicate_parts(each: Sequence[StageSeries], *, people: bool) -> list[str | Plot]:
    """Return the bands of a run's replicates, where it has several, and whose the plots below are."""
    if len(each) == 1:
        return []
    return [
        html.heading(f"{len(each)} replicates: the same people and contacts, other draws"),
        Plot(bands(each, people=people)),
        chance_part(len(each), of="replicates"),
        html.heading("The first replicate"),
    ]


def series_parts(model: GraphModel, each: Sequence[StageSeries], *, people: bool) -> list[str | Plot]:
    """Return the plots of a run, what they do not say, and its parameters.

    Args:
        model: of the run.
        each: the series of its replicates; of several there are bands, and the plots of the first one.
        people: whether private agents stand for real people, whose small counts are marked.
    """
    series, several = each[0], len(each) > 1
    parts = _replicate_parts(each, people=people)
    parts.append(Plot(plots(series, returns=bool(model.recurrence), people=people)))
    few = sum(int(is_small(own.counts[:, PRIVATE, : own.stages]).sum()) for own in each) if people else 0
    parts += small_counts_part(few, runs="replicates" if several else "")
    parts += announcement_parts(series.public, [step * series.dt for step in range(len(series.counts))])
    parts += [] if several else [chance_part(1)]  # else bands above say it
    return [*parts, *parameter_parts(parameters_in_words(model.graph, model.parameters))]


def _description(run: PrivateRun) -> str:
    manifest = run.testbed.manifest
    return (
        f"{len(manifest.clients)} clients with {agents_of(manifest.clients)} private agents, "
        f"{len(manifest.aggregators)} aggregators, {run.testbed.synthetic:,} synthetic agents in the engine, "
        f"{manifest.steps} steps of {manifest.dt:g} d, seed {run.config.seed}{_and_on(manifest.copies)}."
    )


def _and_on(copies: int) -> str:
    return f" and on, {copies} replicates" if copies > 1 else ""


def _ingress_table(rows: Sequence[Ingress]) -> str:
    """Return the table of who received how much from whom."""
    cells = [(row.party, row.sender, f"{row.per_step:,.0f}") for row in rows]
    return html.table(cells, head=("received by", "from", "bytes per step"))


def plots(series: StageSeries, *, returns: bool, people: bool = False) -> Any:
    """Return stages, observables and who left the first stage, of private and synthetic agents, one column each.

    Args:
        series: of a run.
        returns: whether some may come back to the first stage.
        people: whether small counts of private agents are ringed.
    """
    words = departure_words(series.first)
    rows = ["stages" if len(series.names) == series.stages else "stages and observables"]
    rows += [words.returns if returns else words.departures] if series.stages else []
    parts = [part for part in PARTS if series.has(part)] or list(PARTS[:1])
    titles = [f"{part} agents: {what}" for what in rows for part in parts]
    figure = make_subplots(rows=len(rows), cols=len(parts), subplot_titles=titles, vertical_spacing=0.12)
    days = list(series.table()["day"].to_pylist())
    for column, part in enumerate(parts, start=1):
        for line in _lines(series, part, days, legend=column == 1):
            figure.add_trace(line, row=1, col=column)
        few = series.counts[:, PRIVATE, : series.stages] if people and part == "private" else np.zeros(0)
        if is_small(few).any():
            ringed = rings(days * series.stages, few.T.ravel().tolist(), legend=True)
            figure.add_trace(ringed, row=1, col=column)
        if series.stages:
            bars = go.Bar(x=days, y=series.incidence(part).tolist(), marker_color=BARS, showlegend=False)
            figure.add_trace(bars, row=2, col=column)
    figure.update_xaxes(title_text="day")
    figure.update_yaxes(title_text="agents", rangemode="tozero")
    figure.update_layout(
        height=760, template="plotly_white", hovermode="x unified", legend={"orientation": "h", "y": 1.08}
    )
    return figure


def _lines(series: StageSeries, part: str, days: Sequence[float], *, legend: bool) -> Iterator[Any]:
    """Yield a line for each stage and observable, by its name."""
    for place, (name, colour) in enumerate(zip(series.names, colours_of(series.names), strict=True)):
        yield go.Scatter(
            x=days,
            y=series.of(part, place).tolist(),
            name=word_of(name),
            legendgroup=name,
            showlegend=legend,
            line={"color": colour},
        )


def bands(each: Sequence[StageSeries], *, people: bool) -> Any:
    """Return a figure of stages and observables over days: the median of replicates, and a band of 90 % of them."""
    first = each[0]
    parts = [part for part in PARTS if first.has(part)] or list(PARTS[:1])
    titles = [f"{part} agents: median and 90 % of {len(each)} replicates" for part in parts]
    figure = make_subplots(rows=1, cols=len(parts), subplot_titles=titles)
    days = (np.arange(len(first.counts)) * first.dt).tolist()
    for column, part in enumerate(parts, start=1):
        for place, (name, colour) in enumerate(zip(first.names, colours_of(first.names), strict=True)):
            values = np.stack([series.of(part, place) for series in each])
            marked = people and part == "private" and place < first.stages
            line: dict[str, Any] = {"band": BAND, "legend": column == 1, "people": marked}
            figure.add_traces(list(band_lines(values, days, word_of(name), colour, **line)), rows=1, cols=column)
    figure.update_xaxes(title_text="day")
    figure.update_yaxes(title_text="agents", rangemode="tozero")
    return figure.update_layout(template="plotly_white", hovermode="x unified", legend={"orientation": "h", "y": 1.12})
