"""Who meets whom by age: in community cells, where it is prescribed, and in venues, where it is counted.

The matrix of contacts in the community holds for the ages of New York State. A city of other ages cannot keep its rows
and be reciprocal at once (contacts of a with b are contacts of b with a). What carries over is the rate per pair,
`F_ab / p_b` with the state's shares p; so a row of the city is `F_ab n_b / p_b` with the city's n: the matrix projected
onto its ages.

Source:
    Mistry et al., Nature Communications 12, 323 (2021), for the matrices F; Arregui et al., PLoS Computational Biology
    14, e1006638 (2018), for the projection.
"""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt

from client_sdk.private.table import F64
from lpm_secure.data.nyc_tables import CONTACTS, NycTables
from protocols.arithmetic.fixed_point import I64
from protocols.arithmetic.jit import compile_kernel

BANDS = 18  # of five years; the last from 85


@final
@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Mixing in community cells, one for each ZCTA.

    Attributes:
        rate: float64[18, 18], symmetric. Somebody of band a in cell z has `rate_ab N_zb / N_z` contacts a day with
            band b, where N are people of the cell.
    """

    rate: F64 = field(repr=False)

    def contacts(self, people: I64) -> F64:
        """Return the mean contacts a day of band a with band b over the whole city: float64[18, 18].

        Args:
            people: int64[cells, 18].
        """
        return np.asarray(self.rate * _pairs(people) / np.maximum(people.sum(axis=0), 1)[:, None])


def band_of(age: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the band of each age: uint8."""
    return np.minimum(age // np.uint8(5), np.uint8(BANDS - 1))


def people_by_band(place: npt.NDArray[Any], band: npt.NDArray[Any], places: int) -> I64:
    """Count people by place and band: int64[places, 18]."""
    flat = np.bincount(place.astype(np.int64) * BANDS + band, minlength=places * BANDS)
    return flat.reshape(places, BANDS).astype(np.int64)


def project(tables: NycTables, setting: str, people: I64) -> F64:
    """Return the matrix of a setting on the ages of a city, as shares of its contacts: float64[18, 18].

    Args:
        tables: of the city.
        setting: household, school, work or community.
        people: int64[18] by band.
    """
    state, city = tables.state / tables.state.sum(), people / people.sum()
    return np.asarray(tables.contact[setting] * (city / state)[None, :])


def cells_of(tables: NycTables, people: I64) -> Cells:
    """Return the mixing whose contacts over the whole city are the projected matrix.

    Args:
        tables: of the city.
        people: int64[cells, 18].
    """
    bands = people.sum(axis=0)
    wanted = CONTACTS["community"] * project(tables, "community", bands) * bands[:, None]
    wanted = (wanted + wanted.T) / 2
    pairs = _pairs(people)
    return Cells(np.divide(wanted, pairs, out=np.zeros(pairs.shape), where=pairs > 0))


def venue_contacts(venue: npt.NDArray[Any], band: npt.NDArray[Any], venues: int) -> F64:
    """Count who shares a venue with whom, as shares of the others there: float64[18, 18].

    Row a is over all people of band a, so that it adds up to the share of them who have company in the setting.

    Args:
        venue: int32[n], -1 for nobody's.
        band: uint8[n].
        venues: how many there are.
    """
    counts = np.zeros((venues, BANDS), dtype=np.int32)
    total: F64 = np.zeros((BANDS, BANDS))
    _tally(venue, band, counts)
    _meet(counts, total)
    return np.asarray(total / np.maximum(np.bincount(band, minlength=BANDS), 1)[:, None], dtype=np.float64)


def row_errors(found: F64, wanted: F64) -> F64:
    """Return for each row how much of it would have to move: sum of absolute differences over the row: float64[18]."""
    size = wanted.sum(axis=1)
    moved = np.abs(found - wanted).sum(axis=1)
    return np.asarray(np.divide(moved, size, out=np.zeros(size.shape), where=size > 0))


def _pairs(people: I64) -> F64:
    """Return the sum over cells of N_a N_b / N: float64[18, 18]."""
    size = np.maximum(people.sum(axis=1), 1)
    return np.asarray(people.T @ (people / size[:, None]))


@compile_kernel
def _tally(venue: Any, band: Any, counts: Any) -> None:
    for i in range(venue.size):
        if venue[i] >= 0:
            counts[venue[i], band[i]] += 1


@compile_kernel
def _meet(counts: Any, total: Any) -> None:
    for v in range(counts.shape[0]):
        others = counts[v].sum() - 1
        if others < 1:
            continue
        for a in range(counts.shape[1]):
            if counts[v, a] == 0:
                continue
            for b in range(counts.shape[1]):
                total[a, b] += counts[v, a] * (counts[v, b] - (a == b)) / others
