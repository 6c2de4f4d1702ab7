"""How large the hospitals of New York City are: adult inpatient beds, as facilities report them in public."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from client_sdk.private.table import F64, Table
from lpm_secure.data import catalogue
from lpm_secure.data.new_york.hospitals_weekly import DATASET, LONG
from lpm_secure.data.nyc_tables import BOROUGHS
from protocols.errors import DataError

BEDS: Final = "total_adult_inpatient_avg"


def read(names: Sequence[str]) -> tuple[F64, F64]:
    """Return the beds of each hospital named, float64[h], and of all hospitals by borough, float64[5].

    Beds are the median over all weeks in which a hospital reports more than none.

    Raises:
        DataError: a file is missing or not what the catalogue describes, or a hospital never reports its beds.
    """
    path = catalogue.get(DATASET) / LONG
    table = Table.read(path, needed=("hospital_pk", "borough", BEDS))
    place = table.codes("borough", BOROUGHS)
    told: dict[str, list[float]] = {}
    home: dict[str, int] = {}
    for row, (name, text) in enumerate(zip(table.columns["hospital_pk"], table.columns[BEDS], strict=True)):
        home[name] = int(place[row])
        try:
            beds = float(text) if text else 0.0
        except ValueError:
            table.refuse(row, BEDS, "a number, or nothing where it is missing, is needed")
        if beds > 0:
            told.setdefault(name, []).append(beds)
    size = {name: float(np.median(beds)) for name, beds in told.items()}
    missing = [name for name in names if name not in size]
    if missing:
        raise DataError(f"{path} does not say how many beds hospital {missing[0]} has; add them")
    total = np.zeros(len(BOROUGHS))
    for name, beds in size.items():
        total[home[name]] += beds
    return np.array([size[name] for name in names]), total
