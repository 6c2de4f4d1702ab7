"""The section `[data]` of a calibration's configuration: whose series are fitted."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, final

import msgspec

from client_sdk.institution_config import PeriodDays
from client_sdk.likelihood.series_file import Combination
from client_sdk.private.data_dictionary import NO_DICTIONARY, DataDictionary
from lpm_secure.data.institution_series import InstitutionSeries, SeriesFiles
from lpm_secure.data.new_york import hospitals
from lpm_secure.data.place_table import PlaceTable
from protocols.errors import ConfigError, did_you_mean

TABLES: Final = ("series", "institutions", "places", "contacts", "movement", "public")
OF_TABLES: Final = (*TABLES, "quantity", "start", "period_days", "combine", "dictionary")
CATALOGUE: Final[dict[str, Callable[[int], InstitutionSeries]]] = {"new_york_hospitals": hospitals.read}
PeriodCount = Annotated[int, msgspec.Meta(ge=1, le=1040)]


@final
class DataConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose series are fitted: tables of your own, a data set of the catalogue, or made-up ones.

    Attributes:
        series: your own, a table (CSV or Parquet) beside the configuration: `institution, date, value`, and `series`
            where there are several. A value is a number, `<c` below c, `a..b` between two, or nothing where it is
            missing, as is a date without a row.
        institutions: a table: `institution, place`, and `share`, of what there is in a place what one expects to see in
            the institution; without it those of a place share it alike.
        places: a table: `place, population`, and `group` where people are of several.
        contacts: a table: `group, other, contacts`; in proportion to the people of each group without it.
        movement: a table: `from, to, share` of contacts; none between places without it.
        public: a table: `date, value`, events in all places that everybody knows: forecast and scored, and
            fitted where `public_observation` says how.
        quantity: which series of the table; the only one unless given.
        start: first day of the first period; that of the first row unless given.
        period_days: days in a period; 7 are weeks.
        combine: "sum" or "mean": rows are of days, and those of all days of a period make its value; a period has one
            row unless given.
        dictionary: how the table of series calls its columns and writes dates, as in a client's configuration.
        catalogue: a data set in place of tables.
        simulated: so many made-up institutions in place of tables, of weeks.
        fit_periods: how many are fitted, from the first on; those after them are forecast.
        forecast_periods: how many are forecast; they may be after the last row.
    """

    series: str | None = None
    institutions: str | None = None
    places: str | None = None
    contacts: str | None = None
    movement: str | None = None
    public: str | None = None
    quantity: str | None = None
    start: datetime.date | None = None
    period_days: PeriodDays | None = None
    combine: Combination | None = None
    dictionary: DataDictionary | None = None
    catalogue: str | None = None
    simulated: Annotated[int, msgspec.Meta(ge=2, le=1000)] | None = None
    fit_periods: Annotated[int, msgspec.Meta(ge=2, le=1040)]
    forecast_periods: PeriodCount

    def __post_init__(self) -> None:
        """Refuse none or several sources, and keys of another one than is given.

        Raises:
            ConfigError: it is one.
        """
        sources = [name for name in ("series", "catalogue", "simulated") if getattr(self, name) is not None]
        if len(sources) != 1:
            got = " and ".join(sources) or "none"
            raise ConfigError(f"data has either series, tables of your own, or catalogue, or simulated; got {got}")
        own = self.series is not None
        needed = [name for name in ("institutions", "places", "period_days") if own and getattr(self, name) is None]
        if needed:
            raise ConfigError(f"data.{needed[0]} is missing; data.series needs institutions, places and period_days")
        other = [name for name in OF_TABLES if not own and getattr(self, name) is not None]
        if other:
            raise ConfigError(f"data.{other[0]} is of your own data.series; of {sources[0]} leave it out")
        if self.catalogue is not None and self.catalogue not in CATALOGUE:
            hint = did_you_mean(self.catalogue, CATALOGUE) or f"; there are {', '.join(CATALOGUE)}"
            raise ConfigError(f"data.catalogue has no series {self.catalogue!r}{hint}")

    @property
    def count(self) -> int:
        """Return how many periods there are, fitted and forecast."""
        return self.fit_periods + self.forecast_periods

    def beside(self, folder: Path) -> "DataConfig":
        """Return the configuration with the paths of tables that lie beside it."""
        paths = {name: getattr(self, name) for name in TABLES}
        return msgspec.structs.replace(self, **{name: path and str(folder / path) for name, path in paths.items()})

    def without_folders(self) -> "DataConfig":
        """Return the configuration with the names of tables alone: the same from whichever folder it is read."""
        paths = {name: getattr(self, name) for name in TABLES}
        return msgspec.structs.replace(self, **{name: path and Path(path).name for name, path in paths.items()})

    def read(self) -> InstitutionSeries:
        """Return the series of all institutions, where they are not made up.

        Raises:
            ConfigError, DataError: they cannot be had.
        """
        if self.catalogue is not None:
            return CATALOGUE[self.catalogue](self.count)
        paths = {name: Path(value) for name in TABLES if (value := getattr(self, name)) is not None}
        contacts, movement = paths.get("contacts"), paths.get("movement")
        places = PlaceTable.read(paths["places"], contacts=contacts, movement=movement)
        days, words = self.period_days or 1, self.dictionary or NO_DICTIONARY
        files = SeriesFiles(paths["series"], paths["institutions"], paths.get("public"), self.combine, words)
        return files.read(places, quantity=self.quantity, start=self.start, period_days=days, periods=self.count)
