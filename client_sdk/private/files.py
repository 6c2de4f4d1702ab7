"""Read an institution's own files: its people and their contacts, as CSV."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from client_sdk.private.contacts import ContactTable
from client_sdk.private.device_keys import DeviceKeys, read_device_keys
from client_sdk.private.state import PrivateState
from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError, ParameterError
from protocols.models.agent_model import Columns, ColumnSpec
from protocols.models.run_model import agent_model_of
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation

CONTACT_COLUMNS: Final = ("day", "a", "b", "channel", "weight")
MAX_WHOLE: Final = 2**62


def read_private_state(manifest: Simulation, name: str, *, people: Path, contacts: Path) -> PrivateState:
    """Read a client's private state.

    Args:
        manifest: of the run; its numbers name the agents in both files, its names the channels.
        name: of this client.
        people: columns `agent`, where there are any `cell`, and those of the model; one row for each own agent.
        contacts: columns `day, a, b, channel, weight`; one row for each contact with an end among own agents.

    Raises:
        DataError: a file cannot be read, or a row is wrong; the message names file and row.
        ParameterError: the manifest lists no client of that name.
    """
    own = {client.name: client.agents for client in manifest.clients}.get(name)
    if own is None:
        raise ParameterError(f"the manifest lists no client {name}; check the name in the client's config")
    cell, columns = _people(people, own, manifest)
    edges, places = _contacts(contacts, manifest)
    try:
        table = ContactTable(edges[0], edges[1], edges[2], edges[3], edges[4])
        devices = _devices(people.parent, manifest)
        return PrivateState(manifest, name, contacts=table, cell=cell, columns=columns, devices=devices)
    except DataError as error:
        place = str(contacts) if error.row is None else places[error.row - 1]
        raise DataError(f"{place}: {error}") from error


def _devices(folder: Path, manifest: Simulation) -> DeviceKeys | None:
    """Return a device's keys, which lie beside its people, where edges are permuted."""
    if manifest.devices is None:
        return None
    agents = [agent for client in manifest.clients for agent in client.agents]
    return read_device_keys(folder, dict(zip(agents, range(len(agents)), strict=True)))


def _rows(path: Path, needed: tuple[str, ...], allowed: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where each row stands, for messages, and its fields, which commas or semicolons part.

    A column that nobody reads is a mistake.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # as spreadsheets write it
            header = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, strict=True, delimiter=";" if ";" in header else ",")
            missing = [column for column in needed if column not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{path} has no column {missing[0]}; it needs {', '.join(needed)}")
            unread = [column for column in reader.fieldnames or () if column not in allowed]
            if unread:
                raise DataError(f"{path} has a column {unread[0]}, which nothing reads; it has {', '.join(allowed)}")
            for row in reader:
                where = f"{path}, row {reader.line_num}"
                if None in row or None in row.values():
                    raise DataError(f"{where}: another number of fields than the header has")
                yield where, row
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not CSV in UTF-8: {error}") from error


def _whole(where: str, column: str, text: str) -> int:
    """Read a whole number that is not negative."""
    try:
        value = int(text)
    except ValueError:
        raise DataError(f"{where}: {column} is {text!r}; a whole number is needed") from None
    if not 0 <= value < MAX_WHOLE:
        raise DataError(f"{where}: {column} is {value}; it must lie in [0, 2**62)")
    return value


def _people(path: Path, own: tuple[int, ...], manifest: Simulation) -> tuple[I64, Columns]:
    """Return cell and private columns of each own agent, in the manifest's order."""
    cells, specs = len(manifest.cells), agent_model_of(manifest.model).columns
    found: dict[int, tuple[int, dict[str, float]]] = {}
    allowed = ("agent", "cell", *(spec.name for spec in specs))
    needed = ("agent", *(["cell"] if cells else []), *(spec.name for spec in specs if spec.default is None))
    for where, row in _rows(path, needed, allowed):
        agent = _whole(where, "agent", row["agent"])
        if agent in found:
            raise DataError(f"{where}: agent {agent} is listed twice")
        cell = _whole(where, "cell", row["cell"]) if cells else 0
        if cell >= max(cells, 1):
            raise DataError(f"{where}: cell is {cell}; the run has cells 0 to {cells - 1}")
        found[agent] = cell, {spec.name: _number(where, spec, row.get(spec.name, "")) for spec in specs}
    if set(found) != set(own):
        odd = min(set(found) ^ set(own))
        raise DataError(f"{path}: agent {odd} is in only one of this file and the manifest; list the same agents")
    cell_of = np.array([found[agent][0] for agent in own] if cells else [], dtype=np.int64)
    return cell_of, {spec.name: np.array([found[agent][1][spec.name] for agent in own]) for spec in specs}


def _number(where: str, spec: ColumnSpec, text: str) -> float:
    """Read a number of a private column; never said in a message of this process to others."""
    if text == "" and spec.default is not None:
        return spec.default
    if text in spec.names:
        return spec.names.index(text)
    kind = "a whole number" if spec.whole else "a number"
    kind = f"one of {', '.join(spec.names)}" if spec.names else kind
    try:
        value = int(text) if spec.whole else float(text)
    except ValueError:
        raise DataError(f"{where}: {spec.name} is {text!r}; {kind} is needed") from None
    if not spec.low <= value <= spec.high:
        raise DataError(f"{where}: {spec.name} is {value}; it must lie in [{spec.low:.10g}, {spec.high:.10g}]")
    return value


def _contacts(path: Path, manifest: Simulation) -> tuple[I64, list[str]]:
    """Return columns int64[5, m] of slots, channels and weights, and where each row stands."""
    layout = Layout.of(manifest)
    agents = [agent for client in manifest.clients for agent in client.agents]
    slot = dict(zip(agents, range(layout.n), strict=True))
    channel = {name: index for index, name in enumerate(manifest.channels)}
    table: list[tuple[int, int, int, int, int]] = []
    places: list[str] = []
    for where, row in _rows(path, CONTACT_COLUMNS, CONTACT_COLUMNS):
        ends = [_whole(where, end, row[end]) for end in ("a", "b")]
        for agent in ends:
            if agent not in slot:
                raise DataError(f"{where}: names the unknown person {agent}; the manifest lists who takes part")
        if row["channel"] not in channel:
            raise DataError(f"{where}: channel {row['channel']!r}; the run has {', '.join(channel)}")
        day, weight = (_whole(where, column, row[column]) for column in ("day", "weight"))
        places.append(where)
        table.append((day, slot[ends[0]], slot[ends[1]], channel[row["channel"]], weight))
    columns = np.array(table, dtype=np.int64).reshape(-1, len(CONTACT_COLUMNS)).T
    return columns, places
