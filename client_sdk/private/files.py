"""Read an institution's own files: its people and their contacts, as CSV."""

import datetime
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

import msgspec
import numpy as np

from client_sdk.private import line_list
from client_sdk.private.calendar import Calendar, steps_per_day
from client_sdk.private.contact_list import COLUMNS, Channels, ContactList, moments_of, time_columns
from client_sdk.private.contacts import ContactTable
from client_sdk.private.data_dictionary import NO_DICTIONARY, DataDictionary
from client_sdk.private.device_keys import read_device_keys
from client_sdk.private.line_list import read_columns
from client_sdk.private.state import PrivateState
from client_sdk.private.table import Table
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ConfigError, DataError, ParameterError
from protocols.models.agent_model import AgentModel, Columns, ColumnSpec
from protocols.task.manifest import Simulation

AGENT: Final = "agent"  # the number of the manifest
PERSON: Final = "person"  # or a name of one's own: people then have the manifest's numbers in the order of the file
PEOPLE: Final = (AGENT, PERSON, "cell")  # beside the model's columns
MAX_DIGITS: Final = 19
MAX_AGENT: Final = 2**62 - 1
UNKNOWN_PERSON: Final = (
    "list who takes part; where own people have names, others' are in the file that `others` of the configuration names"
)
LOG: Final = logging.getLogger("client")


@final
@dataclass(frozen=True, slots=True, eq=False)
class PrivateFiles:
    """What a client's files say.

    Attributes:
        state: of its agents.
        path: of the file of contacts.
        contacts: by step and slot, as the file lists them.
        rows: int64[m], of each contact, its row in the file.
    """

    state: PrivateState
    path: Path
    contacts: ContactTable = field(repr=False)
    rows: I64 = field(repr=False)


def read_private_state(manifest: Simulation, name: str, **files: Any) -> PrivateState:
    """Read a client's private state from its files, which `read_private_files` is given."""
    return read_private_files(manifest, name, **files).state


def read_private_files(
    manifest: Simulation,
    name: str,
    *,
    people: Path,
    contacts: Path,
    start: datetime.date | None = None,
    others: Path | None = None,
    dictionary: DataDictionary = NO_DICTIONARY,
    draws: bytes | None = None,
) -> PrivateFiles:
    """Read a client's files.

    Args:
        manifest: of the run; its numbers name the agents in both files, its names the channels.
        name: of this client.
        people: columns `agent` or `person`, where there are any `cell`, and those of the model; one row for each own
            agent.
        contacts: columns `a`, `b`, and `date`, or `start` and `end`, or `day`; `channel` where there are several, and
            `weight`, 1 unless given; one row for each contact with an end among own agents.
        start: the day of the run's first step, as this client's owner knows it; the manifest's counts.
        others: columns `person` and `agent`: what contacts call people of other clients, where own ones have names.
        dictionary: in which words all of these are written.
        draws: from which agents are drawn as they were before, of a client that was started again.

    Raises:
        DataError: a file cannot be read, or a row is wrong; the message names file and row.
        ParameterError: the manifest lists no client of that name, or says another start.
    """
    _check_start(manifest.start, start)
    own = {client.name: client.agents for client in manifest.clients}.get(name)
    if own is None:
        raise ParameterError(f"the manifest lists no client {name}; check the name in the client's config")
    specs = manifest.model.agents.columns
    dictionary.require_words((*PEOPLE, *(spec.name for spec in specs), *COLUMNS))
    elapsed = [spec.name for spec in specs if spec.elapsed]
    lines = dictionary.translate(Table.read(people, least=0), elapsed=elapsed)
    met = dictionary.translate(Table.read(contacts, least=0))
    calendar = _calendar(lines, met, specs, start=manifest.start, dt=manifest.dt)
    places = _places(lines, own)
    cell, columns = _people(lines, places, manifest.model.agents, calendar, len(manifest.cells), names=dictionary.cells)
    names = tuple(lines.columns[PERSON][row] for row in places) if AGENT not in lines.columns else ()
    slots = {agent: slot for slot, agent in enumerate(agent for each in manifest.clients for agent in each.agents)}
    number_of = _numbers(dict(zip(names, own, strict=False)), others, slots)
    channels = channels_of(manifest.channels, manifest.model.agents)
    table, rows = _contacts(met, channels, calendar, number_of, period=manifest.period)
    devices = None if manifest.devices is None else read_device_keys(people.parent, slots)
    try:
        state = PrivateState(
            manifest,
            name,
            contacts=table,
            cell=cell,
            columns=columns,
            devices=devices,
            names=names,
            draws=draws,
        )
    except DataError as error:
        raise DataError(f"{_place(error, met, rows, lines, places)}: {error}") from error
    return PrivateFiles(state, contacts, table, np.array([met.row(int(row)) for row in rows], dtype=np.int64))


def channels_of(names: tuple[str, ...], model: AgentModel) -> Channels:
    """Return the channels of a run as a list of contacts knows them."""
    return Channels(names, model.directed, tuple(along is not None for along in model.along))


def _check_start(signed: datetime.date | msgspec.UnsetType, given: datetime.date | None) -> None:
    """Hold the first day that a client's owner knows against the manifest's, which is the same for all clients."""
    if given is not None and given != signed:
        said = signed if isinstance(signed, datetime.date) else "none"
        raise ParameterError(
            f"start is {given} here, and {said} in the manifest, which all clients go by; ask the run's operator, or "
            "leave it out here"
        )


