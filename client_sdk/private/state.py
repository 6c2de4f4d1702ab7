"""What a client keeps to itself."""

import hmac
import os
from typing import Any, Final, Never, final

import msgspec
import numpy as np

from client_sdk.private.contacts import Contacts, ContactTable, refuse
from client_sdk.private.device_keys import DeviceKeys
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.philox import Key
from protocols.errors import DataError, ParameterError
from protocols.models.agent_model import NO_COLUMNS, AgentModel, AgentSource, Columns
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation
from protocols.task.parties import ClientParty

DRAW_BYTES: Final = 16
TESTBED: Final = 0x7465737462656400  # second word of the testbed's key: "testbed"


def simulation_keys(seed: int | None, copies: int, draws: bytes | None, people: int) -> Key:
    """Return the key of the simulation generator, or of replicates that of each agent, uint64[n_own] twice.

    Args:
        seed, draws: as of `simulation_key`; each replicate has a seed of its own, one above that of the one before.
        copies: replicates of the run.
        people: of the client.
    """
    if copies == 1:
        return simulation_key(seed, draws)
    root = os.urandom(DRAW_BYTES) if draws is None else draws
    names = (copy.to_bytes(DRAW_BYTES, "little") for copy in range(copies))
    own = [hmac.digest(root, name, "sha256")[:DRAW_BYTES] for name in names]
    keys = [simulation_key(None if seed is None else seed + copy, own[copy]) for copy in range(copies)]
    one, other = (np.tile(np.array(words, dtype=np.uint64), people) for words in zip(*keys, strict=True))
    return one, other


def simulation_key(seed: int | None, draws: bytes | None = None) -> tuple[int, int]:
    """Return the key of the simulation generator: the testbed's where the manifest names a seed, else a fresh one.

    Args:
        seed: that it names.
        draws: 16 bytes of the system's randomness, of a client that draws the same once more.
    """
    if seed is not None:
        return seed, TESTBED
    drawn = os.urandom(DRAW_BYTES) if draws is None else draws
    return int.from_bytes(drawn[:8], "little"), int.from_bytes(drawn[8:], "little")


