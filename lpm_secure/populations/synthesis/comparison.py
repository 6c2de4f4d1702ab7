"""A city against its tables: the figures of its card."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from client_sdk.private.table import F64
from lpm_secure.data.nyc_tables import BANDS as NAMES
from lpm_secure.data.nyc_tables import BOROUGHS, CONTACTS, NycTables
from lpm_secure.populations.card import Marginal, PlotSeries
from lpm_secure.populations.synthesis.compose import ADULT
from lpm_secure.populations.synthesis.mixing import Cells, project, row_errors, venue_contacts
from lpm_secure.populations.synthesis.places import Targets
from protocols.arithmetic.fixed_point import I64

WHOLE: Final = 2  # people: what rounding to whole ones may cost a cell, in every table at once
SOLID: Final = 1_000  # households of an NTA from which its mean size is compared
EDGES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


@final
@dataclass(frozen=True, slots=True, eq=False)
class CityComparison:
    """What is compared.

    Attributes:
        columns: as written.
        settings: venues of each.
        band: uint8[n].
        by_band: int64[zcta, 18].
        apart: bool[zcta], those large enough to have households of their own; in small cities others share them.
    """

    tables: NycTables
    targets: Targets
    columns: dict[str, npt.NDArray[Any]] = field(repr=False)
    settings: dict[str, int]
    band: npt.NDArray[np.uint8] = field(repr=False)
    by_band: I64 = field(repr=False)
    cells: Cells
    apart: npt.NDArray[np.bool_] = field(repr=False)

    def by(self, place: str) -> I64:
        """Count people by place."""
        return np.bincount(self.columns[place], minlength=len(getattr(self.targets, place))).astype(np.int64)


@final
@dataclass(frozen=True, slots=True, eq=False)
class ByNta:
    """Households of the city by NTA, and what the table says.

    Attributes:
        households: int64[nta].
        size, alone: float64[nta], mean size and share of households of one person.
    """

    households: I64
    size: F64
    alone: F64


def comparison(city: CityComparison) -> list[Marginal]:
    """Compare the city with every table it was made from."""
    tables, targets = city.tables, city.targets
    band = targets.exact.sum(axis=0)
    found = _by_nta(city)
    solid = found.households >= SOLID
    size = np.abs(found.size / np.maximum(tables.households.size, 1) - 1)[solid]
    alone = np.abs(found.alone - tables.households.alone)[solid]
    apart = city.apart
    beyond = f"relative, beyond {WHOLE} people"
    return [
        _marginal("people by borough", np.abs(city.by("borough") - targets.borough), "people", 0),
        _marginal("people by ZCTA", _relative(city.by("zcta"), targets.zcta)[apart], beyond, 0.01),
        _marginal("people by ZCTA and age band", _relative(city.by_band[apart], targets.exact[apart]), beyond, 0.01),
        _marginal("people by age band", _relative(city.by_band.sum(axis=0), band), beyond, 0.01),
        _marginal("people by tract", _relative(city.by("tract"), targets.tract), beyond),
        _marginal("people by NTA", _relative(city.by("nta"), targets.nta), beyond),
        _marginal("under 18 by tract", _young(city), "share of the tract"),
        *_by_borough(city, found),
        _marginal(f"mean household size by NTA of {SOLID} households", size, "relative", 0.05),
        _marginal(f"share living alone by NTA of {SOLID} households", alone, "share of households", 0.05),
        _marginal("households of children only", np.array([_children_only(city)]), "households", 0),
        _marginal("workers from borough to borough", np.abs(_flows(city) - _flow_targets(city)), "people", 1),
        *_mixing(city),
    ]


def counts_of(city: CityComparison) -> dict[str, float]:
    """Return the figures that people ask for first."""
    home = city.columns["household"]
    sizes = np.bincount(home[home >= 0])
    at = {name: city.columns[name] >= 0 for name in ("quarters", "school", "workplace", "work_borough")}
    return {
        "people": home.size,
        "households": sizes.size,
        "mean household size": float(sizes.mean()),
        "households of one person": int((sizes == 1).sum()),
        "people in group quarters": int(at["quarters"].sum()),
        "schools": city.settings["school"],
        "people at school": int(at["school"].sum()),
        "workplaces": city.settings["workplace"],
        "people at a workplace": int(at["workplace"].sum()),
        "people who work": int(at["work_borough"].sum()),
        "community cells": int((city.by("zcta") > 0).sum()),
    }


def series_of(city: CityComparison) -> dict[str, PlotSeries]:
    """Return what the plots show."""
    home = city.columns["household"]
    sizes = np.bincount(np.minimum(np.bincount(home[home >= 0]), 10), minlength=11)[1:]
    zcta = city.targets.exact.sum(axis=1)
    here = zcta > 0
    off = city.by("zcta")[here] / zcta[here] - 1
    found = _by_nta(city)
    nta = found.households >= SOLID
    table = city.tables.households
    nta_codes = np.array(city.tables.nta.code)[nta].tolist()
    pairs = [f"{a} to {b}" for a in BOROUGHS for b in (*BOROUGHS, "outside")]
    return {
        "age": _series(NAMES, city.by_band.sum(axis=0), city.targets.exact.sum(axis=0)),
        "household size": _series([*map(str, range(1, 10)), "10+"], sizes),
        "school size": _sizes(city, "school"),
        "workplace size": _sizes(city, "workplace"),
        "people by ZCTA": _series(np.array(city.tables.zcta.code)[here].tolist(), off),
        "mean household size by NTA": _series(nta_codes, found.size[nta], table.size[nta]),
        "share living alone by NTA": _series(nta_codes, found.alone[nta], table.alone[nta]),
        "workers": _series(pairs, _flows(city).ravel(), _flow_targets(city).ravel()),
    }


def _mixing(city: CityComparison) -> list[Marginal]:
    tables, bands = city.tables, city.by_band.sum(axis=0)
    contacts = city.cells.contacts(city.by_band)
    there = np.flatnonzero(bands)
    own = CONTACTS["community"] * tables.contact["community"]
    wanted = CONTACTS["community"] * project(tables, "community", bands)
    rows = [
        ("community contacts by age, against the matrix at the city's ages", row_errors(contacts, wanted), 0.05),
        ("community contacts a day, against the sums of the file's rows", contacts.sum(1) / own.sum(1) - 1, 0.05),
        ("community contacts by age, against the file's own rows", row_errors(contacts, own), None),
    ]
    for name, column in (("household", "household"), ("school", "school"), ("work", "workplace")):
        found = venue_contacts(city.columns[column], city.band, city.settings[column])
        wanted = project(tables, name, bands)
        busy = np.where(wanted.sum(axis=1) >= 0.05, row_errors(found, wanted), 0.0)
        rows.append((f"{name} contacts by age, against the matrix at the city's ages", busy, None))
    return [_marginal(name, np.abs(error)[there], "of the row", allowed) for name, error, allowed in rows]


def _marginal(name: str, error: npt.NDArray[Any], unit: str, allowed: float | None = None) -> Marginal:
    error = error.ravel()
    typical = float(np.median(error)) if error.size else 0.0
    return Marginal(name, error.size, float(error.max(initial=0)), typical, unit, allowed)


def _relative(found: I64, wanted: npt.NDArray[Any]) -> F64:
    """Return by how much each number is off beyond what whole people cost, relative to what is wanted."""
    beyond = np.maximum(np.abs(found - wanted) - WHOLE, 0)
    return np.asarray(np.divide(beyond, wanted, out=beyond.astype(np.float64), where=np.asarray(wanted) > 0))


def _young(city: CityComparison) -> F64:
    """Return for each tract of 1,000 people how far its share under 18 is from the table's."""
    people = city.by("tract")
    young = np.bincount(city.columns["tract"][city.columns["age"] < ADULT], minlength=people.size)
    large = (people > 0) & (city.tables.tract.people >= 1_000)
    return np.asarray(np.abs(young[large] / people[large] - city.tables.tract.young[large]))


