"""What an evaluation shows: the tables, plots, and what was opened of institutions."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from lpm_secure.evaluation.job import EvaluationResult
from lpm_secure.evaluation.plots import coverage_plot, origins_plot, transforms_plot
from lpm_secure.evaluation.table import Rows
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.run_parts import settings_part
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.report.table import csv_of_rows
from protocols.report import html

JSON: Final = "evaluation.json"
LIMITS: Final = (
    "A testbed plays all institutions here, so that their scores can be added up. What was opened is the ledger below: "
    "sums over all institutions, without noise. Nothing that was known only after an origin has a part in what is "
    "forecast there; values are as they were last published, not as they stood at the time."
)
INTERVALS: Final = (
    "Relative scores are geometric means over origins of the mean weighted interval score over that of the hub's "
    "baseline. Intervals of 95 % count that origins share the periods that they forecast; few origins tell little."
)


def figures_of(result: EvaluationResult) -> dict[str, Any]:
    """Return everything that a reader may want to compare, as plain values; null where there is no number."""
    figures = {
        "data": result.title,
        "config": msgspec.to_builtins(result.config),
        "calibration": msgspec.to_builtins(result.calibration),
        "origins": [msgspec.to_builtins(each) for each in result.origins],
        "rows": result.rows,
        "summary": result.summary,
        "pairs": result.pairs,
        "transforms": [
            {"target": target, "method": method, "tenths": share.tolist()}
            for (target, method), share in result.transforms.items()
        ],
        "ledger": result.ledger,
        "rounds": result.rounds,
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(figures))  # nan is null
    return plain


def summary_of(result: EvaluationResult, folder: Path) -> Summary:
    """Return what an evaluation yields, in the form that is written into its folder and printed."""
    return Summary(
        file=JSON,
        figures=figures_of(result),
        lines=(*_lines(result), "", f"report       {folder / REPORT}"),
        tables={
            "evaluation.csv": csv_of_rows(result.rows),
            "evaluation_summary.csv": csv_of_rows(result.summary),
            "evaluation_pairs.csv": csv_of_rows(result.pairs),
        },
        page=Page(f"Evaluation {result.config.name}", _parts(result)),
    )


def _lines(result: EvaluationResult) -> Iterator[str]:
    few = [each.periods for each in result.origins if not each.scored]
    yield f"data         {result.title}"
    yield f"origins      {len(result.origins) - len(few)} scored; too few institutions report at {_listed(few)}"
    for row in result.ledger:
        yield f"released     {row['sums']} sums of up to {row['numbers']} numbers, no noise: {row['question']}"
    for half, group in _by_half(result.summary):
        yield ""
        yield f"{half} origins: score relative to hub [95 %], of the logarithm, intervals that held, bias"
        for row in group:
            yield (
                f"{row['target']:>13} {row['horizon']:>3}  {row['method']:18} {row['relative']:6.3f} "
                f"{_interval(row)}  {row['relative_log']:6.3f}  "
                f"50 %: {row['mean_held50']:4.0%}  90 %: {row['mean_held90']:4.0%}  {row['mean_bias']:+.2f}"
            )


def _interval(row: dict[str, Any]) -> str:
    low, high = row["relative_low"], row["relative_high"]
    return "[few origins]" if math.isnan(low) else f"[{low:.2f}, {high:.2f}]"


def _by_half(rows: Rows) -> Iterator[tuple[str, Rows]]:
    for half in dict.fromkeys(row["half"] for row in rows):
        yield half, [row for row in rows if row["half"] == half]


def _listed(periods: list[int]) -> str:
    return ", ".join(map(str, periods)) or "none"


def _parts(result: EvaluationResult) -> list[str | Plot]:
    few = [each.periods for each in result.origins if not each.scored]
    tables = [
        part
        for half, rows in _by_half(result.summary)
        for part in (html.heading(f"Origins: {half}"), html.records(rows))
    ]
    return [
        html.paragraph(result.title),
        html.warning(LIMITS),
        *tables,
        html.paragraph(INTERVALS),
        html.paragraph(f"Not scored, as too few institutions report the last period: {_listed(few)}."),
        html.heading("By origin"),
        Plot(origins_plot(result.rows)),
        html.heading("How often intervals held"),
        Plot(coverage_plot(result.summary)),
        html.heading("Where values came in forecasts, by tenths"),
        Plot(transforms_plot(result.transforms)),
        html.heading("Pairs"),
        html.records(result.pairs) if result.pairs else html.paragraph("There is one method alone."),
        html.heading("Ledger"),
        html.records(result.ledger),
        settings_part(msgspec.to_builtins(result.config)),
    ]
