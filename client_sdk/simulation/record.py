"""What a client takes home from a run: its own agents' outcomes and stages, and the releases that it was told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np

from client_sdk.private.table_file import write_file
from client_sdk.simulation.client import NOTHING, Client
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ProtocolError
from protocols.models.agent_model import AgentModel, ColumnSpec
from protocols.models.state import State
from protocols.releases.query import SERIES
from protocols.task.layout import Layout
from protocols.task.release_plan import releases_of

UNSEEN: Final = ""  # in a field, of a step that this client missed
ALLOWED: Final = 10  # steps out of which one may be missed, unless a configuration says how many


@final
@dataclass(slots=True, eq=False)
class RunRecord:
    """Rows of both files, as the run goes on.

    Attributes:
        first: the step before which it begins.

    Security: outcomes and stages are private to the client; their file has mode 0600, like that of the releases.
    """

    client: Client = field(repr=False)
    _outcomes: list[list[int | str]] = field(default_factory=list, repr=False)
    _series: list[list[int | str]] = field(default_factory=list, repr=False)
    _before: I64 | None = field(default=None, repr=False)
    _stages: list[I64] = field(default_factory=list, repr=False)  # how many own agents are in each, by step
    first: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Note how the agents begin, or in which state this client came late."""
        self.first = self.client.step
        self._note(self.client.step, NOTHING)

    def observe(self, step: int) -> None:
        """Take in a step that is over, as `Client.run` tells it."""
        client, missed = self.client, step in self.client.missed
        layout, numbers = Layout.of(client.manifest), np.array(list(client.public.values()), dtype=np.int64)
        told = zip(layout.split(self._words(client.released)).tolist(), layout.split(numbers).tolist(), strict=True)
        for copy, (words, public) in enumerate(told):
            totals, blanks = words or [UNSEEN] * len(self._totals), public or [UNSEEN] * len(self._model.public)
            self._series.append([step, *self._of(copy), *totals, *blanks])
        if step < client.manifest.steps:
            self._note(step + 1, NOTHING if missed else client.decided)

    def _note(self, step: int, decided: I64) -> None:
        """Note the agents of whom an outcome or a stage is another than before."""
        stages, told = _stages(self._model, self.client.private.state), decided.size > 0
        specs = _stage_specs(self._model)
        tally = [np.bincount(column, minlength=len(spec.names)) for spec, column in zip(specs, stages.T, strict=True)]
        self._stages.append(np.concatenate([NOTHING, *tally]))
        begins = self._before is None
        if self._before is None:
            nobody = np.zeros((stages.shape[0], len(self._model.outcomes)), dtype=np.int64)
            self._before = np.concatenate([nobody, stages], axis=1)
        count = len(self._model.outcomes)
        now = np.concatenate([decided if told else self._before[:, :count], stages], axis=1)
        rows = np.arange(stages.shape[0]) if begins else np.flatnonzero((now != self._before).any(axis=1))
        manifest, private = self.client.manifest, self.client.private
        numbers = next(each.agents for each in manifest.clients if each.name == private.name)
        agents = private.names or numbers
        names = [spec.names for spec in specs]
        for row in rows.tolist():
            shown = [value if told else UNSEEN for value in now[row, :count].tolist()]
            where = [each[value] for each, value in zip(names, stages[row].tolist(), strict=True)]
            person, copy = divmod(row, manifest.copies)
            self._outcomes.append([step, *self._of(copy), agents[person], *shown, *where])
        self._before = now

    def _of(self, copy: int) -> list[int | str]:
        """Return what says of which replicate a row is, where there are several."""
        return [copy] if self.client.manifest.copies > 1 else []

    @property
    def _model(self) -> AgentModel:
        return self.client.manifest.model.agents

    @property
    def _totals(self) -> list[str]:
        """Names of what a step releases: the tally, or how many left its first stage."""
        releases, tally = releases_of(self.client.manifest), self._model.tally
        if releases.of("tally"):
            return [word.name for word in tally]
        return [f"left_{tally[0].name}"] if any(releases.of(name) for name in SERIES) else []

    def _words(self, release: I64) -> I64:
        layout = Layout.of(self.client.manifest)
        return release[layout.cells : layout.cells + layout.copies * len(self._totals)]

    @property
    def counts(self) -> Mapping[str, Mapping[str, Sequence[int]]]:
        """Return how many own agents were in each stage from step `first` on, by field; of all replicates together."""
        fields = [(spec.name, stage) for spec in _stage_specs(self._model) for stage in spec.names]
        found: dict[str, dict[str, Sequence[int]]] = {name: {} for name, _ in fields}
        for (name, stage), each in zip(fields, np.stack(self._stages, axis=1).tolist(), strict=True):
            found[name][stage] = each
        return found

    @property
    def released(self) -> Mapping[str, Sequence[int | None]]:
        """Return the columns of the releases that this client was told, where there are any; None of a missed step."""
        if len(names := self._series_head) == 1:
            return {}
        rows = [[None if value == UNSEEN else int(value) for value in row] for row in self._series]
        return {name: [row[place] for row in rows] for place, name in enumerate(names)}

    @property
    def _whose(self) -> tuple[str, ...]:
        return ("step", "replicate") if self.client.manifest.copies > 1 else ("step",)

    @property
    def _series_head(self) -> tuple[str, ...]:
        return (*self._whose, *self._totals, *self._model.public)

    def write(self, *, outcomes: Path, series: Path) -> None:
        """Write both files, whole; of a run that stopped, what there was until then."""
        own = (*(each.name for each in self._model.outcomes), *(spec.name for spec in _stage_specs(self._model)))
        who = "person" if self.client.private.names else "agent"
        write_file(outcomes, (*self._whose, who, *own), self._outcomes)
        write_file(series, self._series_head, self._series)

    def require_present(self, allowed: int | None) -> None:
        """Refuse to call a run a success of which this client missed too many steps.

        Args:
            allowed: how many it may miss; one of ten unless given.

        Raises:
            ProtocolError: it missed more.
        """
        steps, missed = self.client.manifest.steps, len(set(self.client.missed))
        most = max(steps // ALLOWED, 1) if allowed is None else allowed
        if missed > most:
            raise ProtocolError(
                f"missed {missed} of {steps} steps, and may miss {most}: what others told its agents then is lost; "
                "allow longer rounds in the manifest, or more in max_missed"
            )


def _stage_specs(model: AgentModel) -> list[ColumnSpec]:
    """Return the fields of stages, in the order of the tally."""
    specs = {spec.name: spec for spec in model.columns}
    return [specs[name] for name in dict.fromkeys(word.stage_of for word in model.tally if word.stage_of is not None)]


def _stages(model: AgentModel, state: State) -> I64:
    columns = [np.asarray(state[spec.name]).astype(np.int64) for spec in _stage_specs(model)]
    n = np.asarray(next(iter(state.values()))).size
    return np.stack(columns, axis=1) if columns else np.zeros((n, 0), dtype=np.int64)
