"""What an analysis came to: its own result, the tables and plots of its report, and the folder that has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Generic, TypeVar, final

import pyarrow as pa
from pyarrow import csv, parquet

from lpm_secure.report import folder as folders
from lpm_secure.report.page import Plot
from lpm_secure.report.summary import Summary
from lpm_secure.scenario.results.libraries import to_pandas
from protocols.errors import ParameterError
from protocols.report import html

R = TypeVar("R")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Analysis(Generic[R]):
    """A finished analysis.

    Attributes:
        result: of it, as the function that made it says.
        summary: what its command prints and writes of it.
        folder: that has its tables, figures and report; None where nothing was written.
    """

    result: R
    summary: Summary = field(repr=False)
    folder: Path | None = None

    @classmethod
    def write(cls, result: R, summary: Summary, folder: Path) -> "Analysis[R]":
        """Write an analysis' `result` and `summary` into its folder, and return both as one.

        Raises:
            ParameterError: a file of figures is there that is none of ours.
        """
        folder.mkdir(parents=True, exist_ok=True)
        folders.write(folder, summary)
        return cls(result, summary, folder)

    @property
    def figures(self) -> Mapping[str, Any]:
        """Return all figures as plain values, as the command's JSON has them."""
        return self.summary.figures

    @property
    def passed(self) -> bool:
        """Return whether all that it could check of itself holds."""
        return self.summary.passed

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of its tables, the first of which is what `to_arrow` returns unless it is told another."""
        return tuple(dict.fromkeys(Path(name).stem for name in self.summary.tables))

    def to_arrow(self, name: str | None = None) -> pa.Table:
        """Return a table: a row for whatever it is of, columns by name.

        Args:
            name: one of `names`; the first unless given.

        Raises:
            ParameterError: there is no such table.
        """
        if not self.names or name not in (None, *self.names):
            there = f"there are {', '.join(self.names)}" if self.names else "it has none"
            raise ParameterError(f"the analysis has no table {name or 'at all'}; {there}; figures has all else")
        chosen = name or self.names[0]
        files = {
            Path(file).suffix: content for file, content in self.summary.tables.items() if Path(file).stem == chosen
        }
        if ".parquet" in files:
            return parquet.read_table(pa.BufferReader(files[".parquet"]))
        return csv.read_csv(pa.BufferReader(files[".csv"]))

    def to_pandas(self, name: str | None = None) -> Any:
        """Return a table as a data frame of pandas.

        Args:
            name: as `to_arrow` has it.

        Raises:
            ParameterError: there is no such table, or pandas is not installed.
        """
        return to_pandas(self.to_arrow(name))

    def plot(self, number: int = 0) -> Any:
        """Return a plotly figure of the report.

        Args:
            number: which, from 0 on, in the report's order.

        Raises:
            ParameterError: there are not so many.
        """
        parts = () if self.summary.page is None else self.summary.page.parts
        plots = [part.figure for part in parts if isinstance(part, Plot)]
        if not 0 <= number < len(plots):
            raise ParameterError(f"plot is {number}; the report has {len(plots)}, which are numbered from 0 on")
        return plots[number]

    def save(self, folder: Path | str) -> Path:
        """Write tables, figures and report into a folder, which is made unless it is there, and return it.

        Raises:
            ParameterError: a file of figures is there that is none of ours.
        """
        self.write(self.result, self.summary, path := Path(folder))
        return path

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        head = [html.paragraph(self.summary.page.title)] if self.summary.page is not None else []
        return "".join((*head, f"<pre>{escape(chr(10).join(self.summary.lines))}</pre>"))
