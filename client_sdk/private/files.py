"""Read an institution's own files: its people and their contacts, as CSV."""

import datetime
import logging
from pathlib import Path
from typing import Final

import numpy as np

from client_sdk.private import line_list
from client_sdk.private.calendar import Calendar, steps_per_day
from client_sdk.private.contact_list import COLUMNS, Channels, ContactList, moments_of, time_columns
from client_sdk.private.contacts import ContactTable
from client_sdk.private.device_keys import DeviceKeys, read_device_keys
from client_sdk.private.line_list import read_columns
from client_sdk.private.state import PrivateState
from client_sdk.private.table import Table
from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError, ParameterError
from protocols.models.agent_model import AgentModel, Columns
from protocols.models.run_model import agent_model_of
from protocols.task.manifest import Simulation

PERSON: Final = ("agent", "person")  # either
MAX_DIGITS: Final = 19
MAX_AGENT: Final = 2**62 - 1
LOG: Final = logging.getLogger("client")


def read_private_state(
    manifest: Simulation,
    name: str,
    *,
    people: Path,
    contacts: Path,
    start: datetime.date | None = None,
    draws: bytes | None = None,
) -> PrivateState:
    """Read a client's private state.

    Args:
        manifest: of the run; its numbers name the agents in both files, its names the channels.
        name: of this client.
        people: columns `agent`, where there are any `cell`, and those of the model; one row for each own agent.
        contacts: columns `a`, `b`, and `date`, or `start` and `end`, or `day`; `channel` where there are several, and
            `weight`, 1 unless given; one row for each contact with an end among own agents.
        start: the day of the run's first step, for dates.
        draws: from which agents are drawn as they were before, of a client that was started again.

    Raises:
        DataError: a file cannot be read, or a row is wrong; the message names file and row.
        ParameterError: the manifest lists no client of that name.
    """
    own = {client.name: client.agents for client in manifest.clients}.get(name)
    if own is None:
        raise ParameterError(f"the manifest lists no client {name}; check the name in the client's config")
    lines, met = Table.read(people, least=0), Table.read(contacts, least=0)
    calendar = _calendar(lines, met, manifest, start)
    cell, columns, places = _people(lines, own, manifest, calendar)
    table, rows = _contacts(met, manifest, calendar)
    devices = _devices(people.parent, manifest)
    try:
        return PrivateState(manifest, name, contacts=table, cell=cell, columns=columns, devices=devices, draws=draws)
    except DataError as error:
        raise DataError(f"{_place(error, met, rows, lines, places)}: {error}") from error


def channels_of(names: tuple[str, ...], model: AgentModel) -> Channels:
    """Return the channels of a run as a list of contacts knows them."""
    return Channels(names, model.directed, tuple(along is not None for along in model.along))


def _calendar(people: Table, contacts: Table, manifest: Simulation, start: datetime.date | None) -> Calendar | None:
    """Return the run's calendar, of the times of both files, where its first day is known."""
    if start is None:
        return None
    met = [] if not len(contacts) else moments_of(contacts)
    known = line_list.moments_of(people, agent_model_of(manifest.model).columns)
    try:
        return Calendar.over([*met, *known], start=start, per_day=steps_per_day(manifest.dt))
    except DataError as error:
        raise DataError(f"{contacts.path}: {error}") from error


def _place(error: DataError, contacts: Table, rows: I64, people: Table, places: I64) -> str:
    """Return where a mistake stands that the private state found; of contacts unless it is of an agent."""
    if not error.row:
        return str(contacts.path)
    if str(error).startswith("contact"):
        return contacts.place(int(rows[error.row - 1]))
    return people.place(int(places[error.row - 1]))


def _devices(folder: Path, manifest: Simulation) -> DeviceKeys | None:
    """Return a device's keys, which lie beside its people, where edges are permuted."""
    if manifest.devices is None:
        return None
    agents = [agent for client in manifest.clients for agent in client.agents]
    return read_device_keys(folder, dict(zip(agents, range(len(agents)), strict=True)))


def _people(
    table: Table, own: tuple[int, ...], manifest: Simulation, calendar: Calendar | None
) -> tuple[I64, Columns, I64]:
    """Return cell and private columns of each own agent, in the manifest's order, and the rows that they stand in."""
    cells, specs = len(manifest.cells), agent_model_of(manifest.model).columns
    person = next((name for name in PERSON if name in table.columns), PERSON[0])
    needed = (person, *(["cell"] if cells else []), *(spec.name for spec in specs if spec.default is None))
    table.require(needed, allowed=(person, "cell", *(spec.name for spec in specs)))
    row_of: dict[int, int] = {}
    for row, agent in enumerate(table.whole(person, last=MAX_AGENT).tolist()):
        if agent in row_of:
            raise DataError(f"{table.place(row)}: agent {agent} is listed twice")
        row_of[agent] = row
    if set(row_of) != set(own):
        odd = min(set(row_of) ^ set(own))
        raise DataError(f"{table.path}: agent {odd} is in only one of this file and the manifest; list the same agents")
    order = np.array([row_of[agent] for agent in own], dtype=np.int64)
    columns = read_columns(table, specs, calendar)
    cell = table.whole("cell", last=cells - 1)[order] if cells else np.zeros(0, dtype=np.int64)
    return cell, {name: values[order] for name, values in columns.items()}, order


def _contacts(table: Table, manifest: Simulation, calendar: Calendar | None) -> tuple[ContactTable, I64]:
    """Return the contacts of the run's steps, by slot, and the row of each."""
    model = agent_model_of(manifest.model)
    table.require(("a", "b", *(["channel"] if len(manifest.channels) > 1 else [])), allowed=COLUMNS)
    agents = {agent: slot for slot, agent in enumerate(a for client in manifest.clients for a in client.agents)}
    dated = time_columns(table) != ("day",)

    def slot_of(text: str) -> int | None:
        return agents.get(int(text)) if text.isdecimal() and len(text) <= MAX_DIGITS else None

    channels = channels_of(manifest.channels, model)
    listed = ContactList.read(table, channels, number_of=slot_of, calendar=calendar if dated else None)
    met, rows, outside = listed.by_step(manifest.period if dated else None)
    if outside and not rows.size:
        raise DataError(
            f"{table.path}: all {outside} contacts are outside of the run's {manifest.period} steps from start on"
        )
    if outside:
        LOG.warning("%s: %d of %d contacts are outside of the run's steps", table.path, outside, len(table))
    return met, rows
