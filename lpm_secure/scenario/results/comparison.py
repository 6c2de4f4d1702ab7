"""Scenarios beside each other, over the same seeds: paired differences, and how sure they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np
import pyarrow as pa
from scipy import special

from client_sdk.private.table import F64
from lpm_secure.report import folder as folders
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.report.table import both
from lpm_secure.scenario.results import figures
from lpm_secure.scenario.results.libraries import to_pandas
from lpm_secure.scenario.results.result import Result
from lpm_secure.scenario.results.settings_parts import settings_parts
from lpm_secure.scenario.results.words import series_names, spread
from protocols.errors import ParameterError
from protocols.report import html
from protocols.report.terminal import align

LEVEL: Final = 0.95
NOTHING: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType({})


@final
@dataclass(frozen=True, slots=True, eq=False)
class PairedDifference:
    """Of one series, how a scenario differs from the first one, seed by seed.

    Attributes:
        mean: over seeds, float64[T + 1].
        low, high: of the mean's confidence interval by Student's law, float64[T + 1]; NaN of one seed.
        values: of each seed, float64[seeds, T + 1].
    """

    mean: F64
    low: F64
    high: F64
    values: F64 = field(repr=False)

    @classmethod
    def of(cls, values: F64, level: float) -> "PairedDifference":
        """Return the mean of paired differences and its interval: mean -+ t sd / sqrt(n)."""
        n = len(values)
        wide = np.full(values.shape[1], np.nan)
        if n > 1:
            wide = special.stdtrit(n - 1, 0.5 + level / 2) * values.std(axis=0, ddof=1) / np.sqrt(n)
        mean = values.mean(axis=0)
        return cls(mean, mean - wide, mean + wide, values)


@final
@dataclass(frozen=True, slots=True, eq=False)
class ScenarioComparison:
    """Results of scenarios over the same seeds; the first one is what the others are held against.

    Attributes:
        results: by the names of scenarios.
        settings: of each scenario of a sweep, the values that it has; else nothing.
    """

    results: Mapping[str, Result]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: NOTHING)

    def __post_init__(self) -> None:
        """Refuse scenarios that cannot be paired.

        Raises:
            ParameterError: there are fewer than two; or their seeds, days or series differ.
        """
        if len(self.results) < 2:
            raise ParameterError(f"got {len(self.results)} scenarios; give two, or more, to compare")
        first, *others = self.results.items()
        for name, other in others:
            for what in ("seeds", "days"):
                one, two = list(getattr(first[1], what)), list(getattr(other, what))
                if one != two:
                    raise ParameterError(
                        f"{first[0]} has {len(one)} {what} from {one[0]:g} to {one[-1]:g}, {name} {len(two)} from "
                        f"{two[0]:g} to {two[-1]:g}; run both over the same {what}"
                    )
        if not self.names:
            raise ParameterError("the scenarios have no series of one name; compare runs of one model")

    def __getitem__(self, name: str) -> Result:
        """Return the result of a scenario.

        Raises:
            ParameterError: there is no such scenario.
        """
        if name not in self.results:
            raise ParameterError(f"there is no scenario {name}; there are {', '.join(self.results)}")
        return self.results[name]

    @property
    def base(self) -> Result:
        """Return the result that the others are held against."""
        return next(iter(self.results.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the series that all scenarios have."""
        return tuple(name for name in self.base.names if all(name in each.names for each in self.results.values()))

    @property
    def stages(self) -> tuple[str, ...]:
        """Return the stages that all scenarios have; all series where they share none."""
        return tuple(name for name in self.base.stages if name in self.names) or self.names

    def difference(self, scenario: str, series: str, *, level: float = LEVEL) -> PairedDifference:
        """Return how a series of a scenario differs from that of the first one.

        Raises:
            ParameterError: there is no such scenario or series, or the level is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ParameterError(f"level is {level}; give one between 0 and 1, such as 0.95")
        values = self[scenario].values(series) - self.base.values(series)
        return PairedDifference.of(values.astype(np.float64), level)

    def differences(self, *, level: float = LEVEL) -> pa.Table:
        """Return a row for each other scenario, series and day: `mean`, `low` and `high` of the paired difference.

        Args:
            level: of the interval, between 0 and 1.

        Raises:
            ParameterError: the level is not between 0 and 1.
        """
        rows: dict[str, list[Any]] = {name: [] for name in ("scenario", "series", "day", "mean", "low", "high")}
        for scenario in list(self.results)[1:]:
            for series in self.names:
                difference = self.difference(scenario, series, level=level)
                rows["scenario"] += [scenario] * len(self.base.days)
                rows["series"] += [series] * len(self.base.days)
                rows["day"] += self.base.days.tolist()
                for name in ("mean", "low", "high"):
                    rows[name] += getattr(difference, name).tolist()
        return pa.table(rows)

    def to_arrow(self) -> pa.Table:
        """Return a row for each scenario, seed and day; of a sweep with a column for each setting."""
        return pa.concat_tables(list(self._tables()))

    def to_pandas(self) -> Any:
        """Return the same as a data frame of pandas.

        Raises:
            ParameterError: pandas is not installed.
        """
        return to_pandas(self.to_arrow())

    def plot(self, series: Sequence[str] | str | None = None, *, band: float = 0.9) -> Any:
        """Return a plotly figure: a column for each series, in it each scenario's median and band.

        Raises:
            ParameterError: there is no such series, or the band is not between 0 and 1.
        """
        return figures.bands(self.results, self.stages if series is None else series_names(series), band=band)

    def save(self, folder: Path | str) -> Path:
        """Write series and differences (Parquet and CSV), compare.json and report.html into a folder, and return it.

        Raises:
            OSError: it cannot be written.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        folders.write(path, self.summary(path))
        return path

    def describe_pairing(self) -> list[tuple[str, str]]:
        """Return, in words, which scenarios lack the others' draws or private agents; nothing where all have them."""
        batched = [name for name, each in self.results.items() if each.ensemble != "exact"]
        said = [("ensemble", UNPAIRED.format(", ".join(batched)))] if batched else []
        people = {name: each.people_seed for name, each in self.results.items() if each.people_seed is not None}
        if len(set(people.values())) > 1:
            said.append(("people", OTHER_PEOPLE.format(", ".join(f"{n} {seed}" for n, seed in people.items()))))
        before = [name for name, each in self.results.items() if each.has_people_by_seed]
        if 0 < len(before) < len(self.results):
            said.append(("people", PEOPLE_BY_SEED.format(", ".join(before))))
        return said

    def summary(self, folder: Path | None = None) -> Summary:
        """Return what is printed, and written where there is a folder; it raises nothing of its own."""
        rows = [row for name in self.stages for row in self._endings(name)]
        said = [html.table(self.describe_pairing())] if self.describe_pairing() else []
        parts: list[str | Plot] = [*said, html.table(rows, head=HEAD), Plot(self.plot()), *settings_parts(self.results)]
        ending = [*self.describe_pairing(), *([("report", str(folder / REPORT))] if folder else [])]
        endings = [each for name in self.stages for each in self._ending_figures(name)]
        ways = {name: each.ensemble for name, each in self.results.items()}
        figures_ = {"seeds": list(self.base.seeds), "ensemble": ways, "endings": endings}
        return Summary(
            file="compare.json",
            figures=figures_ | {"settings": {name: dict(each) for name, each in self.settings.items()}},
            lines=align(
                [("", "; ".join(HEAD[2:])), *((", ".join(row[:2]), "  ".join(row[2:])) for row in rows), *ending]
            ),
            tables=both("series", self.to_arrow()) | both("differences", self.differences()) if folder else {},
            page=Page("Comparison", parts),
        )

    def _endings(self, series: str) -> Iterator[tuple[str, str, str, str]]:
        """Yield of each scenario its last day, and how it differs from the first one."""
        for place, (name, result) in enumerate(self.results.items()):
            words = ""
            if place:
                last = self.difference(name, series)
                words = f"{last.mean[-1]:+,.1f}"
                words += "" if np.isnan(last.low[-1]) else f" [{last.low[-1]:+,.1f}, {last.high[-1]:+,.1f}]"
            yield series, name, spread(result.values(series)[:, -1]), words

    def _ending_figures(self, series: str) -> Iterator[dict[str, Any]]:
        """Yield the same as numbers: quantiles over seeds, and the paired difference of all but the first scenario."""
        for place, (name, result) in enumerate(self.results.items()):
            low, median, high = np.quantile(result.values(series)[:, -1], (0.05, 0.5, 0.95)).tolist()
            found: dict[str, Any] = {"series": series, "scenario": name, "q05": low, "median": median, "q95": high}
            if place:
                last = self.difference(name, series)
                ends = (float(each[-1]) for each in (last.mean, last.low, last.high))
                mean, *interval = (None if np.isnan(each) else each for each in ends)
                found["difference"] = {"mean": mean, "low": interval[0], "high": interval[1]}
            yield found

    def _tables(self) -> Iterator[pa.Table]:
        for name, result in self.results.items():
            table = result.table.select(["seed", "day", *self.names]).replace_schema_metadata()
            for key, value in reversed(list(self.settings.get(name, {}).items())):
                shown = value if isinstance(value, int | float | str) else str(value)
                column = f"set {key}" if key in (*self.names, "scenario", "seed", "day") else key
                table = table.add_column(0, column, pa.array([shown] * table.num_rows))
            table = table.add_column(0, "scenario", pa.array([name] * table.num_rows))
            yield table

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        table = html.table((row for name in self.stages for row in self._endings(name)), head=HEAD)
        return table + html.table(self.describe_pairing()) if self.describe_pairing() else table


UNPAIRED: Final = "batched, with draws of its own: {}; differences are as wide as those of independent runs"
OTHER_PEOPLE: Final = (
    "private agents' cells, columns and contacts that are made by chance differ, by their seeds {}; give all one "
    "private.seed"
)
PEOPLE_BY_SEED: Final = (
    "private agents' cells, columns and contacts that are made by chance may differ, as versions before made them up "
    "by each seed: run {} again"
)
HEAD: Final = ("series", "scenario", "at the end: median (90 % of seeds)", "paired difference [95 % interval]")