def _calendar(
    people: Table,
    contacts: Table,
    specs: tuple[ColumnSpec, ...],
    *,
    start: datetime.date | msgspec.UnsetType,
    dt: float,
) -> Calendar | None:
    """Return the run's calendar, of the times of both files, where its first day is known."""
    if not isinstance(start, datetime.date):
        return None
    met = [] if not len(contacts) else moments_of(contacts)
    known = line_list.moments_of(people, specs)
    try:
        return Calendar.over([*met, *known], start=start, per_day=steps_per_day(dt))
    except DataError as error:
        raise DataError(f"{contacts.path}: {error}") from error


def _place(error: DataError, contacts: Table, rows: I64, people: Table, places: I64) -> str:
    """Return where a mistake stands that the private state found; of contacts unless it is of an agent."""
    if not error.row:
        return str(contacts.path)
    if str(error).startswith("contact"):
        return contacts.place(int(rows[error.row - 1]))
    return people.place(int(places[error.row - 1]))


def _places(table: Table, own: tuple[int, ...]) -> I64:
    """Return the row that each own agent stands in, in the manifest's order: by its number, or by the file's order.

    Raises:
        DataError: other people than those of the manifest, or one twice.
    """
    if AGENT not in table.columns:
        table.require((PERSON,), allowed=table.columns)
        _require_names(table)
        if len(table) != len(own):
            raise DataError(
                f"{table.path} has {len(table)} people, and the manifest {len(own)} of this client; list as many, or "
                "ask the run's operator for another manifest"
            )
        order = [text for text in table.columns[PERSON] if text in set(map(str, own))]
        if len(order) == len(own) and order != [str(agent) for agent in own]:
            raise DataError(
                f"{table.path}: the column {PERSON} has the manifest's numbers in another order, and names stand for "
                f"them in the file's; call the column {AGENT} if they are those numbers, or sort the rows"
            )
        return np.arange(len(own))
    row_of: dict[int, int] = {}
    for row, agent in enumerate(table.whole(AGENT, last=MAX_AGENT).tolist()):
        if agent in row_of:
            raise DataError(f"{table.place(row)}: agent {agent} is listed twice")
        row_of[agent] = row
    if set(row_of) != set(own):
        odd = min(set(row_of) ^ set(own))
        raise DataError(f"{table.path}: agent {odd} is in only one of this file and the manifest; list the same agents")
    return np.array([row_of[agent] for agent in own], dtype=np.int64)


def _require_names(table: Table) -> None:
    rows: dict[str, int] = {}
    for row, text in enumerate(table.columns[PERSON]):
        if not text or rows.setdefault(text, row) != row:
            what = f"is listed in row {table.row(rows[text])} too" if text else "has no name"
            raise DataError(f"{table.place(row)}: person {text!r} {what}; give each person one row, with its own name")


def _people(
    table: Table, places: I64, model: AgentModel, calendar: Calendar | None, cells: int, *, names: tuple[str, ...]
) -> tuple[I64, Columns]:
    """Return cell and private columns of each own agent, in the manifest's order."""
    specs = model.columns
    stays = ("cell",) if model.cell_field is None else ()
    person = AGENT if AGENT in table.columns else PERSON
    needed = (person, *(stays if cells else ()), *(spec.name for spec in specs if spec.default is None))
    table.require(needed, allowed=(person, *stays, *(spec.name for spec in specs)))
    columns = read_columns(table, specs, calendar)
    cell = np.zeros(0, dtype=np.int64)
    if cells and stays:
        if names and len(names) != cells:
            raise ConfigError(f"dictionary.cells names {len(names)} cells, and the run has {cells}")
        cell = table.codes("cell", names) if names else table.whole("cell", last=cells - 1)
        cell = cell[places]
    return cell, {name: values[places] for name, values in columns.items()}


def _numbers(own: Mapping[str, int], others: Path | None, slots: Mapping[int, int]) -> Callable[[str], int | None]:
    """Return what finds the slot of a person of contacts: by own names, and others'; or by the manifest's numbers."""
    if not own:
        return lambda text: slots.get(int(text)) if text.isdecimal() and len(text) <= MAX_DIGITS else None
    numbers = dict(own)
    if others is not None:
        table = Table.read(others, least=0)
        table.require((PERSON, AGENT), allowed=(PERSON, AGENT))
        for row, agent in enumerate(table.whole(AGENT, last=MAX_AGENT).tolist()):
            name = table.columns[PERSON][row]
            if numbers.setdefault(name, agent) != agent:
                raise DataError(f"{table.place(row)}: {name!r} is agent {numbers[name]} too; give each its own name")
            if agent not in slots:
                raise DataError(f"{table.place(row)}: the run has no agent {agent}; ask who holds {name!r}")
    return lambda text: slots[numbers[text]] if text in numbers else None


def _contacts(
    table: Table,
    channels: Channels,
    calendar: Calendar | None,
    number_of: Callable[[str], int | None],
    *,
    period: int,
) -> tuple[ContactTable, I64]:
    """Return the contacts of the run's steps, by slot, and the row of each."""
    table.require(("a", "b", *(["channel"] if len(channels.names) > 1 else [])), allowed=COLUMNS)
    dated = time_columns(table) != ("day",)
    listed = ContactList.read(
        table, channels, number_of=number_of, calendar=calendar if dated else None, advice=UNKNOWN_PERSON
    )
    met, rows, outside = listed.by_step(period if dated else None)
    if outside and not rows.size:
        raise DataError(f"{table.path}: all {outside} contacts are outside of the run's {period} steps from start on")
    if outside:
        LOG.warning("%s: %d of %d contacts are outside of the run's steps", table.path, outside, len(table))
    return met, rows
