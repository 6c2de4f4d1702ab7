"""`report.html`: what a run shows, as plots that open without a network."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

from lpm_secure.engine.series import PARTS, StageSeries
from lpm_secure.run.disclosure import what_is_learned
from lpm_secure.run.folder import Result, figures
from lpm_secure.run.received import Received, by_party
from protocols.models import Stage

COLOURS: Final = {Stage.S: "#4477aa", Stage.E: "#ccbb44", Stage.I: "#ee6677", Stage.R: "#228833"}
STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.3rem 1rem .3rem 0;text-align:left;border-bottom:1px solid #ddd}
td:last-child{font-variant-numeric:tabular-nums}.warning{background:#fff3cd;padding:.6rem 1rem;border-radius:.4rem}
code{font-size:.85em;word-break:break-all}
"""
NAMES: Final = {Stage.S: "susceptible", Stage.E: "exposed", Stage.I: "infectious", Stage.R: "recovered"}


def rows_of(result: Result) -> list[tuple[str, str]]:
    """Return the table that ends a run: what was measured, in words, and its value."""
    found = figures(result)
    waning = bool(result.testbed.manifest.model.waning)
    attack = "not susceptible at the end" if waning else "attack rate"
    rows = [
        ("contacts", result.label),
        ("population", result.population),
        (f"{attack}, private agents", f"{found['attack_rate_private']:.1%}"),
        (f"{attack}, synthetic agents", f"{found['attack_rate_synthetic']:.1%}"),
        ("mode", result.testbed.manifest.mode),
        ("seconds per step", f"{found['seconds_per_step']:.4f}"),
        ("seconds until all have joined", f"{found['seconds_start']:.1f}"),
    ]
    if found["bytes_per_client_per_step"] is not None:
        rows.append(("bytes per client and step", f"{found['bytes_per_client_per_step']:,.0f}"))
    received = by_party(result.received)
    rows += [(f"bytes received per step, {party}", f"{count:,.0f}") for party, count in received.items()]
    if found["overhead"] is not None:
        rows.append(("overhead against the clear step", f"{found['overhead']:.1f}x"))
    if found["lost"]:
        rows.append(("lost on the way", ", ".join(each["party"] for each in found["lost"])))
    return rows


def write(path: Path, result: Result) -> None:
    """Write the report."""
    figure = _plots(result.private.series, waning=bool(result.testbed.manifest.model.waning))
    plot = pio.to_html(figure, include_plotlyjs=True, full_html=False, config={"displaylogo": False})
    title = f"Run {html.escape(result.config.name)}"
    cells = [(html.escape(name), html.escape(value)) for name, value in rows_of(result)]
    table = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in cells)
    path.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1>{_notes(result)}<table>{table}</table>{plot}"
        f"{_received(result.received)}{_parity(result)}</html>",
        encoding="utf-8",
    )


def _notes(result: Result) -> str:
    notes = f"<p>{html.escape(_description(result))}</p>"
    if result.testbed.look_alike:
        notes += f"<p class=warning>{html.escape(result.label)}</p>"
    return notes + f"<p class=warning>{html.escape(what_is_learned(result.testbed.manifest))}</p>"


def _description(result: Result) -> str:
    manifest = result.testbed.manifest
    n = sum(len(client.agents) for client in manifest.clients)
    return (
        f"{len(manifest.clients)} clients with {n} private agents, "
        f"{len(manifest.aggregators)} aggregators, {result.testbed.synthetic:,} synthetic agents in the engine, "
        f"{manifest.steps} steps of {manifest.dt:g} d, seed {result.config.seed}."
    )


def _received(rows: Sequence[Received]) -> str:
    """Return the table of who received how much from whom."""
    if not rows:
        return ""
    lines = "".join(
        f"<tr><td>{html.escape(row.party)}</td><td>{html.escape(row.sender)}</td><td>{row.per_step:,.0f}</td></tr>"
        for row in rows
    )
    head = "<tr><th>received by</th><th>from</th><th>bytes per step</th></tr>"
    return f"<h2>What each party received</h2><table>{head}{lines}</table>"


def _parity(result: Result) -> str:
    if result.clear is None:
        return ""
    word = "identical" if result.parity else "DIFFERENT"
    return (
        f"<h2>Parity: {word}</h2><p>private <code>{result.private.series.hash}</code><br>"
        f"clear <code>{result.clear.series.hash}</code></p>"
    )


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
