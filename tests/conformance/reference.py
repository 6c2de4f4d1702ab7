"""The epidemic once more, in loops over plain Python integers: what private runs with absent clients are held against.

It knows nothing of vectors, shares, layouts or torch. It takes from the model only the state of day 0.
"""

from collections import defaultdict

import numpy as np

from client_sdk.private.state import simulation_key
from lpm_secure.testbed.synthetic import SYNTHETIC_FROM, cells_of
from protocols.models.agent_model import AgentSource
from protocols.releases.suppression import suppress
from protocols.task.release_plan import suppression_of
from tests.epidemics import table_of

S, E, I, R = range(4)  # noqa: E741


class Agent:
    """One agent of the reference."""

    def __init__(self, owner, cell, fields):
        self.owner, self.cell, self.hazard = owner, cell, 0
        self.__dict__.update(fields)

    def update(self, hazard, decided=True):
        """Move on by one day: those who wait get nearer to the end of it; those who are struck fall ill.

        Whoever is not told whether it was struck stays as it is, and may be told later.
        """
        self.hazard += hazard
        if self.stage in (E, I):
            self.timer -= 1
            if self.timer == 0 and self.stage == E:
                self.stage, self.timer = I, self.infectious
            elif self.timer == 0:
                self.stage = R
        elif self.stage == S and self.hazard > self.tau and decided:
            self.stage, self.timer = E, self.latent


def agents_of(manifest, numbers, cells, owners):
    """Return agents as they are on day 0."""
    source = AgentSource(np.array(numbers, dtype=np.uint64), simulation_key(manifest.testbed_seed))
    start = manifest.model.agents.initial_state(source, {})
    fields = {name: values.tolist() for name, values in start.items()}
    return [
        Agent(owner, cell, {name: values[index] for name, values in fields.items()})
        for index, (owner, cell) in enumerate(zip(owners, cells, strict=True))
    ]


def reference(testbed, missed, undecided=None, deaf=None):
    """Run a testbed in loops, where client c is away in the steps `missed[c]`.

    In outcome mode an absent client is not heard, but what others tell its agents reaches the aggregators; in the steps
    `undecided[c]` it is absent when they decide, and in `deaf[c]` it was heard and is not told what cells came to.

    Returns:
        Field to list of all private agents, and the counts of every day.
    """
    manifest = testbed.manifest
    outcome, undecided = manifest.schedule.outcome, undecided or defaultdict(set)
    deaf = deaf or defaultdict(set)
    numbers = [agent for client in manifest.clients for agent in client.agents]
    owners = [client.name for client in manifest.clients for _ in client.agents]
    cells = testbed.cell.tolist() or [0] * len(numbers)
    private = agents_of(manifest, numbers, cells, owners)
    others = np.arange(testbed.synthetic, dtype=np.uint64) + np.uint64(SYNTHETIC_FROM)
    cells = cells_of(others, manifest).tolist() or [0] * len(others)
    synthetic = agents_of(manifest, others, cells, [None] * len(others))
    table, numbers = testbed.contacts, table_of(manifest.model)
    rows = list(zip(*(c.tolist() for c in (table.day, table.a, table.b, table.channel, table.weight)), strict=True))
    counts = []
    for step in range(manifest.steps + 1):
        here = {None} | {c.name for c in manifest.clients if step not in missed[c.name]}
        hears = {name for name in here if name is None or step not in deaf[name]}
        present = [[a for a in part if a.owner in here] for part in (private, synthetic)]
        counts.append([[sum(a.stage == q for a in part) for q in range(4)] for part in present])
        ill = [[a.cell for a in part if a.stage == I] for part in present]
        each = [[part.count(cell) for cell in range(len(manifest.cells))] for part in ill]
        if manifest.min_count:
            released = (np.array(part[0], dtype=np.int64) for part in (each, counts[-1]))
            small = suppress(suppression_of(manifest), *released, agents=len(present[0]))
            each[0], counts[-1][0] = (part.tolist() for part in small)
        if step == manifest.steps:
            break
        totals = [sum(both) for both in zip(*each, strict=True)]
        pressure = [
            numbers.cell_beta * min(total, size) // size for total, size in zip(totals, manifest.cells, strict=True)
        ]
        hazard = [
            pressure[a.cell] if pressure and a.owner in here and step not in deaf[a.owner] else 0 for a in private
        ]
        for day, a, b, channel, weight in rows:
            for sender, target in ((a, b), (b, a)) if day == step % manifest.period else ():
                one, two = private[sender], private[target]
                heard = one.owner == two.owner or (one.owner in here and (outcome or two.owner in hears))
                if heard and one.stage == I:
                    hazard[target] += numbers.beta[channel] * weight
        for agent, increment in zip(private, hazard, strict=True):
            agent.update(increment, step not in undecided[agent.owner])
        for agent in synthetic:
            agent.update(pressure[agent.cell] if pressure else 0)
    return {name: [getattr(a, name) for a in private] for name in manifest.model.graph.fields}, counts
