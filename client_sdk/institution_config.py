"""The configuration file of an institution's client, and the series that it reads."""

import datetime
from pathlib import Path
from typing import Annotated, final

import msgspec
import numpy as np

from client_sdk.admission import AdmissionConfig
from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.likelihood.observation import Observation
from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import COLUMNS, Combination, Periods, SeriesTable
from client_sdk.private.data_dictionary import NO_DICTIONARY, DataDictionary
from client_sdk.private.table_file import read_file, require_form
from protocols.errors import DataError, ParameterError, did_you_mean
from protocols.identity.signing import read_private, write_private
from protocols.toml_file import load_config

CatchmentShare = Annotated[float, msgspec.Meta(ge=0, le=1)]
PeriodDays = Annotated[int, msgspec.Meta(ge=1, le=366)]
PeriodCount = Annotated[int, msgspec.Meta(ge=1, le=2**16)]


@final
class InstitutionConfig(AdmissionConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a client of a run of sums reads; paths are relative to the file.

    Attributes:
        name: this client's in the manifest, and in its certificate.
        manifest: of the run, with its signature (.sig) beside it.
        operator_key: who must have signed it: the run's operator's Ed25519 key, 32 bytes in base64.
        policy: what the client's owner allows, TOML; a manifest that asks for more is refused.
        credentials: folder with authority.pem, certificate.pem, and private.key and identity.key (mode 0600).
        series: CSV, or Parquet where pyarrow is installed, with the columns date and value, and where there are
            several, series and institution: a row for each date; a value is a number, <c below c, a..b between two, or
            nothing where it is missing.
        quantity: which series of the file; the only one unless given.
        institution: whose rows; those of `name` unless given, where the file has a column institution.
        start: first day of the run's first period, which the operator says.
        period_days: days in a period; 7 are weeks.
        periods: how many are fitted.
        forecast_periods: how many after these are announced too, and forecast here.
        combine: "sum" or "mean": rows are of days, and those of all days of a period make its value; a period has one
            row unless given.
        dictionary: how the table calls its columns and writes dates.
        places: the run's places, for results; they are numbered where their names are not given.
        share: of each of the run's places, in its order, what one would expect to see here, before having learnt it.
        observation: by which law the series follows what is expected, and priors of what is learnt.
        local_steps: gradient steps on own parameters in each round.
        state: what was learnt in an earlier run, float64, little-endian, mode 0600; where there is none, nothing was.
        relay: the one aggregator that this client reaches, by name; it passes sealed calls on to the others.
        forecast: where it writes its series with bands, of fitted periods and of those after them: its own way home.
        course: where it writes what was published of each place.
        summary: where the client writes what it sent and received in bytes, for its owner; no private value.
    """

    series: str
    quantity: str | None = None
    institution: str | None = None
    start: datetime.date
    period_days: PeriodDays
    periods: PeriodCount
    forecast_periods: Annotated[int, msgspec.Meta(ge=0, le=1040)] = 0
    combine: Combination | None = None
    dictionary: DataDictionary = NO_DICTIONARY
    places: tuple[str, ...] = ()
    share: tuple[CatchmentShare, ...]
    observation: Observation
    local_steps: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    state: str | None = None
    forecast: str = "forecast.csv"
    course: str = "course.csv"
    summary: str = "summary.json"

    def __post_init__(self) -> None:
        """Check that each place has a share, and that results, which are written last, can be written under its name.

        Raises:
            ParameterError: there are names of fewer places, or of more.
            DataError: a table is one of Parquet, and pyarrow is not installed.
        """
        for name in (self.forecast, self.course):
            require_form(Path(name))
        if self.places and len(self.places) != len(self.share):
            raise ParameterError(
                f"places names {len(self.places)} and share has {len(self.share)}: give each place one of both, or "
                "leave places out"
            )

    @property
    def calendar(self) -> Periods:
        """Return the run's periods."""
        return Periods(self.start, self.period_days, self.periods)

    @property
    def horizon(self) -> Periods:
        """Return the run's periods, and those after them that are announced."""
        return Periods(self.start, self.period_days, self.periods + self.forecast_periods)

    @property
    def place_names(self) -> tuple[str, ...]:
        """Return the names of the run's places, or their numbers from 1 on."""
        return self.places or tuple(str(number + 1) for number in range(len(self.share)))


def load(path: Path) -> InstitutionConfig:
    """Read a configuration file; errors are ConfigError."""
    return load_config(path, InstitutionConfig)


def read_institution(config: InstitutionConfig, folder: Path) -> SeriesInstitution:
    """Return the institution of a configuration; DataError names file, and row or period, of what is no value."""
    series, share = read_series(config, folder).first(config.periods), np.array(config.share)
    try:
        institution = SeriesInstitution(series, share, config.observation, config.local_steps, config.period_days)
    except DataError as error:
        path = folder / config.series
        raise DataError(f"{path}: {error}; the first one is from {config.start} on", row=error.row) from error
    if config.state is not None:
        content = read_private(folder / config.state)
        institution.resume(np.frombuffer(content[: len(content) // 8 * 8], dtype="<f8"))
    return institution


def write_state(path: Path, institution: SeriesInstitution) -> None:
    """Write what an institution has learnt, for it to go on from in another run."""
    write_private(path, institution.state.astype("<f8").tobytes())


def read_series(config: InstitutionConfig, folder: Path) -> Series:
    """Return the institution's own series of the run's periods, and of those after them that are announced too.

    Raises:
        DataError: the table cannot be read, or has no row of it, or none in the periods that are fitted.
    """
    path = folder / config.series
    config.dictionary.require_words(COLUMNS)
    table = SeriesTable.of(config.dictionary.translate(read_file(path, least=1)))
    quantity, own = table.select(config.quantity), config.institution or config.name
    known = sorted(set(table.institution) - {""})
    if known and own not in known:
        raise DataError(f"{path} has no row of institution {own!r}{did_you_mean(own, known)}; say institution, whose")
    rows = table.rows(quantity, own if known else None)
    if not any(config.calendar.place(table.date[row]) >= 0 for row in rows):
        last = config.calendar.first_day(config.periods)
        raise DataError(f"{path} has no row from {config.start} to before {last}; give the dates of the run")
    return table.series(rows, config.horizon, config.combine)
