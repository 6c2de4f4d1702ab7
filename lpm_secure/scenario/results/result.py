"""What the seeds of a simulation yield: series day by day, their quantiles, plots and files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np
import pyarrow as pa

from client_sdk.private.table import F64
from lpm_secure.engine.series import PARTS
from lpm_secure.report import folder as folders
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.report.table import both
from lpm_secure.report.versions import versions
from lpm_secure.scenario.results import figures
from lpm_secure.scenario.results.libraries import optional, to_pandas
from lpm_secure.scenario.results.settings_parts import settings_parts
from lpm_secure.scenario.results.words import plain_levels, series_names, spread
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError, did_you_mean
from protocols.report import html
from protocols.report.terminal import align

FIGURES: Final = "run.json"
LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@final
@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Series of a simulation's seeds.

    Attributes:
        name: of the simulation.
        table: a row for each seed and day: `seed`, `day`, then one whole number of each series; `private_` and
            `synthetic_` stand before those of private and of the engine's own agents.
        stages: columns of stages of one field, which `plot` draws unless it is told others.
        parity: "identical" where private runs had the series of their clear replays to the bit, "different" where one
            had not; None where nothing was replayed.
        hashes: SHA-256 of each seed's series, as `lpm run` prints it.
        ensemble: "exact" where each seed has the bits of `lpm run`; "batched" where all were computed at once, by the
            same law and with other draws: a seed then names one of the runs, and says nothing of its bits.
        folders: of private runs, for `lpm audit`.
        config: tables of the configuration, as a TOML file has them.
        parameters: of the model: name, value in its author's unit, and that unit in words; none of a city's disease.
    """

    name: str
    table: pa.Table = field(repr=False)
    stages: tuple[str, ...]
    parity: str | None = None
    hashes: tuple[str, ...] = field(default=(), repr=False)
    folders: tuple[Path, ...] = ()
    ensemble: str = "exact"
    config: Mapping[str, Any] = field(default_factory=lambda: NOTHING, repr=False)
    parameters: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return the seeds, in the order in which they were asked for."""
        return tuple(dict.fromkeys(self.table["seed"].to_pylist()))

    @property
    def people_seed(self) -> int | None:
        """Return the seed of what is made up of private agents, as a configuration has it; None of a city."""
        own = self.config.get("private")
        return None if own is None else int(self.config["seed"] if own.get("seed") is None else own["seed"])

    @property
    def has_people_by_seed(self) -> bool:
        """Return whether seeds may each have private agents of their own, as before there was a `private.seed`."""
        own = self.config.get("private")
        return own is not None and "seed" not in own and self.seeds != (self.config["seed"],)

    @property
    def small_counts(self) -> tuple[str, ...]:
        """Return the stages whose small counts reports ring: of private agents, unless these are generated."""
        own = self.config.get("private", {"dataset": "look_alike"})
        real = own.get("dataset") != "look_alike"
        return tuple(name for name in self.stages if real and name.startswith(f"{PARTS[0]}_"))

    @property
    def days(self) -> F64:
        """Return the days of the rows, from 0 on: float64[T + 1]."""
        whole = self.table["day"].to_numpy()
        return np.asarray(whole[: len(whole) // len(self.seeds)], dtype=np.float64)

    @property
    def steps(self) -> int:
        """Return how many steps each run has."""
        return len(self.days) - 1

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the series."""
        return tuple(self.table.column_names[2:])

    def values(self, name: str) -> I64:
        """Return one series of every seed: int64[seeds, T + 1].

        Raises:
            ParameterError: there is no such series; the nearest name is said.
        """
        if name not in self.names:
            near = did_you_mean(name, self.names) or f"; there are {', '.join(self.names)}"
            raise ParameterError(f"there is no series {name}{near}")
        return np.asarray(self.table[name].to_numpy(), dtype=np.int64).reshape(len(self.seeds), -1)

    def quantiles(self, levels: Sequence[float] = LEVELS, *, series: Sequence[str] | str | None = None) -> pa.Table:
        """Return quantiles over seeds: a row for each series and day, a column `q0.05` for each level.

        Args:
            levels: between 0 and 1.
            series: names; all unless given.

        Raises:
            ParameterError: a level is not between 0 and 1, or there is no such series.
        """
        wanted = plain_levels(levels)
        if not wanted:
            raise ParameterError(f"levels are {levels}; give at least one, each between 0 and 1")
        names = self.names if series is None else series_names(series)
        rows = [np.quantile(self.values(name), wanted, axis=0) for name in names]
        bands = np.concatenate(rows, axis=1) if rows else np.zeros((len(wanted), 0))
        columns: dict[str, Any] = {
            "series": [name for name in names for _ in self.days],
            "day": np.tile(self.days, len(names)),
        }
        return pa.table(columns | {f"q{level:g}": band for level, band in zip(wanted, bands, strict=True)})

    def plot(self, series: Sequence[str] | str | None = None, *, band: float = 0.9) -> Any:
        """Return a plotly figure: the median of each series, and the band that holds so much of the seeds.

        Raises:
            ParameterError: there is no such series, or the band is not between 0 and 1.
        """
        return figures.bands({self.name: self}, self.stages if series is None else series_names(series), band=band)

    def to_arrow(self) -> pa.Table:
        """Return the table: a row for each seed and day."""
        return self.table

    def to_pandas(self) -> Any:
        """Return the table as a data frame of pandas.

        Raises:
            ParameterError: pandas is not installed.
        """
        return to_pandas(self.table)

    def to_xarray(self) -> Any:
        """Return a data set of xarray: a variable for each series, along `seed` and `day`.

        Raises:
            ParameterError: xarray is not installed.
        """
        xarray = optional("xarray", "to_arrow()")
        series = {name: (("seed", "day"), self.values(name)) for name in self.names}
        told = {"name": self.name, "ensemble": self.ensemble}
        return xarray.Dataset(series, coords={"seed": list(self.seeds), "day": self.days}, attrs=told)

    def save(self, folder: Path | str) -> Path:
        """Write series.parquet, series.csv, run.json and report.html into a folder, and return it.

        `lpm.open_result` and `lpm compare` read it again, and pandas opens the Parquet file.

        Raises:
            OSError: it cannot be written.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        folders.write(path, self.summary(path))
        return path

    def summary(self, folder: Path | None = None) -> Summary:
        """Return what is printed, and written where there is a folder; it raises nothing of its own."""
        rows = [
            ("seeds", f"{len(self.seeds)}"),
            *((f"at the end, {name}", text) for name, text in self.endings()),
            *([("parity", self.parity)] if self.parity else []),
            *self.describe_ensemble(),
            *([("report", str(folder / REPORT))] if folder else []),
        ]
        content = {
            "name": self.name,
            "seeds": list(self.seeds),
            "stages": list(self.stages),
            "sha256": dict(zip(map(str, self.seeds), self.hashes, strict=False)),
            "parity": self.parity,
            "ensemble": self.ensemble,
            "folders": [str(each) for each in self.folders],
            "versions": versions(),
            "config": dict(self.config),
            "parameters": [list(row) for row in self.parameters],
        }
        parts: list[str | Plot] = [html.table(rows), Plot(self.plot()), *settings_parts({self.name: self})]
        return Summary(
            file=FIGURES,
            figures=content,
            lines=align(rows),
            tables=both("series", self.table) if folder else {},
            page=Page(f"Runs of {self.name}", parts),
            passed=self.parity != "different",
        )

    def describe_ensemble(self) -> list[tuple[str, str]]:
        """Return what runs that were computed at once keep of single runs, in words; nothing of those one by one."""
        return (
            []
            if self.ensemble == "exact"
            else [("ensemble", f"{self.ensemble}: the law of single runs, not their bits")]
        )

    def endings(self) -> list[tuple[str, str]]:
        """Return of each stage its last day over the seeds, in words: the median, and 90 % of them."""
        return [(name, spread(self.values(name)[:, -1])) for name in self.stages]

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        head = f"{self.name}: {len(self.seeds)} seeds, {self.steps} steps"
        rows = [*self.endings(), *([("parity", self.parity)] if self.parity else []), *self.describe_ensemble()]
        return html.paragraph(head) + html.table(rows, head=("at the end", "median (90 % of seeds)"))
