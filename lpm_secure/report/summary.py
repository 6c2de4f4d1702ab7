"""What a run of any kind yields, in the one form that is written and printed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

from lpm_secure.report.page import Page

REPORT: Final = "report.html"


@final
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Summary:
    """What a run yields.

    Attributes:
        file: name of the JSON file of the figures.
        figures: everything that a reader may want to compare, as plain values.
        lines: for a terminal.
        tables: contents of CSV and Parquet files, by name.
        page: `report.html`; none where nothing is written.
        passed: whether all that the run could check of itself holds.
        beside: figures of other names that are in the file stay.
        private: files are for this user alone.
    """

    file: str
    figures: Mapping[str, Any]
    lines: tuple[str, ...]
    tables: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    page: Page | None = None
    passed: bool = True
    beside: bool = False
    private: bool = False
