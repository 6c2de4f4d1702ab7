"""Two worlds: runs that differ in all that is private, and in nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch

from client_sdk import ContactTable, PrivateState
from client_sdk.gradients.participant import take_part_over
from client_sdk.simulation.exchange import Exchange
from lpm_secure.engine.loop import RemotePart, simulate_replicates
from lpm_secure.testbed.synthetic import draw_columns
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.fixed_point import I64
from protocols.task.layout import Layout
from protocols.task.manifest import SimulationManifest
from protocols.wire.transport import Transport


@final
@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A testbed whose private states are set after they are drawn.

    Attributes:
        testbed: of the run.
        state: field to array[n], in the manifest's order, of what is set.
    """

    testbed: Testbed
    state: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, manifest: SimulationManifest, rows: Any, cell: Any, synthetic: int = 0, **state: Any) -> "World":
        """Return a world from contacts (rows of day, a, b, channel, weight), cells and states of all agents."""
        table = ContactTable(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)
        cells = np.array(cell, dtype=np.int64)
        numbers = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.uint64)
        columns = draw_columns(manifest, numbers)
        public = manifest.model.agents.public
        drawn = {"name": "uniform", "ranges": public} if public else {}
        testbed = Testbed(manifest, table, cells, synthetic, "drawn", False, columns=columns, environment=drawn)
        return cls(testbed, {key: np.asarray(value) for key, value in state.items()})

    @classmethod
    def draw(cls, manifest: SimulationManifest, seed: int, synthetic: int = 0) -> "World":
        """Return a world in which all that is private is drawn: contacts, cells, and the agents' state."""
        draw, layout = np.random.default_rng(seed), Layout.of(manifest)
        n = layout.n // layout.copies
        a, b = np.array([draw.choice(n, 2, replace=False) for _ in range(3 * n)]).T
        day, channel = draw.integers(0, manifest.period, a.size), draw.integers(0, max(layout.channels, 1), a.size)
        state = manifest.model.agents.draw_state(draw, n)
        weight = draw.integers(1, 20, a.size)
        for number, along in enumerate(manifest.model.agents.along):
            if along is not None:  # a contact's own number has a range
                weight[channel == number] = along[0] + weight[channel == number] % (along[1] - along[0] + 1)
        rows = np.stack([day, a, b, channel, weight], axis=1)
        stays = manifest.cells and manifest.model.agents.cell_field is None
        cell: I64 | list[int] = draw.integers(0, len(manifest.cells), n) if stays else []
        return cls.of(manifest, rows if layout.channels else rows[:0], cell, synthetic, **state)

    @property
    def manifest(self) -> SimulationManifest:
        """Return the run's manifest."""
        return self.testbed.manifest

    async def take_part(self, exchange: Exchange, name: str) -> bool:
        """Be one client of the run; return whether it missed a round."""
        joined = await take_part_over(self.manifest, self.private_state(name), exchange)
        await joined.run()
        return bool(joined.missed)

    async def drive(self, transports: Sequence[Transport]) -> object:
        """Be the engine of the run."""
        part, each = RemotePart(self.manifest, transports), self.testbed.replicates
        synthetic = [own.synthetic_agents(torch.device("cpu")) for own in each]
        environments = [own.new_environment() for own in each]
        return await simulate_replicates(self.manifest, part, synthetic, environments)

    def private_state(self, name: str) -> PrivateState:
        """Return what one client keeps to itself."""
        private = self.testbed.private_state(name)
        layout, drawn = Layout.of(self.testbed.manifest), dict(private.state)
        own = {key: np.repeat(value[layout.people(name)], layout.copies) for key, value in self.state.items()}
        private.state = drawn | {key: values.astype(drawn[key].dtype) for key, values in own.items()}
        return private
