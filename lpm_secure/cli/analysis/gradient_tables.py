"""Verifications of gradients, and sensitivities, as tables for a terminal."""

from typing import Final

from rich.markup import escape
from rich.table import Column, Table

from lpm_secure.analysis.sensitivity.sensitivity import Sensitivity
from lpm_secure.analysis.sensitivity.verification import Verdict, Verification
from lpm_secure.gradients.estimators.estimator import Jacobian

SIDE_BY_SIDE: Final = 6  # parameters


def sensitivity_table(found: Sensitivity) -> Table:
    """Return the effect of a tenth more of each parameter on each output, with its standard error.

    Parameters stand side by side, or, where there are many, one below the other.
    """
    names, outputs = found.theta.names, found.problem.outputs.names
    title = f"{found.problem.name}: effect of 10 % more of each parameter ({found.found.seeds:,} runs)"
    expected = [f"{value:.4g}" for value in found.expected]
    effects = [[_effect(*found.effect(o, p)) for p in range(len(names))] for o in range(len(outputs))]
    if len(names) <= SIDE_BY_SIDE:
        columns = [Column(escape(name), justify="right", no_wrap=True) for name in names]
        table = Table("output", Column("expected", justify="right"), *columns)
        for output, value, row in zip(outputs, expected, effects, strict=True):
            table.add_row(escape(output), value, *row)
    else:
        table = Table("output", Column("expected", justify="right"), "parameter", Column("effect", justify="right"))
        for output, value, row in zip(outputs, expected, effects, strict=True):
            for p, (name, effect) in enumerate(zip(names, row, strict=True)):
                table.add_row(*((escape(output), value) if p == 0 else ("", "")), escape(name), effect)
            table.add_section()
    table.title, table.caption = title, escape(found.caption)
    return table


def _effect(effect: float, error: float) -> str:
    return f"{effect:+.3g} ±{error:.1g}"


def verification_table(found: Verification) -> Table:
    """Return ratios to finite differences with their standard errors; what does not hold is red.

    Parameters stand side by side, or, where there are many, one below the other.
    """
    return _long_table(found) if len(found.theta.names) > SIDE_BY_SIDE else _wide_table(found)


def _long_table(found: Verification) -> Table:
    right = [Column(each.name, justify="right", no_wrap=True) for each in found.verdicts for _ in range(2)]
    for column in right[1::2]:
        column.header = "ratio"
    table = Table(
        "output", "parameter", Column("finite differences", justify="right", no_wrap=True), *right, title=_title(found)
    )
    for o, output in enumerate(found.problem.outputs.names):
        for p, parameter in enumerate(found.theta.names):
            cells = [_value(found.truth, o, p)]
            for verdict in found.verdicts:
                cells += [_value(verdict.found, o, p) if verdict.asked[o, p] else "none", _ratio(verdict, o, p)]
            table.add_row(escape(output) if p == 0 else "", escape(parameter), *cells)
        table.add_section()
    counts = [
        f"{each.signs.sum()} signs, {each.holds.sum()} hold of {each.asked.sum()}; {each.found.seeds:,} runs, "
        f"{each.found.seconds:.1f} s"
        for each in found.verdicts
    ]
    table.caption = "; ".join(f"{each.name}: {text}" for each, text in zip(found.verdicts, counts, strict=True))
    return table


def _title(found: Verification) -> str:
    return f"{found.problem.name}: {escape(found.problem.source)}; ratio to finite differences, and its standard error"


def _value(found: Jacobian, o: int, p: int) -> str:
    return f"{found.value[o, p]:.3g} ±{found.error[o, p]:.1g}"


def _ratio(verdict: Verdict, o: int, p: int) -> str:
    """Return a ratio with its standard error; nothing where there is none, 0 where both sides are."""
    if not verdict.asked[o, p]:
        return "none"
    if verdict.zeros[o, p]:
        return "0"
    text = f"{verdict.ratio[o, p]:.2f} ±{verdict.error[o, p]:.2f}"
    return text if verdict.holds[o, p] else f"[red]{text}[/red]"


def _wide_table(found: Verification) -> Table:
    table = Table(
        "estimator",
        "output",
        *(Column(escape(name), justify="right", no_wrap=True) for name in found.theta.names),
        Column("signs", justify="right"),
        Column("hold", justify="right"),
        Column("seeds", justify="right"),
        Column("seconds", justify="right"),
        title=_title(found),
    )
    truth = found.truth
    for o, output in enumerate(found.problem.outputs.names):
        cells = [
            f"{value:.3g} ±{abs(error / value) if value else 0:.1%}"
            for value, error in zip(truth.value[o], truth.error[o], strict=True)
        ]
        last = (f"{truth.seeds:,}", f"{truth.seconds:.1f}") if o == 0 else ("", "")
        table.add_row("finite differences" if o == 0 else "", escape(output), *cells, "", "", *last)
    for verdict in found.verdicts:
        table.add_section()
        for o, output in enumerate(found.problem.outputs.names):
            table.add_row(*_row(verdict, o, output))
    return table


def _row(verdict: Verdict, o: int, output: str) -> list[str]:
    cells = [_ratio(verdict, o, p) for p in range(verdict.ratio.shape[1])]
    asked = verdict.asked[o].sum()
    counts = (f"{verdict.signs[o].sum()}/{asked}", f"{verdict.holds[o].sum()}/{asked}")
    last = (f"{verdict.found.seeds:,}", f"{verdict.found.seconds:.1f}") if o == 0 else ("", "")
    return [verdict.name if o == 0 else "", escape(output), *cells, *counts, *last]