def _by_nta(city: CityComparison) -> ByNta:
    home, nta = city.columns["household"], city.columns["nta"]
    inside = home >= 0
    sizes = np.bincount(home[inside])
    place = np.empty(sizes.size, dtype=nta.dtype)
    place[home[inside]] = nta[inside]
    count = partial(np.bincount, minlength=len(city.tables.nta.code))
    households, people, alone = count(place), count(place, weights=sizes), count(place[sizes == 1])
    whole = np.maximum(households, 1)
    return ByNta(households, people / whole, alone / whole)


def _by_borough(city: CityComparison, found: ByNta) -> list[Marginal]:
    """Compare mean size and living alone by borough, where small cities too have enough households."""
    tables, borough = city.tables.households, city.tables.nta.borough
    count = partial(np.bincount, borough, minlength=len(BOROUGHS))
    lived = np.bincount(city.columns["nta"][city.columns["household"] >= 0], minlength=borough.size)
    wanted = np.divide(lived, tables.size, out=np.zeros(lived.size), where=tables.size > 0)
    households = count(weights=found.households)
    size = count(weights=lived) / households / (count(weights=lived) / count(weights=wanted)) - 1
    alone = count(weights=found.alone * found.households) / households
    alone -= count(weights=tables.alone * wanted) / count(weights=wanted)
    return [
        _marginal("mean household size by borough", np.abs(size), "relative", 0.01),
        _marginal("share living alone by borough", np.abs(alone), "share of households", 0.01),
    ]


def _children_only(city: CityComparison) -> int:
    home = city.columns["household"]
    grown = np.zeros(city.settings["household"], dtype=np.bool_)
    grown[home[(home >= 0) & (city.columns["age"] >= ADULT)]] = True
    return int((~grown).sum())


def _flows(city: CityComparison) -> F64:
    work = city.columns["work_borough"]
    pairs = city.columns["borough"][work >= 0].astype(np.int64) * 6 + work[work >= 0]
    return np.bincount(pairs, minlength=30).reshape(5, 6).astype(np.float64)


def _flow_targets(city: CityComparison) -> F64:
    """Return the commuting table, scaled to the people of each borough: float64[5, 6]."""
    tables = city.tables
    people = np.bincount(tables.tract.borough, weights=tables.tract.people)
    return np.asarray(tables.flows * (city.by("borough") / people)[:, None])


def _sizes(city: CityComparison, setting: str) -> PlotSeries:
    venue = city.columns[setting]
    sizes = np.bincount(venue[venue >= 0], minlength=1)
    found = np.histogram(sizes, bins=[*EDGES, np.inf])[0]
    return _series([f"{edge:,}+" for edge in EDGES], found)


def _series(x: Any, found: npt.NDArray[Any], table: npt.NDArray[Any] | None = None) -> PlotSeries:
    return PlotSeries(list(x), found.tolist(), None if table is None else table.tolist())
