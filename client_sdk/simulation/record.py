"""What a client takes home from a run: its own agents' outcomes and stages, and the releases that it was told."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np

from client_sdk.simulation.client import NOTHING, Client
from protocols.arithmetic.fixed_point import I64
from protocols.atomic_file import write_atomically
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

    Security: outcomes and stages are private to the client; their file has mode 0600, like that of the releases.
    """

    client: Client = field(repr=False)
    _outcomes: list[list[int | str]] = field(default_factory=list, repr=False)
    _series: list[list[int | str]] = field(default_factory=list, repr=False)
    _before: I64 | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Note how the agents begin, or in which state this client came late."""
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
        begins = self._before is None
        if self._before is None:
            nobody = np.zeros((stages.shape[0], len(self._model.outcomes)), dtype=np.int64)
            self._before = np.concatenate([nobody, stages], axis=1)
        count = len(self._model.outcomes)
        now = np.concatenate([decided if told else self._before[:, :count], stages], axis=1)
        rows = np.arange(stages.shape[0]) if begins else np.flatnonzero((now != self._before).any(axis=1))
        copies, private = self.client.manifest.copies, self.client.private
        numbers = {party.name: party.agents for party in self.client.manifest.clients}
        agents = private.names or numbers[private.name]
        names = [spec.names for spec in _stage_specs(self._model)]
        for row in rows.tolist():
            shown = [value if told else UNSEEN for value in now[row, :count].tolist()]
            where = [each[value] for each, value in zip(names, stages[row].tolist(), strict=True)]
            person, copy = divmod(row, copies)
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

    def write(self, *, outcomes: Path, series: Path) -> None:
        """Write both files, whole; of a run that stopped, what there was until then."""
        own = (*(each.name for each in self._model.outcomes), *(spec.name for spec in _stage_specs(self._model)))
        whose = ("step", "replicate") if self.client.manifest.copies > 1 else ("step",)
        _write(outcomes, (*whose, "person" if self.client.private.names else "agent", *own), self._outcomes)
        _write(series, (*whose, *self._totals, *self._model.public), self._series)

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


def _write(path: Path, header: tuple[str, ...], rows: list[list[int | str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_atomically(path, text.getvalue().encode())
