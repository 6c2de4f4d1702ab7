"""What all private agents of a run were in each step, and where two runs part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch

from lpm_secure.engine.graph_population import GraphPopulation
from lpm_secure.engine.loop import ClearPart, simulate
from lpm_secure.engine.series import StageSeries
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.fixed_point import I64
from protocols.models.state import State
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation


@final
@dataclass(frozen=True, slots=True, eq=False)
class StateHistory:
    """States of all private agents.

    Attributes:
        fields: int64[T + 1, n] of each field of the model that is known, by slot; before each step.
    """

    fields: Mapping[str, I64] = field(repr=False)

    @property
    def moved(self) -> int:
        """Return how many agents were not in the same state all the time."""
        return int(np.any([(values != values[0]).any(axis=0) for values in self.fields.values()], axis=0).sum())


def difference(private: StateHistory, clear: StateHistory, manifest: Simulation) -> str:
    """Return where two runs first part: step, client and field, in words; empty where they do not."""
    own = Layout.of(manifest).own
    parts = {name: private.fields[name] != clear.fields[name] for name in private.fields}
    steps = {name: int(np.argmax(each.any(axis=1))) for name, each in parts.items() if each.any()}
    if not steps:
        return ""
    step = min(steps.values())
    (name, *_) = [name for name, first in steps.items() if first == step]
    count = {client: int(parts[name][step, first:end].sum()) for client, (first, end) in own.items()}
    client = next(client for client, differ in count.items() if differ)
    return f"step {step}: the {name} of {count[client]} agents of {client} is another in the private run"


async def clear_history(testbed: Testbed) -> tuple[StateHistory, StageSeries]:
    """Run everything in this process, with no protection, and return all states and the series."""
    manifest, device = testbed.manifest, torch.device("cpu")
    agents = GraphPopulation(
        manifest.dynamics,
        testbed.source_of_draws,
        cell=testbed.cell,
        contacts=testbed.contacts,
        columns=testbed.columns,
        device=device,
    )
    states = [_copy(agents.state)]
    series = await simulate(
        manifest,
        ClearPart(manifest, agents),
        testbed.synthetic_agents(device),
        environment=testbed.new_environment(),
        on_step=lambda step, release: states.append(_copy(agents.state)),
    )
    return _stack(states[: manifest.steps + 1]), series


def _stack(states: list[dict[str, I64]]) -> StateHistory:
    """Return states of the steps from 0 on as one trajectory."""
    return StateHistory({name: np.stack([state[name] for state in states]) for name in states[0]})


def _copy(state: State) -> dict[str, I64]:
    return {name: np.array(values, dtype=np.int64) for name, values in state.items()}
