"""Series of a run that has ended, as bands over its seeds; and what a calibration forecasts of all places together."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from lpm_secure.models.words import word_of
from lpm_secure.monitor.regular_file import open_regular
from protocols.errors import ParameterError

SERIES: Final = "series.csv"
FORECAST: Final = "calibration.csv"
TOGETHER: Final = "events a day, all places"  # the one row of a forecast that is no institution's
RUNS: Final = ("seed", "replicate")  # columns that say of which run a row is
PARTS: Final = ("private", "synthetic", "public")
LEVELS: Final = {"low": 0.05, "median": 0.5, "high": 0.95}
MAX_FILE: Final = 2**28
MAX_SERIES: Final = 48


def series_bands(folder: Path) -> dict[str, Any]:
    """Return bands of each series: `{"seeds": n, "days": [...], "groups": [{"title", "series": [{"name", ...}]}]}`.

    Raises:
        ParameterError: there are no series, or none that can be drawn.
    """
    table = _read(folder / SERIES, "day")
    days, seeds = table["day"], next((table[name] for name in RUNS if name in table), None)
    scenario = table.get("scenario")
    names = [name for name, values in table.items() if name not in ("day", *RUNS) and values.dtype.kind in "iuf"]
    cases = list(dict.fromkeys(scenario.tolist())) if scenario is not None else [""]
    groups: dict[str, list[dict[str, Any]]] = {}
    shown, n = days, 1
    for case in cases:
        rows = slice(None) if scenario is None else scenario == case
        n = 1 if seeds is None else len(np.unique(seeds[rows]))
        shown = days[rows].reshape(n, -1)[0] if len(days[rows]) % n == 0 else days[rows]
        for name in names[:MAX_SERIES]:
            values = table[name][rows].astype(float)
            if len(values) != n * len(shown) or not np.any(values):
                continue
            part, _, rest = name.partition("_")
            title, label = (f"{part} agents", rest) if part in PARTS and rest else ("agents", name)
            title = f"{case}: {title}" if case else title
            band = np.quantile(values.reshape(n, -1), list(LEVELS.values()), axis=0)
            row = {"name": word_of(label), **{key: each.tolist() for key, each in zip(LEVELS, band, strict=True)}}
            groups.setdefault(title.replace("public agents", "public numbers"), []).append(row)
    if not groups:
        raise ParameterError(f"{folder} has no series that can be drawn")
    return {"seeds": n, "days": shown.tolist(), "groups": [{"title": t, "series": s} for t, s in groups.items()]}


def forecast_band(folder: Path) -> dict[str, Any]:
    """Return the forecast of the events in all places: days, bands, which periods were fitted.

    Security: rows of institutions, which a testbed's file has, are not read on: in a deployment they stay with these.

    Raises:
        ParameterError: there is none.
    """
    table = _read(folder / FORECAST, "series", "period", "fitted", "q05", "median", "q95")
    rows = table["series"] == TOGETHER
    if not rows.any():
        raise ParameterError(f"{folder} forecasts nothing of all places together")
    return {
        "days": [str(day) for day in table["period"][rows].tolist()],
        "fitted": int(table["fitted"][rows].sum()),
        "low": table["q05"][rows].tolist(),
        "median": table["median"][rows].tolist(),
        "high": table["q95"][rows].tolist(),
    }


def _read(path: Path, *needed: str) -> Mapping[str, np.ndarray[Any, Any]]:
    """Return the columns of a CSV file, which must have some rows, and those that are needed."""
    import pyarrow as pa  # noqa: PLC0415 - slow to load, and a server of running runs does without
    from pyarrow import csv  # noqa: PLC0415

    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > MAX_FILE:
                raise ParameterError(f"{path} is too large to be shown; open its report")
            table = csv.read_csv(file)
        columns = {name: table[name].to_numpy() for name in table.column_names}
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise ParameterError(f"{path} cannot be read: {error}") from error
    if not table.num_rows or not columns.keys() >= {*needed}:
        raise ParameterError(f"{path} has no rows, or not all of the columns {', '.join(needed)}; open its report")
    return columns
