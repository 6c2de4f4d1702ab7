"""What a run would read in tables of one's own: for whoever wrote them, before a real run."""

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import msgspec
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lpm_secure.config.simulation import CellConfig, ClientColumn, Config, PrivateConfig, load
from lpm_secure.data.survey import PERSON, UNDATED, Survey
from lpm_secure.report.page import Page, Plot
from lpm_secure.testbed.contacts import survey_of
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ConfigError
from protocols.models.agent_model import UNKNOWN, AgentModel, ColumnSpec
from protocols.report import html

BLUE: Final = "#4477aa"
SHOWN: Final = 5  # people that a warning names
BINS: Final = 30


@final
@dataclass(frozen=True, slots=True)
class TableQuestions:
    """What a run asks of tables beside its model, where no configuration says it.

    Attributes:
        clients, cells: columns; None where there is none.
        start: day of the first step.
        dt: days in a step.
    """

    clients: str | None = None
    cells: str | None = None
    start: datetime.date | None = None
    dt: float = 1.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class SurveyCheck:
    """A survey as its author looks over it.

    Attributes:
        rows: what was read, by name.
        warnings: what may not be as it was meant, a line each.
    """

    survey: Survey
    rows: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    specs: Sequence[ColumnSpec]

    @classmethod
    def of(cls, survey: Survey, agents: AgentModel, *, client: str | None, cell: str | None) -> "SurveyCheck":
        """Look over a survey.

        Args:
            survey: that a run would read.
            agents: the run's model.
            client, cell: the columns that say whose client, and in which cell, a person is.
        """
        people, contacts = _people(survey, agents, client=client, cell=cell), _contacts(survey)
        return cls(survey, (*people, *contacts), tuple(_warnings(survey)), agents.columns)

    @property
    def page(self) -> Page:
        """Return the table and the warnings, with plots of degree, days and stages."""
        parts = [html.table(self.rows), html.heading("Warnings"), html.items(self.warnings or ("none",))]
        return Page(f"What is read in {self.survey.people.path.name}", [*parts, Plot(self._figure())])

    def _figure(self) -> Any:
        named = [spec for spec in self.specs if spec.names and spec.name in self.survey.data.columns]
        titles = ["people by contacts a day", "contacts by day", *(spec.name for spec in named)]
        figure = make_subplots(rows=-(-len(titles) // 2), cols=2, subplot_titles=titles)
        panels = [go.Histogram(x=_degree(self.survey), nbinsx=BINS), go.Bar(y=_by_day(self.survey))]
        for spec in named:
            count = _count(self.survey.data.columns[spec.name], spec)
            panels.append(go.Bar(x=list(count), y=list(count.values())))
        for place, panel in enumerate(panels):
            panel.marker.color = BLUE
            figure.add_trace(panel, row=place // 2 + 1, col=place % 2 + 1)
        figure.update_layout(height=340 * -(-len(titles) // 2), template="plotly_white", showlegend=False)
        return figure


def check_survey(people: Path, contacts: Path | None, *, model: str, questions: TableQuestions) -> SurveyCheck:
    """Read tables as a run would, and look them over.

    Args:
        people, contacts: the tables.
        model: its name, or the path of a run's configuration (`.toml`), which says all that `questions` would.
        questions: of the tables, where there is no configuration.

    Raises:
        ConfigError, DataError, ModelError: what a run would be refused for.
    """
    if model.endswith(".toml"):
        given = load(Path(model))
        if given.private.people is None:
            raise ConfigError(f"{model} has no private.people; give a configuration of your own people, or a model")
        clients, start, cells = given.private.clients, given.private.start, given.cells
    else:
        clients = ClientColumn(column=questions.clients) if questions.clients else "one"
        start, cells = questions.start, CellConfig(column=questions.cells)
        private = PrivateConfig(people=str(people), clients=clients)
        given = Config(name="check", seed=0, steps=1, dt=questions.dt, model=model, private=private)
    private = msgspec.structs.replace(
        given.private, people=str(people), contacts=str(contacts) if contacts else {}, clients=clients, start=start
    )
    config = msgspec.structs.replace(given, private=private, cells=cells)
    agents = config.run_model.agents
    client = clients.column if isinstance(clients, ClientColumn) else None
    if cells.column is not None and agents.cell_field is not None:
        raise ConfigError(
            f"agents move between the cells of {agents.cell_field}, whose column may say where they begin; leave the "
            f"column {cells.column} of cells out"
        )
    return SurveyCheck.of(survey_of(config), agents, client=client, cell=cells.column)


def _people(survey: Survey, agents: AgentModel, *, client: str | None, cell: str | None) -> list[tuple[str, str]]:
    rows = [("people", f"{len(survey.ids):,} ({survey.ids[0]} to {survey.ids[-1]})")]
    meaning = {PERSON: "names", client: "whose client", cell: "in which cell"}
    specs = {spec.name: spec for spec in agents.columns}
    for name, texts in survey.people.columns.items():
        if name in meaning:
            rows.append((f"column {name}", f"{meaning[name]}: {len(set(texts)):,} values"))
        else:
            rows.append((f"column {name}", _described(survey.data.columns[name], specs[name])))
    return rows


def _described(values: np.ndarray, spec: ColumnSpec) -> str:
    """Return what a column of the model is, and what it says."""
    if spec.names:
        return "known: " + ", ".join(f"{name} {count:,}" for name, count in _count(values, spec).items())
    given = values[values != UNKNOWN] / 2**spec.bits
    kind = "a private column" if spec.default != UNKNOWN else "known" + (" since, in steps" if spec.elapsed else "")
    span = f", {given.min():g} to {given.max():g}" if given.size else ""
    empty = f", empty of {values.size - given.size:,}" if given.size < values.size else ""
    return f"{kind}: of {given.size:,} people{span}{empty}"


def _count(values: np.ndarray, spec: ColumnSpec) -> dict[str, int]:
    """Return how many people are known to have each named value, and of how many nobody knows."""
    count = {name: int((values == place).sum()) for place, name in enumerate(spec.names)}
    return {**count, "not known": int((values == UNKNOWN).sum())}


def _contacts(survey: Survey) -> list[tuple[str, str]]:
    data, listed = survey.data, survey.contacts
    if not listed.a.size:
        return [("contacts", "none")]
    days = data.days // survey.calendar.per_day
    first = "" if survey.calendar.start == UNDATED else f" from {survey.calendar.start} on"
    between = np.array(data.group)[data.a - 1] != np.array(data.group)[data.b - 1]
    degree = _degree(survey)
    count = Counter(listed.channel.tolist())
    return [
        ("contacts", f"{listed.a.size:,}, in {len(listed.table):,} rows"),
        ("days", f"{days:,}{first}; a longer run repeats them"),
        ("channels", ", ".join(f"{name} {count[place]:,}" for place, name in enumerate(listed.channels.names))),
        ("weights", f"{listed.weight.min():,} to {listed.weight.max():,}, median {np.median(listed.weight):g}"),
        ("contacts of a person and day", f"mean {degree.mean():.1f}, at most {degree.max():.1f}"),
        ("between clients", f"{between.mean():.0%} of what a run's steps have"),
    ]


def _warnings(survey: Survey) -> list[str]:
    listed, lines = survey.contacts, []
    if notice := survey.one_sided_notice:
        lines.append(notice)
    if listed.twice:
        lines.append(f"{listed.twice:,} rows say again what another says; each contact counts once")
    alone = np.flatnonzero(_degree(survey) == 0).tolist()
    if alone:
        names = ", ".join(survey.ids[person] for person in alone[:SHOWN])
        people = "1 person has" if len(alone) == 1 else f"{len(alone):,} people have"
        lines.append(f"{people} no contact: {names}{', ...' if len(alone) > SHOWN else ''}")
    if empty := int((_by_day(survey) == 0).sum()):
        lines.append(f"{empty:,} days have no contact")
    if survey.outside:
        lines.append(survey.outside_notice)
    return lines


def _degree(survey: Survey) -> np.ndarray:
    """Return with how many others each person is in contact on a day, on average: float64[n]."""
    data = survey.data
    met = np.unique(np.stack([data.day // survey.calendar.per_day, data.a, data.b]), axis=1)
    count = np.bincount(met[1:].reshape(-1), minlength=len(survey.ids) + 1)[1:]
    return count / max(data.days // survey.calendar.per_day, 1)


def _by_day(survey: Survey) -> I64:
    """Return how many contacts there are on each day."""
    data, per_day = survey.data, survey.calendar.per_day
    met = np.unique(np.stack([data.day // per_day, data.a, data.b]), axis=1)
    return np.bincount(met[0], minlength=data.days // per_day)
