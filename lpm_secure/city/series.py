"""What a city run yields: totals day by day, and arrivals in stages day by day and by place."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import pyarrow as pa

from lpm_secure.engine.series import first_stages
from lpm_secure.models.words import arrival_words
from protocols.arithmetic.fixed_point import I64
from protocols.models.graph import ModelGraph
from protocols.models.graph.agents import tally_of


@final
@dataclass(frozen=True, slots=True)
class CityWords:
    """Names of what is counted.

    Attributes:
        names: of stages and observables.
        stages: how many of them, from the first on, are the stages of one field: every agent is in one of them.
        arrivals: stages of which arrivals are counted, and what these are called.
    """

    names: tuple[str, ...]
    stages: int
    arrivals: Mapping[str, str]

    @classmethod
    def of(cls, graph: ModelGraph) -> "CityWords":
        """Return the names of a model."""
        words = tally_of(graph)
        names, stages = tuple(word.name for word in words), first_stages(words)
        return cls(names, stages, arrival_words(names[:stages]))

    @property
    def shown(self) -> tuple[str, ...]:
        """Return the names of a result's stages: of a model without stages all."""
        return self.names[: self.stages] or self.names


@final
@dataclass(frozen=True, slots=True, eq=False)
class CitySeries:
    """Counts of a run of T days.

    Attributes:
        counts: int64[T + 1, q]: day, stage or observable.
        events: int64[T + 1, places, e]: day, place, arrival; on day 0 those who begin in another stage than the first.
        places: their names; one, `city`, where the population has no boroughs.
        words: of what is counted.
        public: the environment's numbers of each day, where the model hears some.
    """

    counts: I64
    events: I64
    places: tuple[str, ...]
    words: CityWords
    public: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def of(self, arrival: str) -> I64:
        """Return the city's arrivals by their word, int64[T + 1]."""
        result: I64 = self.events[:, :, list(self.words.arrivals.values()).index(arrival)].sum(axis=1)
        return result

    @property
    def n(self) -> int:
        """How many agents there are, of a model with stages."""
        return int(self.counts[0, : self.words.stages].sum())

    @property
    def departure_share(self) -> float:
        """The share of agents that are no longer in the first stage at the end."""
        return 1.0 - float(self.counts[-1, 0]) / self.n

    @property
    def hash(self) -> str:
        """SHA-256 of counts, then events, then public numbers, as little-endian words, row by row."""
        numbers = [np.array(self.public[name]) for name in sorted(self.public)]
        arrays = [self.counts, self.events, *numbers]
        return hashlib.sha256(b"".join(array.astype("<i8").tobytes() for array in arrays)).hexdigest()

    def table(self) -> pa.Table:
        """Return one row for each day: totals, arrivals in the city, arrivals in each place, public numbers."""
        names = list(self.words.arrivals.values())
        columns: dict[str, Any] = {"day": np.arange(len(self.counts))}
        columns |= {name: self.counts[:, place] for place, name in enumerate(self.words.names)}
        columns |= {name: self.of(name) for name in names}
        if len(self.places) > 1:
            for place, borough in enumerate(self.places):
                label = borough.replace(" ", "_")
                columns |= {f"{name}_{label}": self.events[:, place, at] for at, name in enumerate(names)}
        return pa.table(columns | {f"public_{name}": list(numbers) for name, numbers in self.public.items()})
