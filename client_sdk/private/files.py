"""Read an institution's own files: its people and their contacts, as CSV."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from client_sdk.private.contacts import ContactTable
from client_sdk.private.device_keys import DeviceKeys, read_device_keys
from client_sdk.private.state import PrivateState
from protocols.errors import DataError, ParameterError
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest

CONTACT_COLUMNS: Final = ("day", "a", "b", "channel", "weight")
MAX_WHOLE: Final = 2**62


def read_private_state(manifest: Manifest, name: str, *, people: Path, contacts: Path) -> PrivateState:
    """Read a client's private state.

    Args:
        manifest: of the run; its numbers name the agents in both files, its names the channels.
        name: of this client.
        people: columns `agent`, and where they apply `cell` and `susceptibility`; one row for each own agent.
        contacts: columns `day, a, b, channel, weight`; one row for each contact with an end among own agents.

    Raises:
        DataError: a file cannot be read, or a row is wrong; the message names file and row.
        ParameterError: the manifest lists no client of that name.
    """
    own = {client.name: client.agents for client in manifest.clients}.get(name)
    if own is None:
        raise ParameterError(f"the manifest lists no client {name}; check the name in the client's config")
    cell, susceptibility = _people(people, own, manifest)
    columns, places = _contacts(contacts, manifest)
    try:
        table = ContactTable(columns[0], columns[1], columns[2], columns[3], columns[4])
        devices = _devices(people.parent, manifest)
        return PrivateState(manifest, name, contacts=table, cell=cell, susceptibility=susceptibility, devices=devices)
    except DataError as error:
        place = str(contacts) if error.row is None else places[error.row - 1]
        raise DataError(f"{place}: {error}") from error


def _devices(folder: Path, manifest: Manifest) -> DeviceKeys | None:
    """Return a device's keys, which lie beside its people, where edges are permuted."""
    if manifest.devices is None:
        return None
    agents = [agent for client in manifest.clients for agent in client.agents]
    return read_device_keys(folder, dict(zip(agents, range(len(agents)), strict=True)))


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where each row stands, for messages, and its fields."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [column for column in needed if column not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{path} has no column {missing[0]}; it needs {', '.join(needed)}")
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


def _people(
    path: Path, own: tuple[int, ...], manifest: Manifest
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return cell and susceptibility of each own agent, in the manifest's order."""
    cells = len(manifest.cells)
    found: dict[int, tuple[int, float]] = {}
    for where, row in _rows(path, ("agent", "cell") if cells else ("agent",)):
        agent = _whole(where, "agent", row["agent"])
        if agent in found:
            raise DataError(f"{where}: agent {agent} is listed twice")
        cell = _whole(where, "cell", row["cell"]) if cells else 0
        if cell >= max(cells, 1):
            raise DataError(f"{where}: cell is {cell}; the run has cells 0 to {cells - 1}")
        found[agent] = cell, _susceptibility(where, row.get("susceptibility") or "1", manifest)
    if set(found) != set(own):
        odd = min(set(found) ^ set(own))
        raise DataError(f"{path}: agent {odd} is in only one of this file and the manifest; list the same agents")
    cell_of = np.array([found[agent][0] for agent in own] if cells else [], dtype=np.int64)
    return cell_of, np.array([found[agent][1] for agent in own], dtype=np.float64)


def _susceptibility(where: str, text: str, manifest: Manifest) -> float:
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{where}: susceptibility is {text!r}; a number is needed") from None
    if not 0 < value < float("inf"):
        raise DataError(f"{where}: susceptibility is {value}; a positive, finite number is needed")
    if 1.0 / value >= manifest.model.largest_scale:
        raise DataError(f"{where}: susceptibility is {value}; it must be above {1 / manifest.model.largest_scale:.3g}")
    return value


def _contacts(path: Path, manifest: Manifest) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return columns int64[5, m] of slots, channels and weights, and where each row stands."""
    layout = Layout.of(manifest)
    agents = [agent for client in manifest.clients for agent in client.agents]
    slot = dict(zip(agents, range(layout.n), strict=True))
    channel = {name: index for index, name in enumerate(manifest.channels)}
    table: list[tuple[int, int, int, int, int]] = []
    places: list[str] = []
    for where, row in _rows(path, CONTACT_COLUMNS):
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