def draw_numbers(client: ClientParty, common: int | msgspec.UnsetType) -> U64:
    """Return by whose numbers a client's agents draw, uint64[n_own]; with common draws a group has its first one's."""
    agents = np.array(client.agents, dtype=np.uint64)
    group = 1 if common is msgspec.UNSET else common
    return agents[np.arange(agents.size) // group * group]


@final
class PrivateState:
    """The agents of one client: states, thresholds, cells and contacts.

    Where the run has replicates, an agent's copies stand side by side, as the layout has them.

    Attributes:
        state: fields of the model, array[n_own] each.
        contacts: out of own agents.
        columns: array[n_own] of each private column of the model that was given.
        source: the numbers by which agents draw, and the key of what is drawn of them.
        names: what the client itself calls its agents; empty where it calls them by the manifest's numbers.

    Security: never leaves the client. It prints as its size alone and cannot be pickled or copied. Memory is not
        locked: an attacker who reads the process' memory reads it.
    """

    __slots__ = (
        "_cell",
        "_cell_field",
        "_copies",
        "columns",
        "contacts",
        "devices",
        "name",
        "names",
        "source",
        "state",
    )

    def __init__(
        self,
        manifest: Simulation,
        name: str,
        *,
        contacts: ContactTable,
        cell: I64,
        columns: Columns = NO_COLUMNS,
        devices: DeviceKeys | None = None,
        names: tuple[str, ...] = (),
        draws: bytes | None = None,
    ) -> None:
        """Draw thresholds and durations of the client's agents, and keep their contacts.

        Args:
            manifest: of the run.
            name: of this client in it.
            contacts: those with an end among the client's own agents; slots of the layout.
            cell: int64[n_own], the cell of each agent, which stays; none where the model's agents move between cells.
            columns: array[n_own] of each private column of the model.
            devices: the keys of a device, where edges are permuted.
            draws: 16 bytes from which agents are drawn as they were before; from the system's randomness unless given.

        Raises:
            ParameterError: the manifest lists no such client.
            DataError: a value out of its range.
        """
        layout = Layout.of(manifest)
        if name not in layout.own:
            raise ParameterError(f"the manifest lists no client {name}; it has {', '.join(list(layout.own)[:20])}")
        own, copies = layout.people(name), layout.copies
        first, end = own.start, own.stop
        agents = draw_numbers(next(each for each in manifest.clients if each.name == name), manifest.common_draws)
        model = manifest.model.agents
        _check(contacts, layout, (first, end), period=manifest.period)
        _check_weights(contacts, model, manifest.max_message)
        _check_cells(cell, agents.size, len(manifest.cells), model.cell_field)
        if manifest.twins:
            _check_twins(cell, manifest.twins[name])
        self.name = name
        self.names = names
        self.devices = devices
        self._cell, self._cell_field = _of_replicates(np.repeat(cell, copies), copies), model.cell_field
        self._copies = copies
        self.columns = columns
        edges = Contacts.of(contacts, layout=layout, period=manifest.period, own=(first, end), directed=model.directed)
        largest = edges.largest_message(model.most, model.along)
        if largest > manifest.max_message:
            raise DataError(
                f"two agents have contacts of weight {largest} in all on one day; {weight_limit(manifest.max_message)}"
            )
        if manifest.devices is not None:
            _check_degree(edges, manifest.devices.degree)
        self.contacts = edges if copies == 1 else edges.replicate(copies)
        if copies > 1:  # a mistake in a column is told by the row of its agent, who stands there once
            model.initial_state(AgentSource(agents, (0, 0)), columns)
            self.columns = {column: np.repeat(values, copies) for column, values in columns.items()}
        key = simulation_keys(manifest.testbed_seed, copies, draws, agents.size)
        self.source = AgentSource(np.repeat(agents, copies), key)
        self.state = model.initial_state(self.source, self.columns)

    @property
    def cell(self) -> I64:
        """Return the cell of each agent at present, int64[n_own]; empty where the run has no cells."""
        if self._cell_field is None:
            return self._cell
        return _of_replicates(self.state[self._cell_field], self._copies)

    def __repr__(self) -> str:
        """Tell the size, and nothing else."""
        return f"PrivateState({self.name}: {self.source.agents.size} agents, hidden)"

    def __reduce_ex__(self, protocol: Any) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a private state is not pickled or copied: it stays in its client's process")


def _of_replicates(cell: I64, copies: int) -> I64:
    """Return the cell of each agent's own replicate, int64[n_own], from that of each agent."""
    own: I64 = cell * copies + np.arange(cell.size) % copies
    return own


def _check(contacts: ContactTable, layout: Layout, own: tuple[int, int], *, period: int) -> None:
    c, n, (first, end) = layout.channels, layout.n // layout.copies, own
    for column in (contacts.a, contacts.b):
        refuse((column < 0) | (column >= n), column, "contact {row} names an agent that the run does not have")
    refuse(
        contacts.channel >= c,
        contacts.channel,
        f"contact {{row}} is on channel {{got}}; the run has channels 0 to {c - 1}",
    )
    refuse(
        contacts.day >= period, contacts.day, f"contact {{row}} is on day {{got}}; the run has days 0 to {period - 1}"
    )
    own_a = (contacts.a >= first) & (contacts.a < end)
    own_b = (contacts.b >= first) & (contacts.b < end)
    refuse(
        ~(own_a | own_b),
        contacts.a,
        "contact {row} is between agents of other clients; give a client only those of its own",
    )


def _check_weights(contacts: ContactTable, model: AgentModel, largest: int) -> None:
    """Hold weights against the largest message, and contacts' own numbers against what the model declares."""
    weight, limit = contacts.weight, weight_limit(largest)
    most = np.array(model.most, dtype=np.int64)[contacts.channel]
    ranges = np.array([each or (0, -1) for each in model.along], dtype=np.int64).reshape(-1, 2)[contacts.channel]
    low, high = ranges.T
    multiplies = high < low
    refuse(multiplies & (weight > largest), weight, f"contact {{row}} has weight {{got}}; {limit}")
    louder = multiplies & (weight > largest // most)  # before products of them, which could wrap
    refuse(louder, weight, f"contact {{row}} makes a message {{got}} times as large; {limit}")
    outside = ~multiplies & ((weight < low) | (weight > high))
    refuse(outside, weight, "contact {row} has the number {got}, which is out of the range that the model declares")


def _check_degree(contacts: Contacts, degree: int) -> None:
    """Refuse more contacts on a day than the manifest has slots for, whoever of them takes part.

    Security: a client that found it out after its thresholds would show by leaving that it has so many.
    """
    for day, each in enumerate(contacts.days):
        met = np.unique(each.target // contacts.c).size
        if met > degree:
            raise DataError(f"got {met} contacts on day {day}; the manifest has slots for {degree}")


def weight_limit(largest: int) -> str:
    """Return what a message says of weights that are too large."""
    return f"the manifest allows {largest}: use a coarser unit, or ask for another manifest"


def _check_twins(cell: I64, counts: tuple[int, ...]) -> None:
    """Refuse cells of which the manifest counts other agents: their twins would be elsewhere."""
    for place, (own, listed) in enumerate(zip(np.bincount(cell, minlength=len(counts)).tolist(), counts, strict=True)):
        if own != listed:
            raise DataError(
                f"{own} agents are in cell {place}, and the manifest counts {listed} there, for their twins; mend the "
                "column cell, or ask the run's operator for another manifest"
            )


def _check_cells(cell: I64, n_own: int, cells: int, field: str | None) -> None:
    if field is not None:
        if cell.size:
            raise DataError(f"got cells of {cell.size} agents, who move: their cells are the field {field}; give none")
        return
    if cells == 0 and cell.size == 0:
        return
    if cell.shape != (n_own,):
        raise DataError(f"got cells of {cell.size} agents; the client has {n_own}")
    refuse((cell < 0) | (cell >= cells), cell, f"agent {{row}} is in cell {{got}}; the run has cells 0 to {cells - 1}")
