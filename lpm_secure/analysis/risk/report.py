"""What a computation of risks shows: what the authority got, one owner's view, and what only a testbed can check."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
import plotly.graph_objects as go

from lpm_secure.analysis.risk.config import RiskConfig
from lpm_secure.analysis.risk.job import RiskRun
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.report.table import csv_of_rows
from lpm_secure.report.versions import versions
from protocols.report import html

FIGURES, TABLE = "risk_summary.json", "risk_distribution.csv"
BAR: Final = 40
TOLD: Final = (
    "Each owner is told the share of worlds in which it happens, drawn towards this mean, and where the risk lies with "
    "90 % probability, as far as contacts and parameters are right."
)


def summary_of(config: RiskConfig, result: RiskRun) -> Summary:
    """Return what both runs yield, in the form that is written above their folders and printed."""
    folder = result.folders[0].parent
    return Summary(
        file=FIGURES,
        figures=_figures(config, result),
        lines=(*lines_of(result), f"report    {folder / REPORT}"),
        tables={TABLE: csv_of_rows(_bins(result))},
        page=Page(f"Risk {config.name}", _parts(result)),
        passed=result.parity,
    )


def _figures(config: RiskConfig, result: RiskRun) -> dict[str, Any]:
    """Return everything that a reader may want to compare, as plain values; nobody's own risk is among them."""
    return {
        "contacts": result.label,
        "runs": [folder.name for folder in result.folders],
        "devices": result.devices,
        "histogram": result.released.tolist(),
        "noise_sd": result.sigma,
        "edges": list(result.edges),
        "law": msgspec.to_builtins(result.law),
        "mean_risk": _means(result),
        "parity": result.parity,
        "versions": versions(),
        "config": msgspec.to_builtins(config),
    }


def _bins(result: RiskRun) -> list[dict[str, float]]:
    """Return a row for each bin: risks from `low` to below `high`, and how many devices, with noise."""
    edges = pairwise((0.0, *result.edges, 1.0))
    return [
        {"low": low, "high": high, "devices": devices, "noise_sd": result.sigma}
        for (low, high), devices in zip(edges, result.released.tolist(), strict=True)
    ]


def _parts(result: RiskRun) -> list[str | Plot]:
    bars = go.Bar(x=_labels(result), y=result.released.tolist(), error_y={"type": "constant", "value": result.sigma})
    figure = go.Figure(bars)
    figure.update_layout(height=380, template="plotly_white", xaxis_title="risk of the week", yaxis_title="devices")
    return [
        html.paragraph(result.label),
        html.paragraph(f"{result.devices} devices. All that the health authority got; lines are one sd of noise."),
        Plot(figure),
        html.paragraph(f"{_spread(result)} {TOLD}"),
        html.heading("Seen by nobody outside of this testbed"),
        html.table([(f"mean risk, {name}", f"{value:.1%}") for name, value in _means(result).items()]),
        html.paragraph(f"Parity with the clear replay: {'identical' if result.parity else 'DIFFERENT'}."),
    ]


def _labels(result: RiskRun) -> list[str]:
    """Return what each bin is called, in percent."""
    ends = [f"{100 * edge:g}" for edge in (0.0, *result.edges)]
    return [*(f"{low} to {high} %" for low, high in pairwise(ends)), f"{ends[-1]} % and more"]


def _spread(result: RiskRun) -> str:
    """Return how risks are spread, by what was released."""
    mean, size = result.law.mean, result.law.size
    sd = np.sqrt(mean * (1 - mean) / (size + 1))
    return f"By these counts, people's risks have a mean of {mean:.1%} and a standard deviation of {sd:.1%}."


def _means(result: RiskRun) -> dict[str, float]:
    own = result.own.values()
    return {
        "as before": float(np.mean([risk.before.risk for risk in own])),
        "with half of the contacts": float(np.mean([risk.halved.risk for risk in own])),
    }


def lines_of(result: RiskRun) -> Iterator[str]:
    """Yield the lines."""
    yield f"contacts  {result.label}"
    yield f"devices   {result.devices}, each with its own keys and connections; hosted by fewer processes"
    yield ""
    yield from _distribution(result)
    yield ""
    yield from _one_device(result)
    yield ""
    yield from _checks(result)


def _distribution(result: RiskRun) -> Iterator[str]:
    """Yield the noised distribution, as the authority has it."""
    counts, labels = result.released, _labels(result)
    noise = f"{result.sigma:.1f} in each row"
    yield f"what the health authority gets: devices by risk, with noise of standard deviation {noise}"
    most = max(float(counts.max()), 1.0)
    for label, count in zip(labels, counts, strict=True):
        bar = "#" * round(BAR * max(float(count), 0.0) / most)
        yield f"  {label:<{max(map(len, labels))}}  {count:7.1f}  {bar}"
    yield f"  {_spread(result)}"


def _one_device(result: RiskRun) -> Iterator[str]:
    """Yield what one owner sees; the device in the middle of the range of risks stands for all."""
    name = sorted(result.own, key=lambda each: (result.own[each].before.risk, each))[len(result.own) // 2]
    told = result.law.estimate(result.own[name])
    yield f"what the owner of one device sees, and nobody else; as an example, {name}"
    yield f"  goes on as before  {told.before:5.1%}, between {told.low:.1%} and {told.high:.1%} by {told.worlds} worlds"
    yield f"  halves contacts    {told.halved:5.1%}"
    yield f"  {TOLD}"


def _checks(result: RiskRun) -> Iterator[str]:
    """Yield what can be checked here alone, where all devices are simulated."""
    names = sorted(result.own)
    halved = np.array([result.own[name].halved.risk for name in names])
    bias = halved - np.array([result.truth[name] for name in names])
    before = np.array([result.own[name].before.risk for name in names])
    yield "seen by nobody outside of this testbed:"
    yield f"  mean risk {before.mean():.1%} as before, {halved.mean():.1%} with half of the contacts"
    yield (
        f"  a twin hears but does not speak: its risk is {bias.mean():+.2%} off on average, {np.abs(bias).max():.1%} "
        "at most, from that of a person who truly halves contacts, with the same draws"
    )
    same = "identical" if result.parity else "DIFFERENT"
    yield f"parity: {same}, {len(names)} devices bit for bit with the clear replay"
