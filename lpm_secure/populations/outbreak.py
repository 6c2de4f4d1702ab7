"""A population's record of how an epidemic in it compares with one that was: kept beside its columns."""

from pathlib import Path
from typing import Final, final

import msgspec

from lpm_secure.populations.card import Card
from protocols.atomic_file import write_atomically
from protocols.errors import DataError

NAME: Final = "check.json"
FACTOR: Final = 2.0  # a first look at an outbreak that nothing was fitted to holds within this factor


@final
class OutbreakComparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The comparison.

    Attributes:
        title: what was held against what.
        population: SHA-256 of the card of the population.
        dates: of the days.
        model, data: events of each day; of the model scaled to the size of the city.
        told: further figures, in words.
        notes: where the parameters come from, and what was chosen.
    """

    title: str
    population: str
    dates: list[str]
    model: list[float]
    data: list[float]
    told: dict[str, str]
    notes: list[str]

    @property
    def total(self) -> float:
        """All events of the model over all events of the data."""
        return sum(self.model) / sum(self.data)

    @property
    def peak(self) -> float:
        """The highest mean of a week of the model over that of the data."""
        return max(week_means(self.model)) / max(week_means(self.data))

    @property
    def held(self) -> bool:
        """Whether total and peak are within the factor."""
        return all(1 / FACTOR <= ratio <= FACTOR for ratio in (self.total, self.peak))

    def write(self, folder: Path) -> None:
        """Write the record into a population's folder."""
        write_atomically(folder / NAME, msgspec.json.format(msgspec.json.encode(self), indent=1), mode=None)

    @classmethod
    def read(cls, folder: Path, card: Card) -> "OutbreakComparison | None":
        """Read a population's record; None where there is none.

        Raises:
            DataError: it is of another population, or no record.
        """
        path = folder / NAME
        if not path.exists():
            return None
        try:
            found = msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError) as error:
            raise DataError(f"{path} is no record of a check ({error}); run lpm population check again") from error
        if found.population != card.sha256:
            raise DataError(f"{path} is of another population; run lpm population check again")
        return found


def week_means(days: list[float]) -> list[float]:
    """Return the mean of each seven days in a row; of fewer days, of all."""
    width = min(7, len(days))
    return [sum(days[first : first + width]) / width for first in range(len(days) - width + 1)]
