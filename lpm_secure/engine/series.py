"""What a run yields: how many agents are in each stage, day by day, and the totals of observables."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np
import pyarrow as pa

from lpm_secure.models.words import departure_words
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import TallyWord

PARTS: Final = ("private", "synthetic")
REPLICATE: Final = "replicate"  # the column that says of which a row is
EMPTY: Final[Mapping[str, Sequence[int]]] = MappingProxyType({})


@final
@dataclass(frozen=True, slots=True, eq=False)
class StageSeries:
    """Stage counts of private and synthetic agents; a `part` is one of these, and another name raises ValueError.

    Attributes:
        counts: int64[T + 1, 2, q]: day, private or synthetic, stage or observable.
        dt: days in a step.
        names: of stages and observables.
        stages: how many of the names, from the first on, are the stages of one field: every agent is in one of them.
        public: the environment's numbers of each day, where the model hears some.
    """

    counts: I64
    dt: float
    names: tuple[str, ...]
    stages: int
    public: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @classmethod
    def of_tally(
        cls, counts: I64, dt: float, words: Sequence[TallyWord], public: Mapping[str, Sequence[int]] = EMPTY
    ) -> "StageSeries":
        """Return the series of a model's tally, and of the public numbers that it heard.

        Args:
            counts: int64[T + 1, 2, q]: day, private or synthetic, word of the tally.
            dt: days in a step.
            words: of the tally, q of them.
            public: the environment's numbers of each day.
        """
        return cls(counts, dt, tuple(word.name for word in words), first_stages(words), public)

    @property
    def first(self) -> str:
        """Return the name of the first stage; empty where there is none."""
        return self.names[0] if self.stages else ""

    def of(self, part: str, stage: int) -> I64:
        """Return how many of one part are in the stage with this number, day by day: int64[T + 1]."""
        result: I64 = self.counts[:, PARTS.index(part), stage]
        return result

    def incidence(self, part: str) -> I64:
        """Return how many left the first stage in the step before each day, int64[T + 1]; none before day 0.

        Less those who came back, as where immunity wanes: the stages tell only the difference.
        """
        first = self.of(part, 0)
        return np.concatenate([[0], first[:-1] - first[1:]])

    def departure_share(self, part: str) -> float:
        """Return the share of agents that are no longer in the first stage at the end; 0 where there are no agents."""
        return 1.0 - float(self.of(part, 0)[-1]) / self.size(part) if self.size(part) else 0.0

    def size(self, part: str) -> int:
        """Return how many agents the part has on day 0."""
        return int(self.counts[0, PARTS.index(part), : self.stages].sum())

    def has(self, part: str) -> bool:
        """Return whether the part has agents, as far as its totals say."""
        return bool(self.counts[:, PARTS.index(part)].any())

    def last(self, part: str) -> dict[str, int]:
        """Return the last day's totals by name."""
        return dict(zip(self.names, self.counts[-1, PARTS.index(part)].tolist(), strict=True))

    @property
    def hash(self) -> str:
        """Return SHA-256 of the counts as little-endian words, row by row; then of each public number's."""
        numbers = [np.array(self.public[name], dtype="<i8").tobytes() for name in sorted(self.public)]
        return hashlib.sha256(b"".join([self.counts.astype("<i8").tobytes(), *numbers])).hexdigest()

    def difference(self, clear: "StageSeries") -> str:
        """Return where a series first parts from that of the clear run: day, part and stage or number, in words."""
        if self.counts.shape != clear.counts.shape:
            return f"in size: {self.counts.shape} numbers by day, part and stage, and {clear.counts.shape} in the clear"
        apart = np.argwhere(self.counts != clear.counts)
        if apart.size:
            (day, part, place) = apart[0].tolist()
            return (
                f"first on day {day * self.dt:g}: {self.names[place]} of the {PARTS[part]} agents is "
                f"{self.counts[day, part, place]:,}, and {clear.counts[day, part, place]:,} in the clear"
            )
        names = [name for name in self.public if list(self.public[name]) != list(clear.public.get(name, ()))]
        return f"in the public numbers {', '.join(names) or 'of one run alone'}"

    def table(self) -> pa.Table:
        """Return one row for each day: of each part who left the first stage, stages, observables; public numbers."""
        columns: dict[str, Any] = {"day": np.arange(self.counts.shape[0]) * self.dt}
        for part in PARTS:
            if self.stages:
                columns[f"{part}_{departure_words(self.first).column}"] = self.incidence(part)
            columns |= {f"{part}_{name}": self.of(part, place) for place, name in enumerate(self.names)}
        return pa.table(columns | {f"public_{name}": list(numbers) for name, numbers in self.public.items()})


def first_stages(words: Sequence[TallyWord]) -> int:
    """Return how many words of a tally, from the first on, are the stages of one field; 0 where there are no stages."""
    field = words[0].stage_of if words else None
    return sum(word.stage_of == field for word in words) if field is not None else 0


def table_of(each: Sequence[StageSeries]) -> pa.Table:
    """Return the series of all replicates, one after the other; of several a first column says whose a row is."""
    if len(each) == 1:
        return each[0].table()
    tables = [series.table() for series in each]
    numbers = [pa.array(np.full(table.num_rows, place, dtype=np.int64)) for place, table in enumerate(tables)]
    return pa.concat_tables(table.add_column(0, REPLICATE, own) for table, own in zip(tables, numbers, strict=True))


def split_replicates(table: pa.Table) -> list[pa.Table]:
    """Return the series of each replicate: what `table_of` put together."""
    if REPLICATE not in table.column_names:
        return [table]
    of = table[REPLICATE].to_numpy()
    own = table.drop_columns([REPLICATE])
    return [own.filter(pa.array(of == place)) for place in range(int(of.max(initial=-1)) + 1)]


def hash_of(each: Sequence[StageSeries]) -> str:
    """Return the hash of a series, or of several the SHA-256 of their hashes, one after the other."""
    hashes = [series.hash for series in each]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def difference(private: Sequence[StageSeries], clear: Sequence[StageSeries]) -> str:
    """Return where replicates first part from their clear runs, in words; nothing where they do not."""
    for place, (one, other) in enumerate(zip(private, clear, strict=True)):
        if one.hash != other.hash:
            return one.difference(other) if len(private) == 1 else f"replicate {place}, {one.difference(other)}"
    return ""
