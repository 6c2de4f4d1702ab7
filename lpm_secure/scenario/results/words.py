"""What a series' columns are, kept in the metadata of its table; and values in words."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, final

import msgspec
import numpy as np
import pyarrow as pa

from client_sdk.private.table import F64
from protocols.arithmetic.fixed_point import I64

WORDS: Final = b"lpm"  # of a table's metadata


@final
class SeriesWords(msgspec.Struct, frozen=True):
    """What the columns of a series are.

    Attributes:
        stages: columns of stages of one field, all of whose agents are in one of them; of a model without stages all.
        sha256: of the series of a run, as `lpm run` prints it.
    """

    stages: tuple[str, ...]
    sha256: str


def describe(table: pa.Table, words: SeriesWords) -> pa.Table:
    """Return a table whose metadata says what its columns are."""
    return table.replace_schema_metadata({WORDS: msgspec.json.encode(words)})


def words_of(table: pa.Table) -> SeriesWords:
    """Return what a table's columns are; of one that does not say it, all but the day are series."""
    metadata: dict[bytes, Any] = table.schema.metadata or {}
    if WORDS in metadata:
        return msgspec.convert(json.loads(metadata[WORDS]), SeriesWords)
    return SeriesWords(tuple(name for name in table.column_names if name not in ("seed", "day")), "")


def spread(values: I64 | F64) -> str:
    """Return a median in words, and where 90 % of values lie, if there is more than one."""
    low, median, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{median:,.0f} ({low:,.0f} to {high:,.0f})" if len(values) > 1 else f"{median:,.0f}"


def parity_word(parity: bool | str | None) -> str | None:
    """Return how a result says what the figures of a run say of its parity."""
    return {True: "identical", False: "different"}[parity] if isinstance(parity, bool) else parity


def series_names(series: Sequence[str] | str) -> tuple[str, ...]:
    """Return names of series, of one that stands alone too."""
    return (series,) if isinstance(series, str) else tuple(series)


def plain_levels(levels: Any) -> tuple[float, ...]:
    """Return levels of quantiles, of one that stands alone too; nothing where one is not between 0 and 1."""
    several = tuple(levels) if isinstance(levels, Iterable) else (levels,)
    numbers = all(isinstance(each, (int, float)) and 0 <= each <= 1 for each in several)
    return tuple(map(float, several)) if numbers else ()
