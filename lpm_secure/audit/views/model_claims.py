"""What holds for every model: the same bits on all back ends and in private runs, and views that tell nothing."""

from typing import Any, Final

import numpy as np
import torch

from lpm_secure.audit.views.check import receives_the_same, small_simulation
from lpm_secure.audit.views.in_process import operators, play
from lpm_secure.audit.views.world import World
from lpm_secure.engine.loop import ClearPart, simulate
from lpm_secure.event_loop import complete
from lpm_secure.models.model import Model
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.model_check import check_model
from protocols.models.graph.agents import GraphModel
from protocols.task.manifest import SimulationManifest
from protocols.task.parties import AggregatorParty, ClientParty, DealerParty

WORLDS: Final = 3  # of drawn contacts, cells and columns, for each comparison


def find_differences(model: type[Model]) -> list[str]:
    """Return the back ends that compute other bits than the interpreter, or leave a declared range, in words."""
    return [f"{name} differs at {difference}" for name, difference in check_model(model).differences.items()]


def find_disparity_of_two(model: type[Model]) -> list[str]:
    """Return the fields that end otherwise in private runs over two aggregators than in the clear, in words."""
    return [line for seed in range(WORLDS) for line in complete(_find_disparity(_manifest_of(model, 2), seed))]


def find_disparity_of_three(model: type[Model]) -> list[str]:
    """Return the same over three aggregators."""
    return [line for seed in range(WORLDS) for line in complete(_find_disparity(_manifest_of(model, 3), seed))]


def find_leaks(model: type[Model]) -> list[str]:
    """Return what aggregators receive that differs in two worlds, in words."""
    return receives_the_same(_manifest_of(model, 2))


async def _find_disparity(manifest: SimulationManifest, seed: int) -> list[str]:
    testbed, device = World.draw(manifest, seed).testbed, torch.device("cpu")
    with operators(manifest) as started:
        _, clients = await play(testbed, started)
    clear: Any = testbed.clear_agents(device)
    part, synthetic = ClearPart(manifest, clear), testbed.synthetic_agents(device)
    await simulate(manifest, part, synthetic, environment=testbed.new_environment())
    return [
        f"in drawn world {seed} {field} ends otherwise in private than in the clear"
        for field, values in clear.state.items()
        if not np.array_equal(np.concatenate([client.private.state[field] for client in clients]), values)
    ]


def _manifest_of(model: type[Model], k: int) -> SimulationManifest:
    """Return the manifest of a small run of a model: in outcome mode, unless it has none."""
    traced = trace(model)
    graph = GraphModel(traced.graph, dict(traced.parameters))
    compares = bool(graph.agents.outcomes)
    given = SimulationManifest(
        name="small",
        model=graph,
        model_hash=graph.digest,
        steps=1,
        channels=graph.contact_channels,
        max_message=max((1, *(each.most for each in traced.graph.channels.values()))),
        cells=(1,) * len(graph.agents.cell_names),
        engine=bool(traced.graph.public),
        mode="outcome" if compares else "sum",
        aggregators=tuple(
            AggregatorParty(f"aggregator-{a}", f"here:{a + 1}", f"here:{a + 50}" if compares else None)
            for a in range(k)
        ),
        dealer=DealerParty("dealer", "here:99") if compares else None,
        clients=(ClientParty("client", (1,)),),
        min_cohort=1,
    )
    return small_simulation(given)
