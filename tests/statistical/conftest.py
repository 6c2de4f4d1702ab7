"""What every party of a real run receives, in order, with coins that a test chooses.

Test modules cannot import each other, so what they share comes as fixtures.
"""

import asyncio
import functools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from lpm_secure.audit.views import recording
from lpm_secure.audit.views.world import World
from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.adjoints import PrivateAdjoints, mean_counts
from lpm_secure.gradients.private.result import engine_tensors
from lpm_secure.gradients.private.score import simulate_scores
from lpm_secure.gradients.private.tangents import simulate_tangents, synthetic_part
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan
from protocols.wire.transport import Transport


async def _drive(world: World, transports: Sequence[Transport]) -> object:
    """Be the engine of a run, whatever derivatives it takes."""
    import torch

    testbed, manifest = world.testbed, world.manifest
    part = RemotePart(manifest, transports)
    way = None if manifest.gradient is None else manifest.gradient.way
    if way == "tangents":
        return await simulate_tangents(manifest.relaxation, ReleasePlan.of(manifest), part, synthetic_part(testbed))
    if way == "score":
        return await simulate_scores(manifest, part, testbed.synthetic_agents(torch.device("cpu")))
    if way is None:
        return await world.drive(transports)
    private = PrivateAdjoints(manifest.relaxation, Layout.of(manifest), part, asyncio.get_running_loop())
    nobody, point = engine_tensors(replace(testbed, synthetic=0))
    theta = torch.tensor(point, requires_grad=True)

    def forth_and_back() -> None:
        mean_counts(private, nobody, theta)[-1, 0, 3].backward()

    return await asyncio.to_thread(forth_and_back)


@pytest.fixture
def world():
    """Return a function that makes a world from contacts, cells and states."""
    return World.of


@pytest.fixture
def drawn_world():
    """Return a function that draws a world from a seed."""
    return World.draw


@pytest.fixture
def record(operators_of):
    """Return a function that runs a world over real parties, and returns a recording of it."""
    return functools.partial(recording.record, start=operators_of, drive=_drive)
