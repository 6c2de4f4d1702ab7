"""Verifications of gradients, and sensitivities, as tables for a terminal."""

from rich.table import Column, Table

from lpm_secure.analysis.sensitivity.sensitivity import Sensitivity
from lpm_secure.analysis.sensitivity.verification import Verdict, Verification


def sensitivity_table(found: Sensitivity) -> Table:
    """Return the effect of a tenth more of each parameter on each output, with its standard error."""
    right = [Column(name, justify="right", no_wrap=True) for name in found.theta.names]
    title = f"{found.problem.name}: effect of 10 % more of each parameter ({found.found.seeds:,} runs)"
    table = Table("output", Column("expected", justify="right"), *right, title=title)
    for o, output in enumerate(found.problem.outputs.names):
        cells = [
            f"{effect:+.3g} ±{error:.1g}"
            for effect, error in (found.effect(o, p) for p in range(len(found.theta.names)))
        ]
        table.add_row(output, f"{found.expected[o]:.4g}", *cells)
    return table


def verification_table(found: Verification) -> Table:
    """Return ratios to finite differences with their standard errors; what does not hold is red."""
    table = Table(
        "estimator",
        "output",
        *(Column(name, justify="right", no_wrap=True) for name in found.theta.names),
        Column("signs", justify="right"),
        Column("hold", justify="right"),
        Column("seeds", justify="right"),
        Column("seconds", justify="right"),
        title=f"{found.problem.name}: {found.problem.source}; ratio to finite differences, and its standard error",
    )
    truth = found.truth
    for o, output in enumerate(found.problem.outputs.names):
        cells = [
            f"{value:.3g} ±{abs(error / value) if value else 0:.1%}"
            for value, error in zip(truth.value[o], truth.error[o], strict=True)
        ]
        last = (f"{truth.seeds:,}", f"{truth.seconds:.1f}") if o == 0 else ("", "")
        table.add_row("finite differences" if o == 0 else "", output, *cells, "", "", *last)
    for verdict in found.verdicts:
        table.add_section()
        for o, output in enumerate(found.problem.outputs.names):
            table.add_row(*_row(verdict, o, output))
    return table


def _row(verdict: Verdict, o: int, output: str) -> list[str]:
    cells = []
    for p in range(verdict.ratio.shape[1]):
        text = f"{verdict.ratio[o, p]:.2f} ±{verdict.error[o, p]:.2f}"
        if not verdict.asked[o, p]:
            cells.append("none")
        elif verdict.zeros[o, p]:
            cells.append("0")
        else:
            cells.append(text if verdict.holds[o, p] else f"[red]{text}[/red]")
    asked = verdict.asked[o].sum()
    counts = (f"{verdict.signs[o].sum()}/{asked}", f"{verdict.holds[o].sum()}/{asked}")
    last = (f"{verdict.found.seeds:,}", f"{verdict.found.seconds:.1f}") if o == 0 else ("", "")
    return [verdict.name if o == 0 else "", output, *cells, *counts, *last]
