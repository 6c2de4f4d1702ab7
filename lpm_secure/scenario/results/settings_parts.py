"""What a report says of the settings that its numbers come from: parameters, interventions, and all that was asked."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from client_sdk.private.table import F64
from lpm_secure.report import html
from lpm_secure.report.page import Plot
from lpm_secure.report.run_parts import (
    announcement_parts,
    chance_part,
    is_small,
    parameter_parts,
    settings_part,
    small_counts_part,
)
from protocols.arithmetic.fixed_point import I64

PUBLIC: Final = "public_"  # before the names of what an environment announced
SAME: Final = "Parameters: those that differ first"


class ScenarioSettings(Protocol):
    """What is told of a scenario."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of series."""

    @property
    def small_counts(self) -> Sequence[str]:
        """Series that count real people, whose small counts are ringed."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Which runs there are."""

    @property
    def days(self) -> F64:
        """Days, float64[T + 1]."""

    @property
    def parameters(self) -> Sequence[tuple[str, str, str]]:
        """Of each parameter its name, value and unit."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Tables of the configuration."""

    def values(self, name: str) -> I64:
        """Return one series of every seed, int64[seeds, T + 1]."""


def settings_parts(scenarios: Mapping[str, ScenarioSettings]) -> list[str | Plot]:
    """Return the parts of one scenario's report, or of several's: one column for each, what differs first."""
    public: dict[str, list[int]] = {}
    for scenario, each in scenarios.items():
        for name in (name for name in each.names if name.startswith(PUBLIC)):
            shown = name.removeprefix(PUBLIC)
            median = np.median(each.values(name), axis=0).tolist()
            public[f"{scenario}: {shown}" if len(scenarios) > 1 else shown] = median
    first = next(iter(scenarios.values()))
    few = sum(int(is_small(each.values(name)).sum()) for each in scenarios.values() for name in each.small_counts)
    parts: list[str | Plot] = [chance_part(len(first.seeds)), *small_counts_part(few, runs="seeds")]
    parts += announcement_parts(public, first.days.tolist())
    parts += parameter_parts(first.parameters) if len(scenarios) == 1 else _side_by_side(scenarios)
    return [*parts, settings_part(first.config if len(scenarios) == 1 else {n: s.config for n, s in scenarios.items()})]


def _side_by_side(scenarios: Mapping[str, ScenarioSettings]) -> list[str]:
    """Return a table of the parameters of scenarios; nothing where none of them has any that are known."""
    units = {name: unit for each in scenarios.values() for name, _, unit in each.parameters}
    values = [{name: value for name, value, _ in each.parameters} for each in scenarios.values()]
    rows = [(name, unit, *(each.get(name, "none") for each in values)) for name, unit in units.items()]
    rows.sort(key=lambda row: len(set(row[2:])) == 1)  # which keeps the author's order among both
    return [html.heading(SAME), html.table(rows, head=("parameter", "unit", *scenarios))] if rows else []
