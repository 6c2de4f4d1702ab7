"""Hospital admissions for COVID-19 of all New York City, as its health department counts them; no client holds them."""

import datetime
from collections.abc import Sequence
from typing import Final

import numpy as np

from client_sdk.private.table import F64, Table
from lpm_secure.data import catalogue
from protocols.errors import DataError

DATASET: Final = "nyc_covid"
FILE: Final = "hosp-by-day.csv"
DAY, COUNT = "date_of_interest", "HOSPITALIZED_COUNT"


def weekly(weeks: Sequence[str]) -> F64:
    """Return admissions a day, mean over each week, float64[w].

    Args:
        weeks: first day of each, ISO dates.

    Raises:
        DataError: a file is missing or not what the catalogue describes, or a day is not there.
    """
    path = catalogue.get(DATASET) / FILE
    table = Table.read(path, needed=(DAY, COUNT))
    counts = dict(zip(table.columns[DAY], table.numbers(COUNT).tolist(), strict=True))
    found = []
    for week in weeks:
        first = datetime.date.fromisoformat(week)
        days = [f"{first + datetime.timedelta(days=day):%m/%d/%Y}" for day in range(7)]
        missing = [day for day in days if day not in counts]
        if missing:
            raise DataError(f"{path} has no row for {missing[0]}; all days of the weeks to forecast are needed")
        found.append(float(np.mean([counts[day] for day in days])))
    return np.array(found)
