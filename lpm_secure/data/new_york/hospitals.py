"""Two waves of COVID-19 in 26 hospitals of New York City, from the catalogue: series, places and catchments."""

import datetime
from typing import Final

import numpy as np

from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import Periods
from client_sdk.private.table import F64
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.data.new_york import city_admissions, hospital_beds, hospitals_weekly
from lpm_secure.data.nyc_tables import BOROUGHS, CONTACTS, LETTERS, OUTSIDE, SETTINGS, NycTables
from lpm_secure.data.place_table import PlaceTable
from protocols.errors import ConfigError

AGES: Final = ("0-19", "20-34", "35-49", "50-64", "65-74", "75+")
BAND_TO_AGE: Final = np.array([0] * 4 + [1] * 3 + [2] * 3 + [3] * 3 + [4] * 2 + [5] * 3)  # of 18 bands of five years
SHARE_AT_WORK: Final = 0.35  # of infectious contacts of those who commute that happen where they work: an assumption
STAYS_HOME: Final = 0.8  # of patients, the share that goes to a hospital of the own borough: an assumption
HIDDEN: Final = (1.0, 3.0)  # bounds of what the source does not say exactly
WEEK: Final = 7


def read(periods: int) -> InstitutionSeries:
    """Return the first of 61 weeks.

    The level of the epidemic is told by no data: twice the people ill at the start with half the hospital rate, or half
    of all catchment shares, give the same counts. So shares are pinned by public beds: a hospital has its part of the
    beds of its borough, among all hospitals that report any, and a borough's patients go to its own hospitals but for
    1 - `STAYS_HOME`, who are spread over all.

    Raises:
        ConfigError: more weeks than there are.
        DataError: a file is missing, or not what the catalogue describes.
    """
    data = hospitals_weekly.read()
    if periods > len(data.weeks):
        raise ConfigError(f"got {periods} weeks of data.fit_periods and forecast_periods; there are {len(data.weeks)}")
    data = data.first(periods)
    beds, total = hospital_beds.read(data.names)
    at_home = np.eye(len(BOROUGHS))[data.borough] * (beds / total[data.borough])[:, None]
    anywhere = (beds / total.sum())[:, None]
    series = tuple(_series(each) for each in data.inpatients)
    return InstitutionSeries(
        title="26 hospitals of New York City, weekly inpatients with COVID-19 from 2020-10-16",
        names=data.names,
        labels=data.names,
        quantity="inpatients",
        calendar=Periods(datetime.date.fromisoformat(data.weeks[0]), WEEK, periods),
        series=series,
        share=STAYS_HOME * at_home + (1.0 - STAYS_HOME) * anywhere,
        places=places(),
        events_a_day=city_admissions.weekly(data.weeks),
    )


def places() -> PlaceTable:
    """Return people by borough and age, contacts by age, and commuting between boroughs.

    Source: the tables of `lpm_secure.data.nyc_tables`.
    """
    tables = NycTables.read()
    people = np.zeros((len(LETTERS), len(AGES)))
    for borough, ages in zip(tables.zcta.borough, tables.ages, strict=True):
        np.add.at(people[borough], BAND_TO_AGE, ages)
    return PlaceTable(BOROUGHS, AGES, people, _contacts(tables), _presence(tables.flows, people))


def _series(counts: F64) -> Series:
    hidden = counts < 0
    least, most = (np.where(hidden, bound, counts) for bound in HIDDEN)
    return Series(least, most)


def _contacts(tables: NycTables) -> F64:
    """Return float64[A, A]: contacts a day by age, over all settings, for the ages of the state."""
    by_band = sum((CONTACTS[setting] * tables.contact[setting] for setting in SETTINGS), np.zeros((18, 18)))
    total = np.zeros((len(AGES), len(AGES)))
    for band, row in enumerate(by_band):
        np.add.at(total[BAND_TO_AGE[band]], BAND_TO_AGE, row * tables.state[band])
    total = (total + total.T) / 2  # contacts of a with b are contacts of b with a
    return np.asarray(total / np.bincount(BAND_TO_AGE, weights=tables.state)[:, None])


def _presence(flows: F64, people: F64) -> F64:
    inside = flows[:, :OUTSIDE] / people.sum(axis=1, keepdims=True)  # commuters as shares of all people
    away = SHARE_AT_WORK * (inside - np.diag(np.diag(inside)))
    return np.asarray(away + np.diag(1.0 - away.sum(axis=1)))
