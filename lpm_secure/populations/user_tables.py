"""A population from a user's own two CSV files: people, and the venues where they meet.

`venues.csv` has the columns `venue` (its name, each once) and `setting` (such as household, school, workplace or ward).
`people.csv` has `person` (a name, each once) and `age` (whole years), if they like `place`, and one column for each
setting, which names one of its venues or is empty.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from client_sdk.private.table import Table
from lpm_secure.data.nyc_tables import BANDS as BAND_NAMES
from lpm_secure.populations import population
from lpm_secure.populations.card import Card, PlotSeries
from lpm_secure.populations.population import Population
from lpm_secure.populations.synthesis.mixing import BANDS, band_of
from protocols import __version__
from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError

OLDEST: Final = 120
OWN: Final = ("person", "age", "place")
NOTE: Final = "From a user's own tables; nothing was drawn. Agents are ordered by place, then by their first setting."
EDGES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Venues:
    """Number of each venue within its setting, by name, and the venues of each setting."""

    number: dict[str, tuple[str, int]] = field(repr=False)
    counts: dict[str, int]


def from_csv(people: Path, venues: Path, *, out: Path) -> Population:
    """Read a user's people and venues, and write a population.

    Args:
        people: CSV file of people.
        venues: CSV file of venues.
        out: folder to write; nothing may be there.

    Raises:
        DataError: a file cannot be used; the message names file, row and column.
        ParameterError: something is at `out`.

    Security:
        The population holds these people's ages and venues in the clear; names of people are not kept.
    """
    population.free(out)
    known = _read_venues(venues)
    table = Table.read(people, needed=("person", "age"))
    _refuse_columns(table, known)
    _refuse_repeated(table, "person")
    columns: dict[str, npt.NDArray[Any]] = {"age": table.whole("age", last=OLDEST)}
    names: dict[str, list[str]] = {}
    if "place" in table.columns:
        names["place"] = sorted(set(table.columns["place"]))
        columns["place"] = table.codes("place", names["place"])
    for setting in known.counts:
        columns[setting] = _venue_of(table, setting, known)
    order = np.lexsort([columns[name] for name in reversed([*names, *known.counts])])
    columns = {name: values[order] for name, values in columns.items()}
    card = Card(
        title=f"{len(table):,} people of {people.name}",
        agents=len(table),
        seed=None,
        versions={"lpm-secure": __version__, "numpy": np.__version__},
        data={path.name: sha256(path.read_bytes()).hexdigest() for path in (people, venues)},
        notes=[NOTE],
        columns={},
        places=names,
        settings=known.counts,
        counts=_counts(columns, known),
        marginals=[],
        series=_series(columns, known),
        rate=[],
        contacts=[],
    )
    return population.write(out, card, columns, _meanings(names, known))


def _read_venues(path: Path) -> _Venues:
    table = Table.read(path, needed=("venue", "setting"))
    _refuse_repeated(table, "venue")
    number: dict[str, tuple[str, int]] = {}
    counts: dict[str, int] = {}
    for index, (name, setting) in enumerate(zip(table.columns["venue"], table.columns["setting"], strict=True)):
        if not setting.isidentifier() or setting in OWN:
            table.refuse(index, "setting", f"a word of letters other than {', '.join(OWN)} is needed")
        number[name] = setting, counts.get(setting, 0)
        counts[setting] = counts.get(setting, 0) + 1
    return _Venues(number, counts)


def _refuse_columns(table: Table, known: _Venues) -> None:
    """Refuse people without a column for a setting, and columns that mean nothing."""
    allowed = (*OWN, *known.counts)
    for column in table.columns:
        if column not in allowed:
            raise DataError(
                f"{table.path}, row 1, column {column}: unknown; allowed are {', '.join(allowed)}; delete the column, "
                "or give it venues",
                row=1,
            )
    for setting in known.counts:
        if setting not in table.columns:
            raise DataError(
                f"{table.path}, row 1: column {setting} is missing; there are venues of it; add the column", row=1
            )


def _refuse_repeated(table: Table, column: str) -> None:
    seen: dict[str, int] = {}
    for index, text in enumerate(table.columns[column]):
        if not text:
            table.refuse(index, column, "a name is needed")
        if text in seen:
            table.refuse(index, column, f"a name of its own is needed; row {table.row(seen[text])} has it")
        seen[text] = index


def _venue_of(table: Table, setting: str, known: _Venues) -> I64:
    """Return the number of everybody's venue in a setting; -1 where the field is empty: int64[n]."""
    found = np.full(len(table), -1, dtype=np.int64)
    for index, name in enumerate(table.columns[setting]):
        if not name:
            continue
        if name not in known.number:
            table.refuse(index, setting, "a venue of the file of venues, or nothing, is needed")
        where, number = known.number[name]
        if where != setting:
            table.refuse(index, setting, f"a venue of this setting is needed; that one is a {where}")
        found[index] = number
    return found


def _counts(columns: dict[str, npt.NDArray[Any]], known: _Venues) -> dict[str, float]:
    counts: dict[str, float] = {"people": columns["age"].size}
    for setting, venues in known.counts.items():
        counts[f"venues: {setting}"] = venues
        counts[f"people with a {setting}"] = int((columns[setting] >= 0).sum())
    return counts


def _series(columns: dict[str, npt.NDArray[Any]], known: _Venues) -> dict[str, PlotSeries]:
    bands = np.bincount(band_of(columns["age"].astype(np.uint8)), minlength=BANDS)
    series = {"age": PlotSeries(list(BAND_NAMES), bands.tolist())}
    for setting, venues in known.counts.items():
        sizes = np.bincount(columns[setting][columns[setting] >= 0], minlength=venues)
        found = np.histogram(sizes, bins=[*EDGES, np.inf])[0]
        series[f"{setting} size"] = PlotSeries([f"{edge:,}+" for edge in EDGES], found.tolist())
    return series


def _meanings(names: dict[str, list[str]], known: _Venues) -> dict[str, str]:
    places = dict.fromkeys(names, "an index into places")
    venues = dict.fromkeys(known.counts, "number of the venue, in the order of the file; -1 for none")
    return {"age": "years", **places, **venues}
