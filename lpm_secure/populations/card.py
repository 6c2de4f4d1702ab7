"""The card of a population: what is in it, how it was made, and how far it is from its tables."""

import hashlib
from pathlib import Path
from typing import Final, final

import msgspec

from protocols.errors import DataError

NAME: Final = "card.json"
FORMAT: Final = 1


@final
class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column: a file of its own, with its SHA-256."""

    dtype: str
    bytes: int
    sha256: str
    meaning: str


@final
class Marginal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far the population is from a table.

    Attributes:
        name: what is compared, in words.
        cells: how many numbers are compared.
        error: the largest distance, in `unit`.
        typical: the median distance.
        allowed: the largest that is promised; None where it is only told.
    """

    name: str
    cells: int
    error: float
    typical: float
    unit: str
    allowed: float | None = None

    @property
    def held(self) -> bool:
        """Whether the promise is kept; what is only told always is."""
        return self.allowed is None or self.error <= self.allowed


@final
class PlotSeries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers to plot: of the tables, where they tell, and of the population."""

    x: list[str]
    found: list[float]
    table: list[float] | None = None


@final
class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The card.

    Attributes:
        title: what the population is.
        agents: how many.
        seed: of all its draws; None where nothing was drawn.
        versions: of what made it.
        data: the files it was made from, with their SHA-256.
        notes: how it was made, and what is assumed.
        columns: by name, one number for each agent.
        places: columns that number places, with the places' names.
        settings: columns that number venues, with how many venues there are.
        rate: reciprocal contacts a day by age band in community cells (see `mixing.Cells`); empty where there are none.
        contacts: the contact matrix itself, of the ages that it was made for; empty where there is none.
        sha256: of the card without this field; covers all columns.
    """

    title: str
    agents: int
    seed: int | None
    versions: dict[str, str]
    data: dict[str, str]
    notes: list[str]
    columns: dict[str, Column]
    places: dict[str, list[str]]
    settings: dict[str, int]
    counts: dict[str, float]
    marginals: list[Marginal]
    series: dict[str, PlotSeries]
    rate: list[list[float]]
    contacts: list[list[float]]
    format: int = FORMAT
    sha256: str = ""

    def digest(self) -> str:
        """Return the SHA-256 of everything else in the card."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, sha256=""))).hexdigest()

    def write(self, folder: Path) -> None:
        """Write the card with its checksum."""
        read_again = msgspec.json.decode(msgspec.json.encode(self), type=Card)  # whole numbers become floats
        complete = msgspec.structs.replace(read_again, sha256=read_again.digest())
        (folder / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(complete), indent=1))

    @classmethod
    def read(cls, folder: Path) -> "Card":
        """Read a card and check it.

        Raises:
            DataError: no card, not one of ours, of another format, or changed.
        """
        path = folder / NAME
        try:
            card = msgspec.json.decode(path.read_bytes(), type=cls)
        except OSError as error:
            raise DataError(
                f"{folder} is no population ({NAME}: {error.strerror}); build one with lpm population"
            ) from error
        except msgspec.MsgspecError as error:
            raise DataError(f"{path} is no card of a population ({error}); build it again") from error
        if card.format != FORMAT:
            raise DataError(f"{path} has format {card.format}; this version reads {FORMAT}; build it again")
        if card.sha256 != card.digest():
            raise DataError(f"{path} was changed: its SHA-256 is not the one that it names; build it again")
        return card
