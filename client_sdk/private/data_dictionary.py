"""The data dictionary of an institution: how its own tables say what a model asks for."""

import datetime
from collections.abc import Collection
from typing import Final, final

import msgspec

from client_sdk.private.calendar import Instant
from client_sdk.private.table import Table
from protocols.errors import ConfigError, DataError, did_you_mean

HOURS: Final = ("%H", "%I", "%X", "%c")  # directives of a form that say the time of day
TIMES: Final = ("date", "start", "end")  # columns of contacts that are dates or times


@final
class DataDictionary(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[dictionary]` of a client's configuration. Tables that are written in a run's own words need none.

    Attributes:
        columns: what the file calls a column, by the run's word for it, such as person = "mrn".
        values: what a text of a column means, by the run's word for the column: stage = {positive = "I", unknown = ""}.
        dates: how dates and times are written where not as ISO 8601, such as "%d.%m.%Y %H:%M"; each is tried in order.
        cells: names of the run's cells, in the order of their numbers; people's cells are numbers without.
        unread: columns of the file that the run has no use for, and must not read.
    """

    columns: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    dates: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        twice = [name for name in self.columns.values() if list(self.columns.values()).count(name) > 1]
        if twice:
            raise ConfigError(f"dictionary.columns gives the column {twice[0]} two words; it is one or the other")

    def require_words(self, words: Collection[str]) -> None:
        """Refuse an entry for a column that neither the run nor its tables have.

        Raises:
            ConfigError: there is one; the nearest word is said.
        """
        for key, entries in (("columns", self.columns), ("values", self.values)):
            for word in entries:
                if word not in words:
                    hint = did_you_mean(word, words) or f"; the run's words are {', '.join(words)}"
                    raise ConfigError(f"dictionary.{key} has {word}, which the run does not ask for{hint}")

    def translate(self, table: Table, *, elapsed: Collection[str] = ()) -> Table:
        """Return a table in the run's words; what no entry names is as it was.

        Args:
            table: as the institution has it.
            elapsed: columns of people that may be dates.

        Raises:
            DataError: two columns would have one name, or a date is in none of the forms; with file and row.
        """
        words = {name: word for word, name in self.columns.items() if name in table.columns}
        columns: dict[str, list[str]] = {}
        for name, texts in table.columns.items():
            if name in self.unread:
                continue
            word = words.get(name, name)
            if word in columns:
                raise DataError(f"{table.path} has two columns for {word}; name one of them in dictionary.unread")
            meanings = self.values.get(word, {})
            columns[word] = [meanings.get(text, text) for text in texts]
        for word in (*TIMES, *elapsed):
            if self.dates and word in columns:
                columns[word] = [self._moment(table, row, word, text) for row, text in enumerate(columns[word])]
        return Table(table.path, columns, table.rows)

    def _moment(self, table: Table, row: int, word: str, text: str) -> str:
        """Return a date or time as ISO 8601 has it; what is empty, or a number, is none."""
        if not text or (text.isdecimal() and word not in TIMES):
            return text
        for form in self.dates:
            try:
                moment = datetime.datetime.strptime(text, form)
            except ValueError:
                continue
            return moment.isoformat() if any(each in form for each in HOURS) else moment.date().isoformat()
        try:
            Instant.of(text)
        except ValueError:
            raise DataError(
                f"{table.place(row)}: {word} is {text!r}; dates are of the form {' or '.join(self.dates)}, as "
                "dictionary.dates says, or ISO 8601"
            ) from None
        return text


NO_DICTIONARY: Final = DataDictionary()  # of tables in the run's own words
